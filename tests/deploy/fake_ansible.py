#!/usr/bin/env python3
"""Stands for ansible-playbook: prints what the file script.json beside it says, and notes how it was called.

It connects to nothing and reads no playbook; what Ansible itself does is shown on real machines (tests/playbooks).
"""

import json
import os
import pathlib
import subprocess
import sys
import time

here = pathlib.Path(sys.argv[0]).parent
script = json.loads((here / "script.json").read_text())
if sys.argv[1:] == ["--version"]:
    sys.stdout.write(script.get("version", "ansible-playbook [core 2.19.14]\n"))
    sys.exit(script.get("version_code", 0))
hosts = pathlib.Path(sys.argv[2])
called = {"argv": sys.argv[1:], "env": dict(os.environ), "hosts": json.loads(hosts.read_text())}
(here / "called.json").write_text(json.dumps({**called, "mode": hosts.stat().st_mode & 0o777}))
for line in script.get("lines", []):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
if script.get("hangs"):
    worker = subprocess.Popen(["sleep", "60"], start_new_session=True)
    (here / "pids.json").write_text(json.dumps([os.getpid(), worker.pid]))
    time.sleep(60)
sys.exit(script.get("code", 0))
