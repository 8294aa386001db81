"""Hooks: programs of the user beside zephyr.toml, run before something is changed and after it.

The first two may stop a run, each other one is told how it ended. A hook knows what it is about from variables that
begin with ``HOOK_``; none of them holds a secret.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zephyr_deploy import __version__
from zephyr_deploy.deploy.origin import caller
from zephyr_deploy.errors import HookError

if TYPE_CHECKING:
    from pathlib import Path

    from zephyr_deploy.deploy.outcome import Outcome
    from zephyr_deploy.deploy.run import Change, Run

FOLDER = (".zephyr", "hooks")
"""Where they are, below the folder of zephyr.toml."""
BEFORE: dict[Change, str] = {"deploy": "pre-deploy", "teardown": "pre-teardown"}
DEPLOYED, FAILED = "post-deploy", "deploy-failed"
HOOKS = (*BEFORE.values(), DEPLOYED, FAILED)
DEPLOYING = {"up", "redeploy", "rollback"}
"""Commands that deploy: of these a failed run is a failed deployment."""
DEADLINE_S = 600.0
"""How long a hook may take, in seconds."""
INTERRUPTED_S = 4.0
"""The same after an interruption: GitHub kills a cancelled job 10 s after it has told it to end
(docs.github.com, "Canceling a workflow")."""
USAGE = 2
"""Exit code of a call that was no attempt at anything: it was typed wrongly, or the user said no."""
LONGEST = 4096
"""Characters of a variable: the kernel takes 128 KiB, and who reads it wants a sentence."""
VARIABLES = {
    "HOOK_NAME": "which hook it is",
    "HOOK_DEPLOYMENT": "name of the deployment",
    "HOOK_COMMAND": "`up`, `redeploy`, `rollback` or `down`",
    "HOOK_RUN": "id of this call; nodes, journal and notifications have the same",
    "HOOK_USER": "who called it",
    "HOOK_MACHINE": "where: name of a machine, or of a CI",
    "HOOK_JOB": "address of the CI job, where there is one",
    "HOOK_COMMIT": "commit that the CI job is about, where there is one",
    "HOOK_VERSION": "of zephyr-deploy",
    "HOOK_CONFIG": "folder of the zephyr.toml in use; hooks run in it",
    "HOOK_REHEARSAL": "`1` in a rehearsal: nothing is real but the machines",
    "HOOK_PROVIDER": "`local`, `ssh`, `aws` or `e2e`, where the command knows it",
    "HOOK_MODEL": "id of the model that is wanted, where the command knows it",
    "HOOK_BEFORE": "id of the release that serves or served before",
    "HOOK_RELEASE": "id of the one that is to serve, where it is known already",
}
"""What every hook is given; empty where it is not known."""
AFTERWARDS = {
    "HOOK_RESULT": "`changed`, `rolled_back`, `failed` or `interrupted`",
    "HOOK_ERROR": "what went wrong, in one sentence",
    "HOOK_EXIT_CODE": "with which the command will end",
    "HOOK_SECONDS": "how long it took",
    "HOOK_ENDPOINT": "where callers reach it",
    "HOOK_PRICE_PER_HOUR_USD": "of its machines; `0` for your own",
}
"""What those are given, too, that run afterwards."""


def ask(run: Run, change: Change) -> None:
    """Run the hook that comes before a change.

    Raises:
        HookError: it does not want it, does not end, or cannot be run.
    """
    _warn_of_others(run)
    _call(run, BEFORE[change], DEADLINE_S)


def tell(run: Run, outcome: Outcome) -> None:
    """Run the hook that comes after a deployment; that it fails is a warning."""
    name = _afterwards(run, outcome)
    if name is None:
        return
    deadline_s = INTERRUPTED_S if outcome.result == "interrupted" else DEADLINE_S
    try:
        _call(run, name, deadline_s, outcome)
    except HookError as error:
        run.phases.notice(f"{error.message}; what was deployed is as it was.", warning=True)


def _afterwards(run: Run, outcome: Outcome) -> str | None:
    if outcome.command not in DEPLOYING or outcome.exit_code == USAGE or outcome.result == "unchanged":
        return None
    if outcome.result == "changed":
        return DEPLOYED if "deploy" in run.changes else None
    return FAILED


def _call(run: Run, name: str, deadline_s: float, outcome: Outcome | None = None) -> None:
    folder = _folder(run)
    if folder is None or not os.path.lexists(folder / name):
        return
    from zephyr_deploy.deploy.hooked import call  # who has no hooks does without

    given = {"HOOK_NAME": name, **_facts(run), **(_came_of_it(outcome) if outcome else {})}
    environment = {**os.environ, **{key: text.replace("\0", "")[:LONGEST] for key, text in given.items()}}
    with run.phases.phase(name, f"Run the hook {name}"):
        call(folder / name, environment, folder.parent.parent, deadline_s, run.phases.notice)


def _folder(run: Run) -> Path | None:
    """Where the hooks are; None: none are to be run. A program that a hook calls has none, or it would never end."""
    around = run.surroundings
    if around.folder is None or not around.hooks or "HOOK_NAME" in os.environ:
        return None
    folder = around.folder.joinpath(*FOLDER)
    return folder if folder.is_dir() else None


def _warn_of_others(run: Run) -> None:
    """Tell of a program there that will never be called, for its name is spelt otherwise."""
    from zephyr_deploy.spec.keys import nearest

    folder = _folder(run)
    for path in sorted(folder.iterdir()) if folder else ():
        meant = nearest(path.name, HOOKS)
        if path.name not in HOOKS and meant and path.is_file() and os.access(path, os.X_OK):
            run.phases.notice(f"{path} is no hook; did you mean {meant}?", warning=True)


def _facts(run: Run) -> dict[str, str]:
    from zephyr_deploy.deploy.rehearse import rehearsing

    by = caller()
    return {
        "HOOK_DEPLOYMENT": run.name,
        "HOOK_COMMAND": run.command,
        "HOOK_RUN": run.journal.run,
        "HOOK_USER": by.user,
        "HOOK_MACHINE": by.machine,
        "HOOK_JOB": by.job,
        "HOOK_COMMIT": by.commit,
        "HOOK_VERSION": __version__,
        "HOOK_CONFIG": str(run.surroundings.folder),
        "HOOK_REHEARSAL": "1" if rehearsing() else "",
        "HOOK_PROVIDER": run.wish.provider if run.wish else "",
        "HOOK_MODEL": run.wish.model.id if run.wish else "",
        "HOOK_BEFORE": run.before,
        "HOOK_RELEASE": run.release,
    }


def _came_of_it(outcome: Outcome) -> dict[str, str]:
    return {
        "HOOK_RESULT": outcome.result,
        "HOOK_ERROR": outcome.error,
        "HOOK_EXIT_CODE": str(outcome.exit_code),
        "HOOK_SECONDS": f"{outcome.seconds:.1f}",
        "HOOK_ENDPOINT": outcome.endpoint,
        "HOOK_PRICE_PER_HOUR_USD": f"{outcome.price_per_hour_usd:g}",
    }
