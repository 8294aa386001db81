"""The program: ``zephyr-deploy``, or ``python -m zephyr_deploy``."""

import gc
import os
import sys

LOOKED_THROUGH_AFTER = 250_000
"""New objects. What loading makes stays, some 200,000 of them: to look through it once takes 11 ms, and 30 ms more
after every 700, Python's default."""


def run() -> None:
    """Be the program; Ctrl-C while it is still being imported ends it as quietly as later."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it reads every installed package to look for some
    gc.set_threshold(LOOKED_THROUGH_AFTER)
    try:
        from zephyr_deploy.later import put_off

        put_off("invoke")  # a third of what paramiko takes to load: for `Match exec` in ssh's configuration, and Fabric
        put_off("importlib.metadata", "entry_points")  # which pydantic would call if it were to look for plugins
        from zephyr_deploy.cli.main import run as run_command
    except KeyboardInterrupt:
        sys.exit(130)
    run_command()


if __name__ == "__main__":
    run()
