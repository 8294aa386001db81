"""The whole life of an endpoint as a user types it, on the real engine."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


@pytest.fixture
def cli(home):
    def run(*words, stdin=None):
        command = [sys.executable, "-m", "zephyr_deploy", *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, cwd=home, input=stdin or ""
        )

    yield run
    run("down", "--grace", "0s")


def data(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["data"]


def test_from_nothing_to_an_answer_and_back_to_nothing(cli, home):
    up = data(cli("up", "--port", "0", "--parallel", "2", "-o", "json"))
    assert (up["changed"], up["service"]["state"]) == (True, "ready")
    assert [p["phase"] for p in up["phases"]] == ["plan", "model", "start", "ready"]

    again = data(cli("up", "--port", "0", "--parallel", "2", "-o", "json"))
    assert again["changed"] is False
    assert again["service"]["pid"] == up["service"]["pid"]

    assert data(cli("status", "-o", "json"))["service"]["url"] == up["service"]["url"]
    assert cli("ls", "-o", "quiet").stdout == "zephyr\n"

    answer = data(cli("chat", "What is the capital of Japan?", "--temperature", "0", "-o", "json"))
    assert "Tokyo" in json.dumps(answer)
    piped = cli("chat", "--temperature", "0", stdin="What is the capital of Japan?\n")
    assert piped.returncode == 0
    assert "Tokyo" in piped.stdout

    assert cli("smoke", "-o", "json").returncode == 0
    small = ("--concurrency", "1,2", "--requests", "2", "--max-new-tokens", "4", "--allow-bottleneck")
    bench = data(cli("bench", *small, "-o", "json"))
    assert [level["load"]["concurrency"] for level in bench["levels"]] == [1, 2]
    assert all(level["errors"] == {} for level in bench["levels"])
    assert all(level["server"]["split"]["queue_ms"] is not None for level in bench["levels"])
    assert bench["environment"]["route"] == "loopback"

    log = cli("logs", "-n", "500")
    assert log.returncode == 0
    assert log.stdout

    down = data(cli("down", "--purge", "-o", "json"))
    assert [s["pid"] for s in down["stopped"]] == [up["service"]["pid"]]
    assert not (home / "state").exists()
    assert not (home / "cache").exists(), "without a trace"

    gone = cli("status", "-o", "json")
    assert gone.returncode == 7
    assert json.loads(gone.stdout)["data"]["service"] is None
    assert cli("down").returncode == 0


def test_the_key_opens_the_endpoint_to_any_client_and_no_hook_gets_it(cli, home):
    (home / "zephyr.toml").touch()
    hooks = home / ".zephyr" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("pre-deploy", "post-deploy"):
        (hooks / name).write_text(f'#!/bin/sh\nenv > "{home}/$HOOK_NAME"\n')
        (hooks / name).chmod(0o755)
    up = data(cli("up", "--port", "0", "--parallel", "1", "-o", "json"))
    env = data(cli("env", "-o", "json"))
    before, after = ((home / name).read_text() for name in ("pre-deploy", "post-deploy"))
    assert f"HOOK_RELEASE={up['release']}\n" in before
    assert f"HOOK_ENDPOINT={up['service']['url']}\n" in after
    assert env["OPENAI_API_KEY"] not in before + after
    from openai import OpenAI

    client = OpenAI(base_url=env["OPENAI_BASE_URL"], api_key=env["OPENAI_API_KEY"])
    with client:
        answer = client.chat.completions.create(
            model="tgi", messages=[{"role": "user", "content": "What is the capital of Japan?"}], temperature=0
        )
    assert "Tokyo" in answer.choices[0].message.content
    assert env["OPENAI_API_KEY"] not in cli("status", "-o", "json").stdout
    assert env["OPENAI_API_KEY"] not in cli("logs", "-n", "1000").stdout


def test_without_a_service_every_command_names_the_next(cli):
    for words in (["chat", "hello"], ["smoke"], ["bench"], ["logs"], ["env"]):
        done = cli(*words)
        assert done.returncode == 7, words
        assert done.stdout == ""
        assert "zephyr-deploy up" in done.stderr, words


def test_a_plan_is_shown_and_nothing_done(cli, home):
    plan = data(cli("up", "--dry-run", "-o", "json"))
    assert plan["serve"]["model_id"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert not (home / "state" / "deployments").exists()
