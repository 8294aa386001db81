"""Hooks: real programs in a folder, called by a run as the command line has it run."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import psutil
import pytest

from zephyr_deploy.deploy import hooked, hooks
from zephyr_deploy.deploy import run as run_module
from zephyr_deploy.deploy.run import running
from zephyr_deploy.deploy.surroundings import Surroundings, surrounded
from zephyr_deploy.errors import DeclinedError, GateError, HookError, UnreachableError
from zephyr_deploy.events import Notice, Phases
from zephyr_deploy.spec.deployment import Deployment


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with hooks, and what is said while they run."""
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / "state"))
    return Project(tmp_path / "project")


class Project:
    """See the fixture."""

    def __init__(self, root):
        self.root = root
        self.events = []
        self.hooks = root / ".zephyr" / "hooks"
        self.hooks.mkdir(parents=True)

    def hook(self, name, body, mode=0o755, first="#!/bin/sh"):
        path = self.hooks / name
        path.write_text(f"{first}\n{body}\n")
        path.chmod(mode)
        return path

    def noting(self, name):
        """A hook that notes its own variables."""
        self.hook(name, f'env | grep ^HOOK_ | sort > "{self.root}/{name}.env"; pwd > "{self.root}/{name}.pwd"')

    def noted(self, name):
        path = self.root / f"{name}.env"
        return dict(line.split("=", 1) for line in path.read_text().splitlines()) if path.exists() else None

    def run(self, command="redeploy", *, change="deploy", raises=None, result="changed", skip=False, wish=None):
        with (
            surrounded(Surroundings(folder=self.root, hooks=not skip)),
            running("demo", command, Phases(self.events.append), wish) as run,
        ):
            if change:
                run.about_to(change, before="a", release="b")
                run.result = result
            if raises:
                raise raises
            return run

    @property
    def notices(self):
        return [(event.message, event.level) for event in self.events if isinstance(event, Notice)]


def test_one_before_and_one_after_know_what_it_is_about(project):
    project.noting("pre-deploy")
    project.noting("post-deploy")
    run = project.run(wish=Deployment(name="demo", provider="aws"))
    before, after = project.noted("pre-deploy"), project.noted("post-deploy")
    assert set(before) == set(hooks.VARIABLES)
    assert set(after) == set(hooks.VARIABLES) | set(hooks.AFTERWARDS)
    assert (before["HOOK_NAME"], after["HOOK_NAME"]) == ("pre-deploy", "post-deploy")
    for given in (before, after):
        assert (given["HOOK_DEPLOYMENT"], given["HOOK_COMMAND"], given["HOOK_RUN"]) == (
            "demo",
            "redeploy",
            run.journal.run,
        )
        assert (given["HOOK_BEFORE"], given["HOOK_RELEASE"], given["HOOK_PROVIDER"]) == ("a", "b", "aws")
    assert (after["HOOK_RESULT"], after["HOOK_EXIT_CODE"], after["HOOK_ERROR"]) == ("changed", "0", "")
    assert (project.root / "pre-deploy.pwd").read_text().strip() == str(project.root)


def test_a_hook_that_says_no_stops_it_before_anything_is_changed(project):
    project.hook("pre-deploy", "echo not on a Friday; echo at all >&2; exit 3")
    project.noting("post-deploy")
    project.noting("deploy-failed")
    with pytest.raises(HookError, match="the hook pre-deploy ended with exit code 3") as caught:
        project.run()
    assert caught.value.exit_code == 8
    assert caught.value.details == {"hook": "pre-deploy", "output": ["not on a Friday", "at all"]}
    assert ("pre-deploy: not on a Friday", "info") in project.notices
    assert project.noted("post-deploy") is None
    assert project.noted("deploy-failed")["HOOK_ERROR"] == "the hook pre-deploy ended with exit code 3"


def test_a_hook_that_fails_afterwards_is_a_warning(project):
    project.hook("post-deploy", "exit 1")
    project.run()
    said = "the hook post-deploy ended with exit code 1; what was deployed is as it was."
    assert project.notices == [(said, "warning")]


@pytest.mark.parametrize(
    ("error", "result", "expected"),
    [
        (UnreachableError("it is gone"), "changed", ("failed", "6", "it is gone")),
        (GateError("too slow"), "rolled_back", ("rolled_back", "8", "too slow")),
        (KeyboardInterrupt(), "changed", ("interrupted", "130", "")),
    ],
)
def test_a_failed_deployment_is_told_to_the_hook_for_that(project, error, result, expected):
    project.noting("deploy-failed")
    project.noting("post-deploy")
    with pytest.raises(type(error)):
        project.run(raises=error, result=result)
    given = project.noted("deploy-failed")
    assert (given["HOOK_RESULT"], given["HOOK_EXIT_CODE"], given["HOOK_ERROR"]) == expected
    assert project.noted("post-deploy") is None


def test_an_error_of_many_lines_stays_one_variable_of_bounded_length(project):
    project.hook("deploy-failed", f'printf %s "$HOOK_ERROR" > {project.root}/error')
    with pytest.raises(UnreachableError):
        project.run(raises=UnreachableError("a\n$(touch x)\0" + "b" * 200_000))
    assert (project.root / "error").read_text() == "a\n$(touch x)" + "b" * (hooks.LONGEST - len("a\n$(touch x)"))


