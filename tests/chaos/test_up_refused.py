"""What `up` cannot get: it says so, starts nothing, and leaves nothing that `down` would have to find."""

import os
import socket

import pytest

from zephyr_deploy import down, services
from zephyr_deploy.cli import main as program
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.providers.local.weights.fetch import local_path


@pytest.fixture
def refused_up(home, monkeypatch, capsys):
    """``up`` from the command line; the exit code and what it told, once nothing of it is left."""
    monkeypatch.chdir(home)

    def run(*argv):
        code = program.main(["up", "--port", "0", *argv])
        told = capsys.readouterr()
        assert told.out == ""
        assert services() == []
        assert down("zephyr").stopped == ()
        return code, told.err

    return run


@pytest.fixture
def no_network(monkeypatch):
    """The package index is at an address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{held.getsockname()[1]}/simple")
        yield


def test_without_network_and_without_a_model(refused_up, no_network):
    code, told = refused_up()
    assert code == 6
    assert "Next: Check the network" in told


def test_a_spoilt_model_that_cannot_be_fetched_again_is_not_served(refused_up, no_network):
    model = local_path(embedded_table().default.source())
    model.parent.mkdir(parents=True)
    model.write_bytes(b"GGUF, or so it says")
    code, told = refused_up()
    assert code == 6
    assert "fetched again" in told


def test_a_model_of_the_user_that_was_cut(refused_up, home):
    (home / "cut.gguf").write_bytes(b"GGUF\x03\0\0\0")
    code, told = refused_up("--model", "./cut.gguf")
    assert code == 3
    assert "cut.gguf" in told


def test_a_model_that_is_not_there(refused_up):
    code, told = refused_up("--model", "./nowhere.gguf")
    assert code == 3
    assert "nowhere.gguf" in told
