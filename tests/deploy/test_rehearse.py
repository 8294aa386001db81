"""A rehearsal is begun only where emulators run on this machine, and nothing of the real thing is left in it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from zephyr_deploy.deploy.rehearse import NOTE, Emulators, begin, rehearsal_dir
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.paths import cache_dir, state_dir

VARIABLES = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1234",
    "ZEPHYR_E2E_BASE_URL": "http://127.0.0.1:1235/myaccount/api/v1",
    "AWS_ACCESS_KEY_ID": "rehearsal",
    "AWS_SECRET_ACCESS_KEY": "rehearsal",
    "HF_ENDPOINT": "http://10.213.0.2",
}


@pytest.fixture(autouse=True)
def real(home):
    """A person with accounts; whatever a rehearsal does to the environment is undone."""
    before = dict(os.environ)
    os.environ.update(
        AWS_PROFILE="work", AWS_ACCESS_KEY_ID="AKIAREAL", E2E_AUTH_TOKEN="real", HF_TOKEN="hf_real", UNTOUCHED="1"
    )
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def running(real):
    emulators = Emulators.here(VARIABLES)
    emulators.save()
    return emulators


def test_nothing_real_is_left(running):
    before = state_dir()
    begin()
    assert {name: os.environ.get(name) for name in VARIABLES} == VARIABLES
    assert not {"AWS_PROFILE", "E2E_AUTH_TOKEN", "HF_TOKEN"} & set(os.environ)
    assert "AKIAREAL" not in os.environ.values()
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.environ["AWS_CONFIG_FILE"] == os.devnull
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true"
    assert os.environ["UNTOUCHED"] == "1"
    assert state_dir() == before / "rehearsal"
    assert cache_dir().name == "rehearsal"


def test_boto3_asks_the_emulator_and_nobody_else(running):
    import boto3

    begin()
    session = boto3.session.Session(region_name="us-east-1")
    assert session.client("ec2").meta.endpoint_url == VARIABLES["AWS_ENDPOINT_URL"]
    assert session.client("sts").meta.endpoint_url == VARIABLES["AWS_ENDPOINT_URL"]
    assert session.get_credentials().access_key == "rehearsal"


def test_a_second_beginning_changes_nothing(running):
    begin()
    once = dict(os.environ)
    begin()
    assert dict(os.environ) == once


def test_where_nothing_runs(real):
    with pytest.raises(ConfigError, match="not running") as caught:
        begin()
    assert "make emulators" in caught.value.hint
    assert os.environ["AWS_PROFILE"] == "work"


def test_where_they_have_ended(real):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    Emulators(pid=ended.pid, started=0, variables=VARIABLES).save()
    with pytest.raises(ConfigError, match="have ended"):
        begin()


def test_where_another_process_has_the_number(real):
    mine = Emulators.here(VARIABLES)
    mine.model_copy(update={"started": mine.started - 100}).save()
    with pytest.raises(ConfigError, match="have ended"):
        begin()


def test_where_the_note_is_spoilt(running):
    (rehearsal_dir() / NOTE).write_text("{")
    with pytest.raises(ConfigError, match="not running"):
        begin()


@pytest.mark.parametrize("url", [None, "https://ec2.us-east-1.amazonaws.com", "http://127.0.0.1.example.com"])
def test_no_address_may_lead_away_from_this_machine(real, url):
    variables = {**VARIABLES, "AWS_ENDPOINT_URL": url} if url else {"AWS_ACCESS_KEY_ID": "rehearsal"}
    Emulators.here(variables).save()
    with pytest.raises(ConfigError, match=r"AWS_ENDPOINT_URL.*could reach a real account"):
        begin()
    assert os.environ["AWS_ACCESS_KEY_ID"] == "AKIAREAL"


def test_only_this_user_can_read_the_note(running):
    assert (rehearsal_dir() / NOTE).stat().st_mode & 0o077 == 0
