"""Stands in for zephyr-deploy: notes how it was called, and answers as it was told; ``ci`` is the real one's.

That costs a second: where it does not matter, a file ``ci.json`` has it do nothing.

::

    python tool.py FOLDER redeploy ...

In the folder, ``redeploy.json`` has the exit code and the document; a code of None waits for Ctrl-C. ``history``
answers by what is kept, unless there is a file ``history.fails``.
"""

import json
import os
import sys
import time
from pathlib import Path

folder, command, words = Path(sys.argv[1]), sys.argv[2], sys.argv[2:]
if command == "ci" and not (folder / "ci.json").exists():
    os.execv(sys.executable, [sys.executable, "-m", "zephyr_deploy", *words])
if command == "ci":
    sys.exit()
settings = [f"{name}={os.environ[name]}" for name in ("ZEPHYR_GUEST", "ZEPHYR_DEPLOY_KEY") if name in os.environ]
with (Path.home() / "called").open("a") as file:
    file.write(" ".join([*words, *settings]) + "\n")
if command == "bench":
    kept = Path.home() / ".local/state/zephyr-deploy/benchmarks/demo"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / str(len(list(kept.iterdir())))).touch()
    Path("bench.json").touch()
if command == "history" and not (folder / "history.fails").exists():
    nights = len(list((Path.home() / ".local/state/zephyr-deploy/benchmarks/demo").iterdir()))
    sys.stdout.write("".join(f"demo@-{back}\n" for back in range(nights, 0, -1)))
    sys.exit()
code, document = json.loads((folder / f"{command}.json").read_text())
if code is None:
    try:
        (folder / "waits").touch()
        time.sleep(20)
    except KeyboardInterrupt:
        code = 130
sys.stdout.write(json.dumps(document))
sys.exit(code)
