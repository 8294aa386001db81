"""What the actions and programs of others do in a test's job, as far as the project's workflows rely on it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ci.runner import Job, Runner, StandIn

PIP = """#!/bin/sh
echo "$@" >> "$HOME/pip.log"
"""
PYTHON = f"""#!/bin/sh
case "$1 $2" in
  "-m pip") echo "$@" >> "$HOME/pip.log" ;;
  *) exec {sys.executable} "$@" ;;
esac
"""
GH = f"""#!/bin/sh
exec {sys.executable} {Path(__file__).with_name("gh.py")} "$COMMENTS" "$@"
"""


def programs(runner: Runner) -> None:
    """Put pip, which notes what it is asked for and installs nothing, and GitHub's ``gh`` on the path."""
    for name, text in (("pip", PIP), ("python", PYTHON), ("gh", GH)):
        path = runner.bin / name
        path.write_text(text)
        path.chmod(0o755)
    runner.extra["COMMENTS"] = str(comments_of(runner))


def comments_of(runner: Runner) -> Path:
    """Where the comments on pull requests are kept, as JSON."""
    return runner.folder / "comments.json"


def comments(runner: Runner) -> list[str]:
    """What the comments say."""
    path = comments_of(runner)
    return [one["body"] for one in json.loads(path.read_text())] if path.exists() else []


def stand_ins(
    refs: Mapping[str, Path], store: Path, credentials: Mapping[str, str] | None = None
) -> dict[str, StandIn]:
    """By owner and repository.

    Args:
        refs: Which files the repository has, by ref; "" is what is checked out where no ref is named.
        store: Where caches and artifacts are kept from run to run.
        credentials: What a role is worth: variables for AWS's clients.
    """

    def checkout(job: Job, given: dict[str, str]) -> dict[str, str]:
        assert job.permissions.get("contents") == "read", "a token that may not read cannot check out"
        assert given.get("persist-credentials") == "false"
        shutil.copytree(refs[given.get("ref", "")], job.workspace / given.get("path", "."), dirs_exist_ok=True)
        return {}

    def role(job: Job, given: dict[str, str]) -> dict[str, str]:
        assert job.permissions.get("id-token") == "write", "without it GitHub gives no token for OIDC"
        assert given["role-to-assume"].startswith("arn:aws:iam::")
        job.env |= {**(credentials or {}), "AWS_DEFAULT_REGION": given["aws-region"], "AWS_REGION": given["aws-region"]}
        return {}

    return {
        "actions/checkout": checkout,
        "actions/setup-python": lambda _job, _given: {},
        "aws-actions/configure-aws-credentials": role,
        "actions/cache/restore": _restore(store),
        "actions/cache/save": _save(store),
        "actions/upload-artifact": _upload(store),
    }


def _restore(store: Path) -> Callable[[Job, dict[str, str]], dict[str, str]]:
    def restore(job: Job, given: dict[str, str]) -> dict[str, str]:
        found = sorted(path for key in given["restore-keys"].split() for path in (store / "caches").glob(f"{key}*"))
        if found:
            shutil.copytree(found[-1], _place(job, given["path"]), dirs_exist_ok=True)
        return {"cache-hit": ""}

    return restore


def _save(store: Path) -> Callable[[Job, dict[str, str]], dict[str, str]]:
    def save(job: Job, given: dict[str, str]) -> dict[str, str]:
        target = store / "caches" / given["key"]
        assert not target.exists(), "a cache never changes once it was written"
        shutil.copytree(_place(job, given["path"]), target)
        return {}

    return save


def _upload(store: Path) -> Callable[[Job, dict[str, str]], dict[str, str]]:
    def upload(job: Job, given: dict[str, str]) -> dict[str, str]:
        target = store / "artifacts" / given["name"]
        target.mkdir(parents=True, exist_ok=True)
        for line in given["path"].split():
            shutil.copy(_place(job, line), target)
        return {}

    return upload


def _place(job: Job, path: str) -> Path:
    return job.home / path[2:] if path.startswith("~/") else job.workspace / path
