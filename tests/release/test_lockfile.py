"""zephyr.lock: what is written is read again, line by line; and what is no lock is refused."""

from __future__ import annotations

import json

import pytest
from release.conftest import WISHES, lock_of, plan_of, wish

from zephyr_deploy import __version__
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.release.lock import LockedFile
from zephyr_deploy.release.lockchanges import Change, changes
from zephyr_deploy.release.lockfile import FileMachine, lock_text, lockfile_of, machine_name, read_lock
from zephyr_deploy.release.render import render

KEY = "SHA256:7zkX1Yp0yCkM4v3qkKX1J8k8S0J4c3yq4k1yq0dYx9A"
GPU1 = FileMachine(gpus=("NVIDIA A100-SXM4-80GB",), driver="550.54.15", host_key=KEY)


def lockfile(kind="tgi", *, machines=None, pins=None, **wanted):
    """The lock of a wish; ``pins`` replace what was looked up."""
    plan = plan_of(wish(kind, **wanted))
    lock = lock_of(plan, **(pins or {}))
    return lockfile_of(plan, lock, render(plan, lock), {"gpu1": GPU1} if machines is None else machines)


@pytest.mark.parametrize("kind", WISHES)
def test_what_is_written_is_read_again(kind):
    written = lockfile(kind)
    read = read_lock(lock_text(written), "zephyr.lock")
    assert read == written
    plan = plan_of(wish(kind))
    assert read.pins == lock_of(plan)
    assert render(plan, read.pins).id == read.release


def test_the_same_thing_has_the_same_text_whoever_writes_it():
    assert lock_text(lockfile()) == lock_text(read_lock(lock_text(lockfile()), "zephyr.lock"))


def test_keys_are_sorted_and_each_thing_has_a_line():
    text = lock_text(lockfile())
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    assert '"commit": "' + "c0" * 20 + '"' in lines
    assert '{"blob": "' + "b0" * 20 + '", "path": "config.json", "size": 638}' in lines
    assert '"limits.parallel"' not in text
    document = json.loads(text)
    assert list(document) == sorted(document)
    assert text.endswith("}\n")
    assert document["tool"] == __version__
    assert document["engine"]["version"] == document["engine"]["image"].rpartition(":")[2] != ""


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("example.org/tgi:3.3.6", "3.3.6"),
        ("example.org:5000/tgi", ""),
        ("example.org:5000/tgi:3", "3"),
        (f"example.org/tgi@sha256:{'e1' * 32}", ""),
        (f"example.org/tgi:3@sha256:{'e1' * 32}", "3"),
    ],
)
def test_the_version_of_an_engine_is_its_tag(image, version):
    assert lockfile(engine={"image": image}).engine.version == version


def test_a_secret_of_the_engine_is_not_in_it():
    secret = "hf_aVerySecretValue123"
    text = lock_text(lockfile(engine={"name": "vllm", "args": ["--some-token", secret]}))
    assert "--some-token" in text
    assert secret not in text


@pytest.mark.parametrize(
    ("address", "name"),
    [("gpu1", "gpu1"), ("ubuntu@GPU1", "gpu1"), ("gpu1:22", "gpu1"), ("ann@[2001:db8::1]:2222", "[2001:db8::1]:2222")],
)
def test_a_machine_has_the_same_name_whoever_logs_in(address, name):
    assert machine_name(NodeAddress.parse(address)) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no lock of a deployment"),
        ("[]", "no lock of a deployment"),
        ("{}", "no lock of a deployment"),
        ('{"format": 2}', "format 2, and this version reads 1"),
        ('{"format": 1}', "deployment is wrong or missing"),
        ('{\n<<<<<<< ours\n"format": 1}', "merge that was not settled"),
    ],
)
def test_what_is_no_lock(text, said):
    with pytest.raises(ConfigError, match=said) as caught:
        read_lock(text, "zephyr.lock")
    assert "zephyr.lock" in caught.value.message
    assert "zephyr-deploy" in caught.value.hint


def test_a_thing_that_is_missing_is_named():
    document = json.loads(lock_text(lockfile()))
    del document["engine"]["digest"]
    with pytest.raises(ConfigError, match=r"engine\.digest is wrong or missing"):
        read_lock(json.dumps(document), "zephyr.lock")


def test_what_differs_is_named_by_its_path():
    files = (
        LockedFile(path="config.json", size=638, blob="b1" * 20),
        LockedFile(path="new.json", size=2, blob="b2" * 20),
    )
    old = lockfile()
    new = lockfile(
        machines={"gpu1": GPU1.model_copy(update={"driver": "555.42"})}, pins={"commit": "d0" * 20, "files": files}
    )
    assert changes(old, new) == (
        Change(what="machines.gpu1.driver", before="550.54.15", after="555.42"),
        Change(what="model.commit", before="c0" * 20, after="d0" * 20),
        Change(what="model.files.config.json", before=f"{'b0' * 20}, 638 bytes", after=f"{'b1' * 20}, 638 bytes"),
        Change(what="model.files.model.safetensors", before=f"{'5f' * 32}, 14483464192 bytes", after=""),
        Change(what="model.files.new.json", before="", after=f"{'b2' * 20}, 2 bytes"),
        Change(what="release", before=old.release, after=new.release),
    )
    assert changes(old, old) == ()
    assert {change.before for change in changes(None, old)} == {""}
