"""From wish to files: every file of a few releases word for word, and what holds of all of them."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from pydantic import ValidationError
from release.conftest import AWQ, ODD, WISHES, lock_of, plan_of, release_for, wish

from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.release.lock import LockedImage
from zephyr_deploy.release.render import render
from zephyr_deploy.release.templates import _environment, load_templates, render_template

GOLDEN = Path(__file__).with_name("golden")
UPDATE = "UPDATE_GOLDEN"
"""Set to 1, it has the golden files written anew: read the difference before it is committed."""
SECRET = "hf_aVerySecretValue123"
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)


@pytest.mark.parametrize("name", WISHES)
def test_golden(name):
    release, folder = release_for(wish(name)), GOLDEN / name
    if os.environ.get(UPDATE):
        for path in folder.glob("*"):
            path.unlink()
        folder.mkdir(exist_ok=True)
        for path, text in release.files.items():
            (folder / path).write_text(text)
    assert {path.name: path.read_text() for path in folder.glob("*")} == release.files, f"meant so? {UPDATE}=1 pytest"


def test_all_templates_of_a_release_can_be_loaded_beforehand():
    _environment.cache_clear()
    load_templates()
    loaded = set(_environment().cache.keys())
    release_for(wish())
    assert set(_environment().cache.keys()) == loaded


def test_the_same_wish_has_the_same_name():
    assert release_for(wish()).id == release_for(wish()).id


CHANGES = {
    "name": {"name": "second"},
    "model": {"model": {"id": AWQ}},
    "revision": {"model": {"id": AWQ, "revision": "v1"}},
    "engine": {"engine": {"name": "vllm"}},
    "image": {"engine": {"image": "example.org/tgi:1"}},
    "shards": {"engine": {"num_shard": 2}},
    "env": {"engine": {"env": {"A": "1"}}},
    "args": {"engine": {"args": ["--max-best-of", "3"]}},
    "tokens": {"limits": {"max_total_tokens": 4095}},
    "port": {"access": {"port": 8081}},
    "key": {"access": {"api_key": False}},
    "exposed": {"access": {"expose": True, "domain": "llm.example.org"}},
    "exposed elsewhere": {"access": {"expose": True, "domain": "llm.example.com"}},
}


def test_any_change_has_another_name():
    names = [release_for(wish()).id, *(release_for(wish(**change)).id for change in CHANGES.values())]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "changed",
    [
        {"commit": "d0" * 20},
        {"engine": LockedImage(name="x/y:1", digest=f"sha256:{'00' * 32}")},
        {"gateway": LockedImage(name="caddy:2", digest=f"sha256:{'00' * 32}")},
        {"files": ()},
    ],
)
def test_another_lock_has_another_name(changed):
    assert release_for(wish(), **changed).id != release_for(wish()).id


def test_images_are_run_by_digest_and_the_model_by_commit(release):
    lock = json.loads(release.files["lock.json"])
    assert f"@{lock['engine']['digest']}" in release.files["engine.sh"]
    assert f"@{lock['gateway']['digest']}" in release.files["gateway.sh"]
    assert lock["engine"]["name"].rpartition(":")[2] not in release.files["engine.sh"]
    assert lock["commit"] in release.files["engine.env"] + release.files["engine.sh"]


def test_nothing_secret_is_in_any_file(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("ZEPHYR_API_KEY", SECRET)
    deployment = wish()
    assert SECRET not in json.dumps(release_for(deployment).files)


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "API_KEY", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "my_secret"]
)
def test_a_secret_in_the_engines_environment_is_refused(name):
    with pytest.raises(ConfigError, match=rf"engine\.env\.{name}") as raised:
        release_for(wish(engine={"env": {name: SECRET}}))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", ["MAX_TOP_N_TOKENS", "TOKENIZERS_PARALLELISM", "NCCL_DEBUG"])
def test_what_only_resembles_a_secret_is_taken(name):
    assert f"{name}=5\n" in release_for(wish(engine={"env": {name: "5"}})).files["engine.env"]


def test_a_hub_with_a_password_in_its_address_is_refused():
    plan = plan_of(wish()).model_copy(update={"hub": "https://me:geheim@mirror.example.org"})
    with pytest.raises(ConfigError, match="HF_ENDPOINT") as raised:
        render(plan, lock_of(plan))
    assert "geheim" not in str(raised.value)


def test_templates_refuse_what_they_are_not_given():
    with pytest.raises(UndefinedError, match="stop_s"):
        render_template("systemd/gateway.service.jinja", name="x", home="/x")


def environment(release):
    """What Docker makes of an environment file: a name up to the first =, and the rest of the line as it is."""
    lines = release.files["engine.env"].removesuffix("\n").split("\n")
    return dict(line.split("=", 1) for line in lines)


def test_no_variable_is_empty(release):
    assert all(name and value for name, value in environment(release).items())


def test_values_reach_docker_as_they_are():
    assert environment(release_for(wish("tgi-awq-odd")))["GREETING"] == ODD


@given(PRINTABLE)
def test_any_value_takes_one_line(value):
    found = environment(release_for(wish(engine={"env": {"GREETING": value}})))
    assert found["GREETING"] == value


BAD_ENV = {
    "several lines": {"A": "1\nB=2"},
    "a carriage return": {"A": "1\r"},
    "nothing": {"A": ""},
    "a zero byte": {"A": "1\0"},
    "a name with a line": {"A\nB": "1"},
    "a name with =": {"A=B": "1"},
    "a name with a blank": {"A B": "1"},
    "a comment": {"#A": "1"},
    "no name": {"": "1"},
    "longer than Docker reads": {"A": "x" * 65536},
}


@pytest.mark.parametrize("env", BAD_ENV.values(), ids=BAD_ENV)
@pytest.mark.parametrize("engine", ["tgi", "vllm", "sglang"])
def test_what_an_environment_file_cannot_hold_is_refused(env, engine):
    with pytest.raises((ConfigError, ValidationError)):
        release_for(wish(engine={"name": engine, "env": env}))


@pytest.mark.parametrize("name", ["tgi", "tgi-awq-odd"])
def test_tgi_is_told_the_three_limits_together(name):
    found = environment(release_for(wish(name)))
    longest, total = int(found["MAX_INPUT_TOKENS"]), int(found["MAX_TOTAL_TOKENS"])
    assert longest < total
    assert int(found["MAX_BATCH_PREFILL_TOKENS"]) >= longest
    assert found["USAGE_STATS"] == "off"
    assert found["NUM_SHARD"] == str(wish(name).engine.num_shard or 1)


@pytest.mark.parametrize(("name", "flag"), [("vllm", "--tensor-parallel-size"), ("sglang", "--tp-size")])
def test_others_are_told_how_many_gpus(name, flag):
    words = release_for(wish(engine={"name": name, "num_shard": 2})).files["engine.sh"].split()
    assert words[words.index(flag) + 2] == "2"
    assert words[words.index("--gpus") + 1] == "2"


def test_vllm_sends_no_usage_statistics():
    assert environment(release_for(wish("vllm")))["VLLM_NO_USAGE_STATS"] == "1"


def test_the_engine_listens_on_the_loopback_alone(release):
    words = release.files["engine.sh"].replace("\\\n", " ").split()
    flag = "--hostname" if "--hostname" in words else "--host"
    assert words[words.index(flag) + 1] == "127.0.0.1"
    assert "--publish" not in words
    assert "-p" not in words


def test_shared_memory_is_said(release):
    spec = engine_spec(json.loads(release.files["release.json"])["engine"])
    assert f"--shm-size {spec.shm_size} " in release.files["engine.sh"]


def test_systemd_waits_longer_than_docker_and_docker_longer_than_the_engine(release):
    about = json.loads(release.files["release.json"])
    spec, plan = engine_spec(about["engine"]), plan_of(wish())
    bound = spec.drain.bound_s(plan.serve.drain_s) or plan.serve.drain_s
    docker = about["stop_s"]
    unit = dict(line.partition("=")[::2] for line in release.files["engine.service"].splitlines() if "=" in line)
    assert bound < docker < int(unit["TimeoutStopSec"])
    assert f"docker stop -t {docker} " in unit["ExecStop"]
    assert f"--stop-timeout {docker} " in release.files["engine.sh"]


def test_zephyrs_chat_template_is_the_safe_one():
    tgi = release_for(wish("tgi")).files
    config = json.loads(tgi["tokenizer_config.json"])
    assert config["chat_template"] == release_for(wish("vllm")).files["chat_template.jinja"].removesuffix("\n")
    assert "TOKENIZER_CONFIG_PATH=/release/tokenizer_config.json\n" in tgi["engine.env"]
    assert "tokenizer_config.json" not in release_for(wish("tgi-awq-odd")).files


@pytest.mark.parametrize(
    ("host", "domain", "site"),
    [
        ("ubuntu@203.0.113.9:2222", None, "https://203.0.113.9 {"),
        ("root@[2001:db8::1]:2222", None, "https://[2001:db8::1] {"),
        ("2001:db8::1", None, "https://[2001:db8::1] {"),
        ("gpu1", "llm.example.org", "https://llm.example.org {"),
    ],
)
def test_the_name_of_an_exposed_endpoint(host, domain, site):
    deployment = wish(machine={"host": host}, access={"expose": True, "domain": domain})
    assert f"\n{site}\n" in release_for(deployment).files["Caddyfile"]


def test_exposed_to_nobody_in_particular_is_refused():
    plan = plan_of(wish("exposed-domain", access={"expose": True, "domain": "llm.example.org"}))
    with pytest.raises(ConfigError, match="who may reach"):
        render(plan.model_copy(update={"caller": ""}), lock_of(plan))
