"""--rehearse, before the verb and after it, and ZEPHYR_REHEARSE: each says what it is, on stderr, in every mode."""

from __future__ import annotations

import json
import os

import pytest

from zephyr_deploy.cli.session import Session
from zephyr_deploy.deploy.rehearse import Emulators
from zephyr_deploy.paths import state_dir

VARIABLES = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "ZEPHYR_E2E_BASE_URL": "http://127.0.0.1:9"}
BANNER = "Rehearsal: the clouds are emulators on this machine; nothing is bought.\n"


@pytest.fixture(autouse=True)
def environment(alone):
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def show(session: Session) -> None:
    session.out.hint("zephyr-deploy probe")
    session.out.result("probe", str(state_dir()), table=lambda: str(state_dir()), quiet=str(state_dir()))


@pytest.mark.parametrize("argv", [("--rehearse", "probe"), ("probe", "--rehearse")])
def test_it_has_a_state_folder_of_its_own(probe, argv):
    real = state_dir()
    Emulators.here(VARIABLES).save()
    ran = probe(show, *argv)
    assert (ran.code, ran.out) == (0, f"{real / 'rehearsal'}\n")
    assert ran.err == f"{BANNER}Next: zephyr-deploy --rehearse probe\n"


def test_a_variable_says_it_for_a_whole_shell(probe):
    Emulators.here(VARIABLES).save()
    os.environ["ZEPHYR_REHEARSE"] = "1"
    ran = probe(show, "probe")
    assert ran.err == f"{BANNER}Next: zephyr-deploy probe\n"
    assert ran.out.endswith("/rehearsal\n")


@pytest.mark.parametrize("mode", ["json", "quiet"])
def test_data_stay_data(probe, mode):
    Emulators.here(VARIABLES).save()
    ran = probe(show, "probe", "--rehearse", "--output", mode)
    assert ran.err.startswith(BANNER)
    assert (json.loads(ran.out)["data"] if mode == "json" else ran.out.strip()).endswith("/rehearsal")


def test_without_emulators_it_says_how_they_are_started(probe):
    ran = probe(show, "probe", "--rehearse")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("Error: the emulated clouds of a rehearsal are not running\nNext: make emulators")
