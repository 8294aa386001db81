"""Who asks a node for something: for its lock and its history."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy import __version__
from zephyr_deploy.paths import private_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Mapping


def who(command: str) -> dict[str, str]:
    """This user on this machine; ``origin`` is one state folder, in which one call at a time works on a deployment.

    In a job of a CI the user is whoever set it off, and the machine is the CI; ``job`` and ``commit`` are told, too.
    """
    return {**caller()._asdict(), "command": command, "version": __version__, "origin": _origin()}


class Caller(NamedTuple):
    """Who calls, and from where."""

    user: str
    machine: str
    job: str = ""
    """Address of the CI's job; empty outside of one."""
    commit: str = ""
    """What the CI has checked out."""


@dataclass(frozen=True)
class _CI:
    """A CI, by the variables that it sets: which one tells that it is this one, and what the others say."""

    name: str
    mark: str
    user: tuple[str, ...]
    job: str
    """Variables in braces."""
    commit: str


CIS = (
    # docs.github.com, "Variables reference"
    _CI(
        "GitHub Actions",
        "GITHUB_ACTIONS",
        ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"),
        "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        "GITHUB_SHA",
    ),
    # docs.gitlab.com, "Predefined CI/CD variables reference"
    _CI("GitLab CI", "GITLAB_CI", ("GITLAB_USER_LOGIN",), "{CI_JOB_URL}", "CI_COMMIT_SHA"),
    # buildkite.com/docs, "Environment variables"
    _CI(
        "Buildkite",
        "BUILDKITE",
        ("BUILDKITE_BUILD_CREATOR",),
        "{BUILDKITE_BUILD_URL}#{BUILDKITE_JOB_ID}",
        "BUILDKITE_COMMIT",
    ),
    # circleci.com/docs, "Project values and variables"
    _CI("CircleCI", "CIRCLECI", ("CIRCLE_USERNAME",), "{CIRCLE_BUILD_URL}", "CIRCLE_SHA1"),
    # www.jenkins.io/doc, "Using environment variables"; who set it off needs a plugin
    _CI("Jenkins", "JENKINS_URL", ("BUILD_USER_ID",), "{BUILD_URL}", "GIT_COMMIT"),
)


def caller(environ: Mapping[str, str] = os.environ) -> Caller:
    """Who calls: this user on this machine, or whoever set off the job of a CI that this is."""
    ci = next((one for one in CIS if environ.get(one.mark, "").lower() not in {"", "false", "0"}), None)
    if ci is None:
        return Caller(user(), socket.gethostname())
    named = next((environ[name] for name in ci.user if environ.get(name)), None)
    try:
        job = ci.job.format_map(environ)
    except KeyError:  # an older version of it, or one that only looks like it
        job = ""
    return Caller(named or user(), ci.name, job, environ.get(ci.commit, ""))


def user() -> str:
    """Name of the user who runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no entry in the password file
        return f"user {os.getuid()}"


def _origin() -> str:
    path = private_dir(state_dir()) / "origin"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        text = secrets.token_hex(8)
        file.write(text)
    return text
