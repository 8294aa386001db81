from __future__ import annotations

import json

import pytest
from deploy.notify.receiver import SECRET, receiving

from zephyr_deploy.cli.main import main


@pytest.fixture
def slack(tmp_path, monkeypatch):
    """Whom zephyr.toml names, although they want to hear of nothing."""
    with receiving() as server:
        (tmp_path / "zephyr.toml").write_text('name = "demo"\n[notify]\nslack_from = "env:SLACK"\nevents = []\n')
        monkeypatch.setenv("SLACK", server.address)
        yield server


def test_a_try_arrives_and_says_that_it_is_one(slack, capsys):
    assert main(["notify", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"told": ["slack"]}
    (sent,) = slack.bodies
    assert sent["text"] == ":wave: This is a try: what happens to demo will be told here."


def test_where_it_does_not_arrive_that_is_an_error_without_the_address(slack, capsys):
    slack.answers = [404]
    assert main(["notify"]) == 6
    said = capsys.readouterr()
    assert "slack was not told: it answered 404" in said.err
    assert SECRET not in said.out + said.err


def test_where_nobody_is_named(capsys):
    assert main(["notify"]) == 3
    assert "[notify] names nobody" in capsys.readouterr().err


def test_in_a_rehearsal_nobody_is_told(slack, monkeypatch):
    monkeypatch.setattr("zephyr_deploy.deploy.notify.tried.rehearsing", lambda: True)
    assert main(["notify"]) == 3
    assert slack.got == []
