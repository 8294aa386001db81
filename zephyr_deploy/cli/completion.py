"""What the shell may offer; read from local state only, so that the Tab key never waits for a network."""

from __future__ import annotations


def deployment_names(incomplete: str) -> list[str]:
    """Names of deployments that this machine remembers and that begin with ``incomplete``."""
    from zephyr_deploy.paths import state_dir

    try:
        folders = [path.name for path in (state_dir() / "deployments").iterdir() if path.is_dir()]
    except OSError:
        return []
    return sorted(name for name in folders if name.startswith(incomplete))
