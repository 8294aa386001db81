"""``zephyr-deploy version``."""

from __future__ import annotations

from zephyr_deploy import __version__
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import FIX, verb

LIBRARIES = (
    "boto3",
    "fabric",
    "huggingface-hub",
    "jinja2",
    "paramiko",
    "pydantic",
    "text-generation",
    "typer",
    "xllamacpp",
)


@verb(
    panel=FIX,
    examples=[
        ("zephyr-deploy version", "This tool, Python and the libraries it stands on"),
        ("zephyr-deploy version -o json", "The same for a bug report"),
    ],
)
def version(session: Session) -> None:
    """Show the version of this tool, of Python and of the libraries."""
    import platform

    libraries = {name: _installed(name) for name in LIBRARIES}
    data = {
        "zephyr_deploy": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": libraries,
    }
    rows = [
        ("zephyr-deploy", __version__),
        ("python", platform.python_version()),
        ("platform", platform.platform()),
        *((name, found or "not installed") for name, found in libraries.items()),
    ]
    session.out.result("version", data, table=lambda: session.out.facts(rows), quiet=__version__)


def _installed(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(name)
    except PackageNotFoundError:
        return None
