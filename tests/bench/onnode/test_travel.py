from __future__ import annotations

import ast
import subprocess
import sys
import zlib

from zephyr_deploy.bench.onnode.travel import ALONG, archive, files, modules

IMPORTS_ALL = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib
for name in sys.argv[2].split(","):
    importlib.import_module(name)
foreign = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"__main__"}
print(",".join(sorted(foreign)))
"""


def test_what_travels_needs_nothing_but_python_and_h11(tmp_path):
    """Run without site packages, as on a machine that has none."""
    path = tmp_path / "program.zip"
    path.write_bytes(zlib.decompress(archive()))
    command = [sys.executable, "-S", "-I", "-c", IMPORTS_ALL, str(path), ",".join(sorted(modules()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == f"{ALONG},zephyr_deploy"


def test_it_holds_the_driver_and_no_more_of_the_tool():
    assert "zephyr_deploy.bench.wire.connection" in modules()
    assert not {name for name in modules() if name.startswith(("zephyr_deploy.cli", "zephyr_deploy.deploy"))}
    assert len(archive()) < 150_000


def test_it_is_the_same_each_time():
    archive.cache_clear()
    first = archive()
    archive.cache_clear()
    assert archive() == first


def test_it_is_for_the_oldest_python_that_may_be_there():
    for name, text in files().items():
        ast.parse(text, name, feature_version=(3, 10))
