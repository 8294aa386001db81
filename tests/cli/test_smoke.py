"""``zephyr-deploy smoke``: a table, JSON, and an exit code."""

import json

import pytest

from zephyr_deploy.cli import main as program


@pytest.fixture
def smoke(tgi, capsys):
    def call(*argv):
        code = program.main(["smoke", "--url", tgi.url, *argv])
        got = capsys.readouterr()
        return code, got.out, got.err

    return call


def test_table(smoke):
    code, out, err = smoke()
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["CHECK", "ROUTE", "OUTCOME", "SECONDS", "SEEN"]
    assert len(lines) == 14
    assert "generate, streamed" in err
    assert "Error" not in err


def test_json(smoke):
    from zephyr_deploy.endpoint.smoke import SmokeReport

    code, out, _ = smoke("--output", "json")
    answer = json.loads(out)
    assert (code, answer["kind"]) == (0, "smoke")
    assert SmokeReport.model_validate_json(json.dumps(answer["data"])).passed


def test_a_failure_is_shown_among_all_checks_and_is_exit_code_7(smoke, tgi):
    tgi.script.fault = "truncated"
    code, out, err = smoke()
    assert code == 7
    assert len(out.splitlines()) == 14
    assert out.count("failed") == 3
    assert "3 of 13 checks failed: generate, streamed; TGI client, streamed; chat, streamed" in err


def test_quiet_names_what_failed(smoke, tgi):
    assert smoke("--output", "quiet")[1] == ""
    tgi.script.fault = "truncated"
    assert smoke("--output", "quiet")[1] == "generate, streamed\nTGI client, streamed\nchat, streamed\n"


def test_json_of_a_failure_is_still_the_report(smoke, tgi):
    tgi.script.fault = "overloaded"
    code, out, _ = smoke("--output", "json")
    assert code == 7
    assert json.loads(out)["data"]["passed"] is False


def test_a_wrong_key_is_what_it_is_everywhere_else(smoke, tgi, monkeypatch):
    tgi.script.api_key = "sesame"
    monkeypatch.setenv("MY_KEY", "wrong")
    code, out, err = smoke("--api-key-env", "MY_KEY")
    assert code == 4
    assert out.count("failed") > 3
    assert "Error: the endpoint does not accept the API key\nNext: " in err


def test_the_deadline_is_checked_first(smoke, tgi):
    code, _, err = smoke("--deadline", "soon")
    assert code == 2
    assert "no length of time" in err
    assert tgi.requests == []
