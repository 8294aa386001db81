"""The bundle of what is known here, with a machine that is away; a real node's part is in tests/lab."""

import json
import stat
import tarfile

import pytest
from loopback_sshd import free_port

from zephyr_deploy.cli import main as program
from zephyr_deploy.deploy.bundle import debug_bundle
from zephyr_deploy.errors import UsageError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.paths import deployment_dir
from zephyr_deploy.providers.nodes.key import settled_key
from zephyr_deploy.providers.nodes.record import NodesRecord
from zephyr_deploy.spec.load import load

SECRETS = {"HF_TOKEN": "a-token-of-mine", "MY_SECRET": "s3cret/value", "FLAG": "flag-s3cret"}


@pytest.fixture(autouse=True)
def _alone(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HF_TOKEN", SECRETS["HF_TOKEN"])
    (home / "zephyr.toml").write_text(
        'name = "demo"\n[engine]\n'
        f'env = {{ MY_SECRET = "{SECRETS["MY_SECRET"]}", MAX_STOP_SEQUENCES = "7" }}\n'
        f'args = ["--api-key", "{SECRETS["FLAG"]}"]\n'
    )


def contents(path):
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        return {one.name.partition("/")[2]: archive.extractfile(one).read().decode() for one in members}


def test_without_a_secret_and_for_this_user_alone(home):
    key = settled_key("demo", None).get_secret_value()
    told = deployment_dir("demo") / "service.log"
    told.write_text(f"key {key}, {SECRETS['HF_TOKEN']}, {SECRETS['MY_SECRET']}, hf_abcdefghijklm\nlast words\n")
    found = debug_bundle("demo", home / "b.tar.gz", load)
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    files = contents(found.path)
    assert "last words" in files["here/service.log"]
    assert {"versions.json", "config.json", "doctor.json", "status.json", "plan.json", "README.txt"} <= set(files)
    assert "node_key" not in " ".join(files)
    for secret in (key, *SECRETS.values(), "hf_abcdefghijklm"):
        assert [name for name, text in files.items() if secret in text] == []
    settings = {row["setting"]: row["value"] for row in json.loads(files["config.json"])["settings"]}
    assert settings["engine.env"] == {"MY_SECRET": "[REDACTED]", "MAX_STOP_SEQUENCES": "7"}


def test_with_a_machine_that_is_away_and_a_configuration_that_is_broken(home, capsys):
    port = free_port()
    NodesRecord(name="demo", provider="ssh", nodes=(NodeAddress(host="127.0.0.1", port=port),)).save()
    (home / "zephyr.toml").write_text("name = [")
    assert program.main(["debug-bundle", "demo", "--to", "b.tar.gz"]) == 0
    told = capsys.readouterr()
    assert "b.tar.gz" in told.out
    assert f"127.0.0.1:{port}" in told.err
    files = contents(home / "b.tar.gz")
    assert str(port) in files[f"nodes/127.0.0.1_{port}/unreachable.txt"]
    assert "zephyr.toml" in files["config.json"]
    assert "127.0.0.1" in files["here/nodes.json"]
    assert f"127.0.0.1:{port}" in files["README.txt"]


def test_a_file_that_is_there_is_not_overwritten(home):
    (home / "b.tar.gz").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        debug_bundle("demo", home / "b.tar.gz", load)
    assert (home / "b.tar.gz").read_text() == "mine"


def test_a_place_that_cannot_be_written_to(home):
    with pytest.raises(UsageError, match="cannot be written"):
        debug_bundle("demo", home / "none" / "b.tar.gz", load)
