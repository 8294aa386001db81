"""Runs a workflow of GitHub Actions here: the shell of its steps, with the environment that GitHub gives them.

It knows: ``if``, ``needs`` and ``env`` of jobs and steps; steps with ``run`` (bash with ``-e -o pipefail``) and
``uses``; ``continue-on-error``; composite actions of this project, inputs and outputs; expressions; the files
GITHUB_OUTPUT, GITHUB_ENV, GITHUB_PATH and GITHUB_STEP_SUMMARY; a job's log, read for commands as GitHub reads it; and
a run that is cancelled: SIGINT, 7.5 s later SIGTERM, 2.5 s later the end, sent to the step's own process alone.

It leaves out: other shells, containers, services, matrices, calls of reusable workflows, events and their filters
(a test says which event there was), concurrency groups, time limits, masks of secrets, and the actions of others, for
which `ci.stand_ins` has stand-ins.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ci.expressions import Expressions
from ci.files import outputs
from ci.log import commands

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = ROOT / ".github" / "actions"
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
INTERRUPT_S, TERMINATE_S = 7.5, 2.5
"""How long GitHub waits after SIGINT, and after SIGTERM."""
FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
STATUS = ("always", "success", "failure", "cancelled")


@dataclass
class Step:
    """What came of one."""

    name: str
    outcome: str
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""


@dataclass
class Ran:
    """What came of a job."""

    conclusion: str = "success"
    steps: list[Step] = field(default_factory=list)
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """Everything that its steps printed."""
        return "".join(step.log for step in self.steps)

    @property
    def annotations(self) -> list[tuple[str, dict[str, str], str]]:
        """Commands in the log."""
        return commands(self.log)

    def step(self, name: str) -> Step:
        """The last one of that name or id."""
        return next(step for step in reversed(self.steps) if step.name == name)


StandIn = Callable[["Job", dict[str, str]], dict[str, str]]
"""What an action of somebody else does here, with its inputs; its outputs."""


class Runner:
    """A machine with a repository; what is set up once for several workflows.

    Args:
        folder: Where the workspace, the home and the runner's own files are.
        stand_ins: For the actions of others, by owner and repository (and path).
        environment: Beside what GitHub gives: addresses of emulators.
        secrets: Of the repository.
        variables: Of the repository.
    """

    def __init__(
        self,
        folder: Path,
        stand_ins: Mapping[str, StandIn],
        *,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.stand_ins = folder, stand_ins
        self.secrets, self.variables = dict(secrets or {}), dict(variables or {})
        self.extra = dict(environment or {})
        self.run_id = 7
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True, exist_ok=True)

    def run(self, workflow: Path, event: str, **payload: Any) -> dict[str, Ran]:
        """Carry out a workflow, job by job; what came of each."""
        return {name: job.run() for name, job in self.jobs(workflow, event, **payload).items()}

    def jobs(
        self, workflow: Path, event: str, *, inputs: Mapping[str, Any] | None = None, **payload: Any
    ) -> dict[str, Job]:
        """The jobs of a workflow, in the order in which they need each other; each on a machine of its own."""
        document = yaml.safe_load(workflow.read_text())
        found: dict[str, Job] = {}
        left = dict(document["jobs"])
        while left:
            name = next(name for name, job in left.items() if set(_list(job.get("needs"))) <= set(found))
            found[name] = Job(self, document, name, left.pop(name), event, payload, inputs or {}, found)
        return found


class Job:
    """One job. `cancel` may be called from another thread while it runs."""

    def __init__(self, runner, document, name, job, event, payload, inputs, others) -> None:  # noqa: PLR0917
        self.runner, self.document, self.name, self.job = runner, document, name, job
        self.home = runner.folder / f"{name}-{time.monotonic_ns()}"
        self.workspace, self.temp = self.home / "work", self.home / "temp"
        self.ran = Ran()
        self.env: dict[str, str] = {}
        self.path: list[str] = []
        self.failed = self.was_cancelled = False
        self.process: subprocess.Popen[bytes] | None = None
        self.payload, self.event, self.inputs, self.others = payload, event, inputs, others
        events = document[True]  # YAML takes `on` for true
        declared = events.get(event) if isinstance(events, dict) else None
        given = declared.get("inputs") if isinstance(declared, dict) else None
        for key, about in (given or {}).items():
            self.inputs = {key: about.get("default"), **self.inputs}

    @property
    def permissions(self) -> dict[str, str]:
        """What its token may."""
        found = self.job.get("permissions", self.document.get("permissions"))
        assert isinstance(found, dict), "a workflow says which permissions it needs"
        return found

    @property
    def wanted(self) -> bool:
        """Whether its ``if`` holds, after what came of those that it needs."""
        needed = [self.others[name].ran.conclusion for name in _list(self.job.get("needs"))]
        self.failed = any(conclusion != "success" for conclusion in needed)
        return self._expressions(self._contexts()).condition(self.job.get("if", "success()"))

    def run(self) -> Ran:
        """Carry it out."""
        if not self.wanted:
            self.ran.conclusion = "skipped"
            return self.ran
        for folder in (self.workspace, self.temp):
            folder.mkdir(parents=True)
        contexts = self._contexts()
        self.failed = False
        self._steps(self.job["steps"], contexts, self._env(self.document, contexts) | self._env(self.job, contexts))
        self.ran.conclusion = "cancelled" if self.was_cancelled else "failure" if self.failed else "success"
        show = self._expressions(contexts)
        self.ran.outputs = {key: show.text(value) for key, value in (self.job.get("outputs") or {}).items()}
        return self.ran

    def cancel(self) -> None:
        """What GitHub does when somebody cancels the run."""
        self.was_cancelled = True
        process = self.process
        if process is None:
            return
        for number, wait_s in ((signal.SIGINT, INTERRUPT_S), (signal.SIGTERM, TERMINATE_S)):
            process.send_signal(number)
            try:
                process.wait(wait_s)
            except subprocess.TimeoutExpired:
                continue
            return
        process.kill()

    def _contexts(self) -> dict[str, Any]:
        needs = {
            name: {"outputs": self.others[name].ran.outputs, "result": self.others[name].ran.conclusion}
            for name in _list(self.job.get("needs"))
        }
        github = {
            "actor": "octocat",
            "event": {**self.payload, "inputs": self.inputs},
            "event_name": self.event,
            "ref": "refs/heads/main",
            "ref_name": "main",
            "repository": "octo/endpoint",
            "run_attempt": "1",
            "run_id": str(self.runner.run_id),
            "server_url": "https://github.com",
            "sha": "c0ffee0000000000000000000000000000000000",
            "token": "ghs_token-of-the-job",
            "workspace": str(self.workspace),
        }
        runner = {"temp": str(self.temp), "os": "Linux"}
        return {
            "github": github,
            "inputs": self.inputs,
            "needs": needs,
            "runner": runner,
            "secrets": {**self.runner.secrets, "GITHUB_TOKEN": github["token"]},
            "vars": self.runner.variables,
            "env": {},
            "steps": {},
        }

    def _expressions(self, contexts: Mapping[str, Any]) -> Expressions:
        well = lambda: not self.failed and not self.was_cancelled  # noqa: E731
        status = (lambda: True, well, lambda: self.failed, lambda: self.was_cancelled)
        return Expressions(contexts, dict(zip(STATUS, status, strict=True)))

    def _env(self, of: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
        show = self._expressions(contexts)
        return {name: show.text(value) for name, value in (of.get("env") or {}).items()}

    def _steps(
        self, steps: list[dict[str, Any]], contexts: dict[str, Any], env: dict[str, str], action: Path | None = None
    ) -> None:
        for step in steps:
            contexts["env"] = {**env, **self.env}
            show = self._expressions(contexts)
            name = step.get("id") or step.get("name") or step.get("uses", step.get("run"))
            done = Step(name, "skipped")
            if show.condition(step.get("if", "success()")):
                before = self.failed
                self.failed = False
                self._one(step, contexts, {**env, **self._env(step, contexts)}, done, action)
                done.outcome = (
                    "cancelled" if self.was_cancelled and self.failed else "failure" if self.failed else "success"
                )
                self.failed = before or (self.failed and not step.get("continue-on-error"))
            self.ran.steps.append(done)
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": done.outputs, "outcome": done.outcome}

    def _one(self, step, contexts, env, done: Step, action: Path | None) -> None:
        if "run" in step:
            self._shell(self._expressions(contexts).text(step["run"]), env, contexts, done, action)
            return
        given = {key: self._expressions(contexts).text(value) for key, value in (step.get("with") or {}).items()}
        uses, _, version = step["uses"].partition("@")
        mine = uses.partition("/.github/actions/")[2]
        if mine:
            done.outputs = self._composite(ACTIONS / mine, given, contexts, env)
            return
        assert len(version) == 40, f"{uses} is not pinned to a commit"
        self.given_env = env
        done.outputs = self.runner.stand_ins[uses](self, given)

    def _composite(self, folder: Path, given: dict[str, str], contexts, env) -> dict[str, str]:
        document = yaml.safe_load((folder / "action.yml").read_text())
        known = document.get("inputs") or {}
        assert set(given) <= set(known), f"{folder.name} has no input {set(given) - set(known)}"
        show = self._expressions(contexts)
        inputs = {key: given.get(key, show.text(about.get("default", ""))) for key, about in known.items()}
        lacking = [key for key, about in known.items() if about.get("required") and not inputs[key]]
        assert not lacking, f"{folder.name} needs {lacking}"
        within = {**contexts, "inputs": inputs, "steps": {}}
        self._steps(document["runs"]["steps"], within, env, folder)
        show = self._expressions(within)
        return {key: show.text(about["value"]) for key, about in (document.get("outputs") or {}).items()}

    def _shell(self, script: str, env: dict[str, str], contexts, done: Step, action: Path | None) -> None:
        folder = self.temp / f"step-{time.monotonic_ns()}"
        folder.mkdir()
        (folder / "script.sh").write_text(script)
        files = {name: str(folder / name) for name in FILES}
        for path in files.values():
            Path(path).touch()
        whole = {
            **self._base(contexts),
            **({"GITHUB_ACTION_PATH": str(action)} if action else {}),
            **self.env,
            **env,
            **files,
        }
        with subprocess.Popen(
            [*BASH, str(folder / "script.sh")],
            cwd=self.workspace,
            env=whole,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as self.process:
            said, _ = self.process.communicate()
        done.log, code = said.decode(errors="replace"), self.process.returncode
        self.process = None
        done.outputs = outputs(folder / "GITHUB_OUTPUT")
        self.env |= outputs(folder / "GITHUB_ENV")
        self.path += (folder / "GITHUB_PATH").read_text().split()
        self.ran.summary += (folder / "GITHUB_STEP_SUMMARY").read_text()
        self.failed = code != 0

    def _base(self, contexts) -> dict[str, str]:
        """The environment of a step, as the documentation of GitHub lists it, as far as anybody reads it."""
        github = contexts["github"]
        found = {
            f"GITHUB_{key.upper()}": value for key, value in github.items() if isinstance(value, str) and key != "token"
        }
        path = [*self.path, str(self.runner.bin), str(Path(sys.executable).parent), os.environ["PATH"]]
        return {
            **found,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKFLOW": self.document["name"],
            "GITHUB_JOB": self.name,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join(path),
            "RUNNER_TEMP": str(self.temp),
            **self.runner.extra,
        }


def _list(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())  # type: ignore[call-overload]
