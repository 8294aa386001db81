"""A gated `redeploy` on a real machine: what is slower is taken back, without a request lost, and said why."""

from __future__ import annotations

import json
import time

import pytest
from lab.boot import NodeSpec
from lab.cards import A100
from load import Load

from zephyr_deploy import services
from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.reach import reached
from zephyr_deploy.deploy.redeploy import releases, rollback
from zephyr_deploy.deploy.status import status

NAME = "gated"
BRIEF = {"concurrency": [2], "requests": 8, "max_new_tokens": 4, "prompt_tokens": 16, "smoke": False}
SLOW_S = 1.0
"""How much later every answer of a slow release begins; the lab's engine takes a fifth of that."""


@pytest.fixture(scope="module")
def node(desk):
    return desk.nodes(NodeSpec(card=A100, preload=True))


@pytest.fixture
def write(node, tmp_path, monkeypatch):
    """Write a zephyr.toml, as a push to a repository changes it."""
    monkeypatch.chdir(tmp_path)

    def toml(tokens=1024, delay_s=0.0, env=None, **gate):
        machine = {"host": node.address, "user": node.user, "identity": str(node.key)}
        env = env or ({"LAB_DELAY_S": str(delay_s)} if delay_s else {})
        tables = {"machine": machine, "limits": {"max_total_tokens": tokens}, "gate": {**BRIEF, **gate}}
        lines = [f'name = "{NAME}"', 'provider = "ssh"', "[engine]", f"env = {{ {_pairs(env)} }}"]
        for table, values in tables.items():
            lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        (tmp_path / "zephyr.toml").write_text("\n".join(lines))

    return toml


def _pairs(values):
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items())


@pytest.fixture
def type_(node, capsys):
    """Type a command as a CI job does; the exit code, the answer, and what was said."""

    def run(*words):
        code = program.main([*words, "--output", "json", "--debug"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else {}, said.err

    return run


@pytest.fixture
def serving(node, write, type_):
    """The release that serves; the plain one is brought where none does."""
    found = services(NAME)
    if not found:
        write()
        code, answer, said = type_("up", "--host-key", node.host_key_fingerprint, "--no-prepare")
        assert code == 0, (answer, said)
        found = services(NAME)
    return found[0].release


def test_what_is_fast_enough_is_kept_with_its_figures(serving, write, type_):
    write(1032, fail_if=["ttft_p50>20s", "errors>0"], smoke=True)
    code, answer, said = type_("redeploy")
    assert code == 0, (answer, said)
    gate = answer["data"]["gate"]
    assert (gate["passed"], gate["before"], gate["release"]) == (True, serving, services(NAME)[0].release)
    assert gate["smoke"]["passed"]
    passed, active, *_ = releases(NAME)
    assert (passed.event, active.event, active.current, active.trial) == ("passed", "active", True, False)
    assert active.bench[0].ttft_p50_ms > 0
    assert [machine.trial for machine in status(NAME).machines] == [None]


def test_what_is_too_slow_is_taken_back_beside_what_served_and_no_request_fails(serving, write, type_):
    """By a limit, which holds however busy this machine is; the gate on a change has both measured."""
    write(1040, SLOW_S, fail_if=["ttft_p50>900ms", "ttft_p50>+100000%"])
    with reached(NAME) as endpoint, Load(endpoint) as load:
        code, answer, said = type_("redeploy")
        time.sleep(1)
    assert code == 8, (answer, said)
    assert load.failed == {}
    error = answer["error"]
    assert f"Release {serving} serves again" in error["message"]
    assert "ttft_p50 with 2 at once is" in error["message"]
    (level,) = error["details"]["comparison"]["levels"]
    assert next(one["b"] for one in level["differences"] if one["figure"] == "ttft_p50") > 1000 * SLOW_S
    (service,) = services(NAME)
    assert (service.release, service.state) == (serving, "ready")
    back, refused, tried, *_ = releases(NAME)
    assert [entry.event for entry in (back, refused, tried)] == ["active", "refused", "active"]
    assert "ttft_p50" in refused.cause
    assert back.current


@pytest.mark.long
def test_a_run_that_was_cut_off_is_completed_by_the_next(serving, write, type_, monkeypatch):
    """Between its switch and its verdict; as a runner does that is taken away."""
    write(1048, SLOW_S, fail_if=["ttft_p50>900ms"])

    def cut_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("zephyr_deploy.deploy.gate.keeper.Gatekeeper.verdict", cut_off)
        assert type_("redeploy")[0] == 130
    (machine,) = status(NAME).machines
    assert (machine.state, machine.trial.before) == ("ready", serving)
    assert releases(NAME)[0].trial
    assert "is on trial" in type_("up")[2], "told, and left as it is"
    code, answer, _said = type_("redeploy")
    assert (code, answer["error"]["details"]["serves"]) == (8, {machine.host: serving})
    assert services(NAME)[0].release == serving


@pytest.mark.long
def test_rollback_passes_by_what_was_refused(serving, write, type_):
    write(1056, fail_if=["ttft_p50>3s"])
    assert type_("redeploy")[0] == 0
    write(1064, SLOW_S, fail_if=["ttft_p50<3s"])
    assert type_("redeploy")[0] == 8
    assert rollback(NAME).release == serving


@pytest.mark.long
def test_an_engine_that_dies_while_it_is_measured_is_replaced_by_what_served(serving, write, type_):
    write(1072, env={"LAB_FAIL": "crash-later", "LAB_FAIL_AFTER_S": "2"}, fail_if=["errors>0"], requests=20)
    code, answer, _said = type_("redeploy")
    assert code == 8, answer
    assert f"Release {serving} serves again" in answer["error"]["message"]
    assert services(NAME)[0].release == serving
