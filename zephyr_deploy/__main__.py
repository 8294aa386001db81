"""``python -m zephyr_deploy``."""

from zephyr_deploy.cli.main import run

if __name__ == "__main__":
    run()
