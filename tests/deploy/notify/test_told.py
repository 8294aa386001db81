"""Which runs are told of, and in which words."""

from __future__ import annotations

import json

import pytest
from deploy.notify.receiver import HANGS, SECRET, receiving

from zephyr_deploy.deploy.notify import told
from zephyr_deploy.deploy.rehearse import NOTE
from zephyr_deploy.deploy.run import running
from zephyr_deploy.deploy.surroundings import Surroundings, surrounded
from zephyr_deploy.errors import DeclinedError, GateError, UnreachableError
from zephyr_deploy.events import Notice, Phases
from zephyr_deploy.spec.deployment import Deployment, Notify

NOTIFY = Notify(webhook_from="env:HOOK_URL")


@pytest.fixture
def webhook(tmp_path, monkeypatch):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    with receiving() as server:
        monkeypatch.setenv("HOOK_URL", server.address)
        yield server


def run(command="redeploy", *, change="deploy", result="changed", raises=None, notify=NOTIFY, listener=None):
    wish = Deployment(name="demo", notify=notify)
    with running("demo", command, Phases(listener or (lambda _event: None)), wish) as one:
        if change:
            one.about_to(change, before="aaa", release="bbb")
            one.result = result
        if raises:
            raise raises


@pytest.mark.parametrize(
    ("given", "event", "text"),
    [
        ({}, "deployed", "demo serves release bbb."),
        ({"raises": UnreachableError("it is gone")}, "failed", "redeploy of demo failed."),
        ({"raises": UnreachableError("it is gone"), "change": None}, "failed", "redeploy of demo failed."),
        ({"raises": UnreachableError("x"), "command": "down", "change": "teardown"}, "failed", "down of demo failed."),
        ({"raises": KeyboardInterrupt()}, "failed", "redeploy of demo was interrupted."),
        (
            {"raises": GateError("ttft_p99 is 500 ms"), "result": "rolled_back"},
            "rolled_back",
            "Release bbb of demo was refused, and aaa serves again.",
        ),
    ],
)
def test_what_is_told_of(webhook, given, event, text):
    if "raises" in given:
        with pytest.raises(type(given["raises"])):
            run(**given)
    else:
        run(**given)
    (sent,) = webhook.bodies
    assert (sent["type"], sent["data"]["text"]) == (event, text)
    error = getattr(given.get("raises"), "message", "")
    assert (sent["data"]["error"], sent["data"]["deployment"], sent["data"]["provider"]) == (error, "demo", "local")


@pytest.mark.parametrize(
    "given",
    [
        {"change": None},
        {"command": "down", "change": "teardown"},
        {"raises": DeclinedError("no"), "change": None},
        {"raises": UnreachableError("it is gone"), "command": "extend", "change": None},
        {"raises": KeyboardInterrupt(), "change": None},
        {"notify": Notify(webhook_from="env:HOOK_URL", events=("rolled_back",))},
        {"notify": Notify()},
    ],
)
def test_what_nobody_is_told_of(webhook, given):
    if "raises" in given:
        with pytest.raises(type(given["raises"])):
            run(**given)
    else:
        run(**given)
    assert webhook.got == []


def test_a_job_of_a_ci_is_linked(webhook, monkeypatch):
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_JOB_URL", "https://ci.example.org/1")
    monkeypatch.setenv("CI_COMMIT_SHA", "5f0c1d9e")
    with receiving() as slack:
        monkeypatch.setenv("SLACK_URL", slack.address)
        run(notify=Notify(webhook_from="env:HOOK_URL", slack_from="env:SLACK_URL"))
    data = webhook.bodies[0]["data"]
    assert (data["job"], data["commit"], data["machine"]) == ("https://ci.example.org/1", "5f0c1d9e", "GitLab CI")
    assert "<https://ci.example.org/1|CI job>" in str(slack.bodies[0]["blocks"][-1])


def test_a_verb_without_a_wish_goes_by_the_file_in_use(webhook):
    with (
        pytest.raises(UnreachableError),
        surrounded(Surroundings(notify=NOTIFY)),
        running("demo", "rollback", Phases()),
    ):
        raise UnreachableError("it is gone")
    assert webhook.bodies[0]["type"] == "failed"


def test_that_nobody_can_be_told_is_a_warning_without_the_address(webhook):
    webhook.answers = [404]
    said = []
    run(listener=said.append)
    ((message, level),) = [(event.message, event.level) for event in said if isinstance(event, Notice)]
    assert "could not be told to everybody whom [notify] names: webhook was not told: it answered 404" in message
    assert (level, SECRET in message) == ("warning", False)


def test_an_interrupted_run_is_not_kept_by_who_is_told(webhook, monkeypatch):
    import time

    webhook.answers = [HANGS]
    monkeypatch.setattr(told, "INTERRUPTED_S", 0.2)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(raises=KeyboardInterrupt())
    assert time.monotonic() - start < 10
    assert len(webhook.got) == 1


def test_in_a_rehearsal_nobody_is_told(webhook, tmp_path):
    (tmp_path / NOTE).write_text("{}")
    said = []
    run(listener=said.append)
    assert [event.message for event in said if isinstance(event, Notice)] == [
        "In a rehearsal nobody is told: demo serves release bbb."
    ]
    assert webhook.got == []


def test_what_looks_like_a_secret_in_an_engines_words_is_taken_out(webhook, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "0123456789abcdef")
    with pytest.raises(UnreachableError):
        run(raises=UnreachableError("the hub refused hf_abcdefghijkl; 0123456789abcdef"))
    sent = json.dumps(webhook.bodies)
    assert "hf_abcdefghijkl" not in sent
    assert "0123456789abcdef" not in sent
