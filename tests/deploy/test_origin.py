"""Who calls: a person at a machine, or a job of a CI."""

from __future__ import annotations

import socket

import pytest

from zephyr_deploy.deploy.origin import Caller, caller, user, who

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "bot",
    "GITHUB_TRIGGERING_ACTOR": "ann",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "ann/demo",
    "GITHUB_RUN_ID": "7",
    "GITHUB_SHA": "abc",
}
GITLAB = {"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "bob", "CI_JOB_URL": "https://gl/j/1", "CI_COMMIT_SHA": "def"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"CI": "true"}, Caller(user(), socket.gethostname())),
        (GITHUB, Caller("ann", "GitHub Actions", "https://github.com/ann/demo/actions/runs/7", "abc")),
        ({**GITHUB, "GITHUB_TRIGGERING_ACTOR": ""}, Caller("bot", "GitHub Actions", *caller(GITHUB)[2:])),
        (GITLAB, Caller("bob", "GitLab CI", "https://gl/j/1", "def")),
        ({"JENKINS_URL": "https://j/", "BUILD_URL": "https://j/1"}, Caller(user(), "Jenkins", "https://j/1")),
        ({"GITHUB_ACTIONS": "false"}, Caller(user(), socket.gethostname())),
        ({"GITHUB_ACTIONS": "true"}, Caller(user(), "GitHub Actions")),
    ],
)
def test_the_user_is_who_set_off_the_job(environ, expected):
    assert caller(environ) == expected


def test_nodes_are_told_the_job(monkeypatch, tmp_path):
    monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path))
    for name, value in GITLAB.items():
        monkeypatch.setenv(name, value)
    told = who("redeploy")
    assert (told["user"], told["machine"], told["job"]) == ("bob", "GitLab CI", "https://gl/j/1")
    assert told["origin"] == who("redeploy")["origin"]
