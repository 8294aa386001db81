"""`render` as it is typed, without a machine: what is printed, written and refused."""

import json
import os
import re

import pytest

from zephyr_deploy.cli.main import main
from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.release.lock import placeholder
from zephyr_deploy.release.lockfile import lock_text, lockfile_of
from zephyr_deploy.release.release import release_of
from zephyr_deploy.release.render import render as render_release
from zephyr_deploy.release.resolve import images_of
from zephyr_deploy.spec.deployment import Deployment

NODE = ("--provider", "ssh", "--host", "gpu1", "--offline")
PATHS = {
    "Caddyfile",
    "daemon.json",
    "engine.env",
    "engine.service",
    "engine.sh",
    "gateway.service",
    "gateway.sh",
    "lock.json",
    "release.json",
    "tokenizer_config.json",
}


@pytest.fixture
def render(capsys):
    def call(*words, code=0):
        assert main(["render", *words]) == code
        return capsys.readouterr()

    return call


def as_json(render, *words):
    return json.loads(render(*NODE, *words, "-o", "json").out)["data"]


def test_every_file_under_its_path(render):
    said = render(*NODE)
    assert set(re.findall(r"^==> (\S+) <==$", said.out, re.MULTILINE)) == PATHS
    assert "zeros" in said.err


def test_as_json(render):
    data = as_json(render)
    assert set(data["files"]) == PATHS
    assert data["release"] == release_of(data["files"]).id
    assert data["complete"] is False


def test_a_gateway_apart_has_files_of_its_own(render, monkeypatch):
    words = ("--gateway", "ann@edge", "--expose", "llm.example.org")
    private = as_json(render, "--gateway", "edge")
    monkeypatch.setenv("ZEPHYR_ACCESS__CIDR", "192.0.2.0/24")
    data = as_json(render, *words)
    front = {path.removeprefix("gateway/") for path in data["files"] if path.startswith("gateway/")}
    assert front == {"Caddyfile", "entry", "gateway.service", "gateway.sh", "peers.pem", "release.json"}
    assert "https://gpu1:8081" in data["files"]["gateway/entry"]
    assert "llm.example.org" in data["files"]["gateway/Caddyfile"]
    assert (data["release"], data["gateway"] != private["gateway"]) == (private["release"], True)


def test_quiet_is_the_name_of_the_release(render):
    assert render(*NODE, "-o", "quiet").out.strip() == as_json(render)["release"]


def test_one_file_is_printed_to_the_byte(render):
    assert render(*NODE, "--file", "engine.sh").out == as_json(render)["files"]["engine.sh"]


def test_a_file_that_is_not_there(render):
    assert "engine.sh" in render(*NODE, "--file", "compose.yaml", code=2).err


def test_flags_change_what_is_rendered(render):
    assert "MAX_TOTAL_TOKENS=3000\n" in as_json(render, "--max-total-tokens", "3000")["files"]["engine.env"]
    assert "--gpus 2" in as_json(render, "--gpus", "2", "--gpu", "h100")["files"]["engine.sh"]


def test_written_and_written_again(render, tmp_path):
    folder = tmp_path / "release"
    render(*NODE, "--write", str(folder))
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert files == as_json(render)["files"]
    assert os.access(folder / "engine.sh", os.X_OK)
    render(*NODE, "--write", str(folder))
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


def test_nothing_is_overwritten_unasked(render, tmp_path):
    strange = tmp_path / "release" / "mine.txt"
    strange.parent.mkdir()
    strange.write_text("mine")
    assert "mine.txt" in render(*NODE, "--write", str(strange.parent), code=2).err
    assert list(strange.parent.iterdir()) == [strange]
    said = render(*NODE, "--write", str(strange.parent), "--yes")
    assert strange.read_text() == "mine"
    assert "left there: mine.txt" in said.err


def test_a_changed_file_is_not_overwritten_unasked(render, tmp_path):
    render(*NODE, "--write", str(tmp_path / "r"))
    (tmp_path / "r" / "engine.env").write_text("changed")
    render(*NODE, "--write", str(tmp_path / "r"), code=2)
    assert (tmp_path / "r" / "engine.env").read_text() == "changed"


def test_a_file_is_no_folder(render, tmp_path):
    (tmp_path / "f").write_text("")
    assert "no folder" in render(*NODE, "--write", str(tmp_path / "f"), code=2).err


def test_a_lock_pins_without_asking_anybody(render, tmp_path):
    lock = json.loads(as_json(render)["files"]["lock.json"])
    lock["commit"] = "ab" * 20
    (tmp_path / "lock.json").write_text(json.dumps(lock))
    data = as_json(render, "--lock", str(tmp_path / "lock.json"))
    assert data["complete"] is True
    assert f"REVISION={'ab' * 20}\n" in data["files"]["engine.env"]


def test_a_lock_of_the_deployment_pins_the_same(render, tmp_path):
    deployment = Deployment(provider="ssh", machine={"host": "gpu1"})
    plan = plan_for_node(
        deployment, assumed_node(deployment), hub="https://huggingface.co", model=known_model(deployment.model.id)
    )
    pins = placeholder(*images_of(plan), deployment.model.id, None)
    pins = pins.model_copy(update={"commit": "ab" * 20, "model": plan.model})
    kept = lockfile_of(plan, pins, render_release(plan, pins), {})
    (tmp_path / "zephyr.lock").write_text(lock_text(kept))
    assert render(*NODE, "--lock", str(tmp_path / "zephyr.lock"), "-o", "quiet").out.strip() == kept.release


@pytest.mark.parametrize("text", ["", "{}", "no json", "[]"])
def test_what_is_no_lock(render, tmp_path, text):
    (tmp_path / "lock.json").write_text(text)
    assert "no lock" in render(*NODE, "--lock", str(tmp_path / "lock.json"), code=3).err


def test_the_lock_of_another_wish(render, tmp_path):
    (tmp_path / "lock.json").write_text(as_json(render)["files"]["lock.json"])
    said = render(*NODE, "--engine", "vllm", "--lock", str(tmp_path / "lock.json"), code=3)
    assert "others are wanted" in said.err


def test_on_this_machine(render):
    assert "==> service.json <==" in render().out


@pytest.mark.parametrize(
    "words",
    [
        ("--diff",),
        (*NODE, "--diff"),
        (*NODE, "--diff", "--file", "engine.sh"),
        (*NODE, "--write", "x", "--file", "engine.sh"),
        (*NODE, "--exit-code"),
    ],
)
def test_what_does_not_go_together(render, words):
    render(*words, code=2)


def test_what_cannot_be_served_is_told(render):
    assert "engine.quantize" in render(*NODE, "--quantize", "awq", code=3).err