@pytest.mark.parametrize(
    "given",
    [
        {"change": None},
        {"raises": DeclinedError("no")},
        {"command": "down", "change": "teardown"},
        {"command": "down", "change": "teardown", "raises": UnreachableError("gone")},
        {"command": "extend", "change": None, "raises": UnreachableError("gone")},
    ],
)
def test_what_is_no_deployment_calls_neither(project, given):
    project.noting("post-deploy")
    project.noting("deploy-failed")
    with suppress(DeclinedError, UnreachableError):
        project.run(**given)
    assert project.noted("post-deploy") is project.noted("deploy-failed") is None


def test_hooks_leave_nothing_in_the_state_folder(project, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "TOLD", {"the hooks": hooks.tell})
    project.noting("post-deploy")
    project.run()
    assert project.noted("post-deploy")
    assert [path.name for path in (tmp_path / "state").rglob("*")] == []


def test_before_a_teardown_there_is_one_of_its_own(project):
    project.hook("pre-deploy", "exit 1")
    project.noting("pre-teardown")
    project.run("down", change="teardown")
    assert project.noted("pre-teardown")["HOOK_COMMAND"] == "down"


def test_it_is_asked_once_however_often_more_is_known(project):
    project.hook("pre-deploy", f"echo asked >> {project.root}/asked")
    with surrounded(Surroundings(folder=project.root)), running("demo", "up", Phases()) as run:
        run.about_to("deploy")
        run.about_to("deploy", before="a", release="b")
    assert (project.root / "asked").read_text() == "asked\n"
    assert (run.before, run.release, run.changes) == ("a", "b", ["deploy"])


def test_none_is_run_where_that_was_said_or_from_within_a_hook(project, monkeypatch):
    project.hook("pre-deploy", "exit 1")
    project.run(skip=True)
    with running("demo", "redeploy", Phases()) as run:  # no zephyr.toml is in use
        run.about_to("deploy")
    monkeypatch.setenv("HOOK_NAME", "post-deploy")
    project.run()


@pytest.mark.parametrize(
    ("mode", "first", "said", "hint"),
    [
        (0o644, "#!/bin/sh", "is not executable", "chmod +x"),
        (0o755, "#!/no/such/program", "cannot be run: No such file", "first line must name a program"),
        (0o755, "", "cannot be run: Exec format error", "first line must name a program"),
    ],
)
def test_a_hook_that_cannot_be_run_is_not_passed_over(project, mode, first, said, hint):
    project.hook("pre-deploy", "exit 0", mode, first)
    with pytest.raises(HookError, match=said) as caught:
        project.run()
    assert hint in caught.value.hint


def test_a_link_that_leads_nowhere_is_not_passed_over(project):
    (project.hooks / "pre-deploy").symlink_to("gone")
    with pytest.raises(HookError, match="is no file"):
        project.run()


def test_a_name_that_is_spelt_otherwise_is_said(project):
    project.hook("predeploy", "exit 1")
    project.hook("post-deploy.sample", "exit 1", 0o644)
    project.run()
    ((said, level),) = project.notices
    assert (said.endswith("predeploy is no hook; did you mean pre-deploy?"), level) == (True, "warning")


def _alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("body", ["sleep 60", "trap '' TERM; sleep 60 & wait; wait", "exec >&- 2>&-; sleep 60"])
def test_one_that_does_not_end_is_ended_with_what_it_has_started(project, monkeypatch, body):
    monkeypatch.setattr(hooks, "DEADLINE_S", 0.4)
    monkeypatch.setattr(hooked, "GRACE_S", 0.2)
    project.hook("pre-deploy", f"echo $$ > {project.root}/pid; {body}")
    with pytest.raises(HookError, match=r"pre-deploy did not end within 0\.4s") as raised:
        project.run()
    assert "--skip-hooks goes on" in raised.value.hint
    group = int((project.root / "pid").read_text())
    until = time.monotonic() + 10
    while [p.pid for p in psutil.process_iter() if _group(p) == group and _alive(p.pid)]:
        assert time.monotonic() < until, "something of it lives on"
        time.sleep(0.02)


def _group(process):
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def test_what_it_leaves_running_is_not_waited_for(project, monkeypatch):
    monkeypatch.setattr(hooked, "AFTER_S", 0.2)
    project.hook("pre-deploy", f"(while sleep 0.02; do echo on; done) & echo $! > {project.root}/pid")
    start = time.monotonic()
    project.run()
    assert time.monotonic() - start < 20
    psutil.Process(int((project.root / "pid").read_text())).kill()


def test_an_interruption_ends_the_hook_that_runs(project, monkeypatch):
    monkeypatch.setattr(hooked, "GRACE_S", 0.2)

    def listener(event):
        if isinstance(event, Notice):
            raise KeyboardInterrupt

    project.hook("pre-deploy", f"echo $$ > {project.root}/pid; echo begun; sleep 60")
    with (
        pytest.raises(KeyboardInterrupt),
        surrounded(Surroundings(folder=project.root)),
        running("demo", "up", Phases(listener)) as run,
    ):
        run.about_to("deploy")
    assert not _alive(int((project.root / "pid").read_text()))


def test_bytes_that_are_no_text_and_lines_without_an_end_are_told(project):
    project.hook("pre-deploy", r"printf 'a\377b\r\n\n'; printf %20000s | tr ' ' x; exit 1")
    with pytest.raises(HookError) as caught:
        project.run()
    log = caught.value.details["output"]
    assert (log[0], log[1], sum(map(len, log[2:]))) == ("a�b", "", 20_000)
