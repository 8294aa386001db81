"""Which value wins, where it came from, and what is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.spec.deployment import Deployment
from zephyr_deploy.spec.keys import KEYS
from zephyr_deploy.spec.load import load
from zephyr_deploy.spec.origin import DEFAULT, Origin

FILE = """\
name = "demo"

[access]
port = 1
"""


def test_nothing_said_is_the_default_and_nothing_is_set(loader):
    loaded = loader()
    assert loaded.deployment == Deployment()
    assert loaded.deployment.model_fields_set == set()
    assert loaded.config is None
    assert loaded.profile is None
    assert loaded.origins == dict.fromkeys(KEYS, DEFAULT)


def test_only_what_was_said_is_in_the_fields_set(loader):
    deployment = loader("[model]\n[limits]\nparallel = 2\n").deployment
    assert deployment.model_fields_set == {"limits"}
    assert deployment.limits.model_fields_set == {"parallel"}
    assert deployment.model.model_fields_set == set()


def test_a_default_that_the_user_said_is_in_the_fields_set(loader):
    deployment = loader(flags={"model.id": Deployment().model.id}).deployment
    assert deployment.model.model_fields_set == {"id"}


LAYERS = ("file", "profile", "env", "flag")


@given(ports=st.dictionaries(st.sampled_from(LAYERS), st.integers(0, 65535)))
def test_the_strongest_layer_wins(tmp_path_factory, ports):
    folder = tmp_path_factory.mktemp("wins")
    lines = [f"[access]\nport = {ports['file']}" if "file" in ports else ""]
    lines.append(f"[profile.p.access]\nport = {ports['profile']}" if "profile" in ports else "[profile.p]")
    (folder / "zephyr.toml").write_text("\n".join(lines))
    environ = {"ZEPHYR_PORT": str(ports["env"])} if "env" in ports else {}
    flags = {"access.port": ports["flag"]} if "flag" in ports else {}
    loaded = load(profile="p", flags=flags, environ=environ, cwd=folder)
    winner = max(ports, key=LAYERS.index, default="default")
    assert loaded.deployment.access.port == ports.get(winner, 8080)
    assert loaded.origins["access.port"].layer == winner
    assert ("port" in loaded.deployment.access.model_fields_set) == bool(ports)


def test_the_origin_names_line_variable_and_flag(loader):
    text = FILE + "[profile.p.cost]\nttl = '1h'\n"
    origins = loader(text, profile="p", environ={"ZEPHYR_GPU": "l4"}, flags={"engine.name": "tgi"}).origins
    assert origins["access.port"] == Origin("file", "zephyr.toml:4")
    assert origins["cost.ttl"] == Origin("profile", "zephyr.toml:6")
    assert origins["machine.gpu"] == Origin("env", "ZEPHYR_GPU")
    assert origins["engine.name"] == Origin("flag", "--engine")
    assert origins["cost.idle"] == DEFAULT


def test_values_of_every_kind(loader):
    deployment = loader(
        """
        [engine]
        env = { A = "1" }
        args = ["--x", "y z"]
        cuda_graphs = [1, 2]
        [access]
        expose = true
        cidr = "10.0.0.0/8"
        [cost]
        ttl = "1h30m"
        max_hourly_usd = 2.5
        """
    ).deployment
    assert deployment.engine.env == {"A": "1"}
    assert deployment.engine.args == ("--x", "y z")
    assert deployment.engine.cuda_graphs == (1, 2)
    assert deployment.access.cidr == "10.0.0.0/8"
    assert deployment.cost.ttl == timedelta(minutes=90)
    assert deployment.cost.max_hourly_usd == Decimal("2.5")
    assert Deployment.model_validate_json(deployment.model_dump_json()) == deployment


def test_none_is_a_flag_not_given(loader):
    assert loader(FILE, flags={"access.port": None}).deployment.access.port == 1


def test_a_value_that_is_overridden_need_not_be_right(loader):
    assert loader("[access]\nport = 'http'\n", flags={"access.port": 5}).deployment.access.port == 5


# profiles


def test_an_unknown_profile_names_the_nearest(refused):
    assert refused("[profile.large]\n", profile="lagre") == "zephyr.toml has no profile lagre; did you mean large?"


def test_an_unknown_profile_lists_what_there_is(refused):
    assert refused("[profile.a]\n[profile.b]\n", profile="zzz") == "zephyr.toml has no profile zzz; it has: a, b."
    assert refused("", profile="zzz") == "zephyr.toml has no profile zzz; it has: no profiles."


def test_a_profile_needs_a_file(refused):
    assert refused(profile="p") == "profile p: there is no zephyr.toml to hold it."


def test_the_profile_may_come_from_the_environment(loader):
    loaded = loader("[profile.p]\nname = 'q'\n", environ={"ZEPHYR_PROFILE": "p"})
    assert (loaded.profile, loaded.deployment.name) == ("p", "q")


def test_the_keys_of_every_profile_are_checked(refused):
    assert refused("[profile.p.access]\npotr = 1\n") == (
        "profile.p.access.potr (zephyr.toml:2): there is no such setting; did you mean access.port?"
    )


def test_a_profile_is_a_table(refused):
    assert refused("profile = 3\n") == "zephyr.toml:1: a profile is a table."
    assert refused("[profile]\np = 3\n") == "zephyr.toml:2: a profile is a table."


# which file


def test_the_nearest_file_up_to_the_repository_is_read(tmp_path):
    inner = tmp_path / "repo" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "zephyr.toml").write_text("name = 'outside'\n")
    (tmp_path / "repo" / ".git").mkdir()
    assert load(cwd=inner, environ={}).config is None
    (tmp_path / "repo" / "zephyr.toml").write_text("name = 'top'\n")
    assert load(cwd=inner, environ={}).deployment.name == "top"
    (tmp_path / "repo" / "a" / "zephyr.toml").write_text("name = 'near'\n")
    assert load(cwd=inner, environ={}).deployment.name == "near"


def test_the_file_of_home_is_read_below_home(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "zephyr.toml").write_text("name = 'home'\n")
    assert load(cwd=tmp_path / "work", environ={"HOME": str(tmp_path)}).deployment.name == "home"


def test_a_parent_that_is_neither_is_not_trusted(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "zephyr.toml").write_text("name = 'planted'\n")
    assert load(cwd=tmp_path / "work", environ={"HOME": "/nonexistent"}).config is None


def test_a_file_may_be_named(tmp_path):
    (tmp_path / "a.toml").write_text("name = 'a'\n")
    (tmp_path / "b.toml").write_text("name = 'b'\n")
    environ = {"ZEPHYR_CONFIG": "b.toml"}
    assert load(cwd=tmp_path, environ=environ).deployment.name == "b"
    assert load(config=Path("a.toml"), cwd=tmp_path, environ=environ).deployment.name == "a"


def test_a_model_path_counts_from_its_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "x.toml").write_text("[model]\nid = './m/x.gguf'\n")
    loaded = load(config=tmp_path / "x.toml", cwd=tmp_path / "sub", environ={})
    assert loaded.deployment.model.id == str(tmp_path / "m" / "x.gguf")
    flagged = load(flags={"model.id": "./m/x.gguf"}, cwd=tmp_path / "sub", environ={})
    assert flagged.deployment.model.id == "./m/x.gguf"


@pytest.mark.parametrize("model", ["org/name", "/abs/x.gguf", "~/x.gguf"])
def test_other_model_ids_are_left_alone(loader, model):
    assert loader(f"[model]\nid = '{model}'\n").deployment.model.id == model


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = \n", r"zephyr\.toml is not valid TOML: .*\(at line 1, column 8\)\."),
        (
            b"name = 'a'\nname = 'b'\n",
            r"zephyr\.toml is not valid TOML: .*\(at line 2, column 11\)\.",
        ),
        (b"name = '\xff'\n", r"zephyr\.toml is not UTF-8 text \(byte 8\)\."),
    ],
)
def test_a_file_that_is_no_toml(tmp_path, refused, content, message):
    (tmp_path / "zephyr.toml").write_bytes(content)
    assert re.fullmatch(message, refused())


def test_numbers_beyond_python_are_refused(refused):
    assert "is not valid TOML" in refused(f"[access]\nport = {'9' * 5000}\n")


def test_a_file_that_is_not_there(refused):
    assert refused(config=Path("no.toml")) == "there is no file no.toml."


def test_a_folder_is_no_file(refused, tmp_path):
    (tmp_path / "d").mkdir()
    assert refused(config=Path("d")) == "d cannot be read: Is a directory."


def test_windows_text_is_read(tmp_path, loader):
    (tmp_path / "zephyr.toml").write_bytes("\ufeffname = 'win'\r\n[access]\r\nport = 2\r\n".encode())
    loaded = loader()
    assert loaded.deployment.name == "win"
    assert loaded.origins["access.port"].where == "zephyr.toml:3"


# what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmae = 'x'", "nmae (zephyr.toml:1): there is no such setting; did you mean name?"),
        ("port = 1", "port (zephyr.toml:1): there is no such setting; did you mean access.port?"),
        ("[limit]\nparallel = 1", "limit (zephyr.toml:1): there is no such setting; did you mean limits?"),
        ("[limits]\nmax_tokens_total = 1", "did you mean limits.max_total_tokens?"),
        ("[machine]\nxyzzy = 1", "machine.xyzzy (zephyr.toml:2): there is no such setting."),
        ("model = 'x'", 'model = "x" (zephyr.toml:1): model is a table of settings; did you mean model.id?'),
        ("name.x = 1", "name = { x = 1 } (zephyr.toml:1): write at most 40 lower-case"),
        ("name = 'Bad Name'", 'name = "Bad Name" (zephyr.toml:1): write at most 40 lower-case'),
        ("[access]\nport = 70000", "access.port = 70000 (zephyr.toml:2): write a whole number from 0 to 65535."),
        ("[machine]\ngpus = true", "machine.gpus = true (zephyr.toml:2): write a whole number from 1 to 64."),
        ("[machine]\ngpu = ''", 'machine.gpu = "" (zephyr.toml:2): write text.'),
        ("[engine]\nquantize = 'awk'", "bitsandbytes-fp4; did you mean awq?"),
        ("[engine]\nquantize = ''", 'engine.quantize = "" (zephyr.toml:2): write one of awq'),
        ("[engine]\ncuda_graphs = [1, 'x']", 'cuda_graphs = [1, "x"] (zephyr.toml:2): write a list of whole numbers.'),
        ("[cost]\nttl = 8", "cost.ttl = 8 (zephyr.toml:2): write a length of time with its unit"),
        ("[cost]\nttl = '0s'", 'cost.ttl = "0s" (zephyr.toml:2): write a length of time such as'),
        ("[sampling]\ntop_p = nan", "sampling.top_p = nan (zephyr.toml:2): write a number above 0, up to 1."),
        ("[access]\nexpose = true\ncidr = '10.0.0.1/8'", "did you mean 10.0.0.0/8?"),
        ("[access]\nexpose = true\ncidr = 'office'", "write a network such as 203.0.113.0/24."),
    ],
)
def test_refuses_with_key_line_value_and_what_is_allowed(refused, text, message):
    assert message in refused(text)


def test_all_problems_are_told_at_once(refused):
    text = "nmae = 'x'\n[access]\nport = 'http'\n[limits]\nmax_input_tokens = 5\nmax_total_tokens = 5\n"
    message = refused(text, environ={"ZEPHYR_TTL": "8"}, flags={"machine.gpus": 0})
    first, *lines = message.splitlines()
    assert first == "5 settings are not right:"
    assert [line.strip().partition(" (")[0] for line in lines] == [
        "nmae",
        "machine.gpus = 0",
        'access.port = "http"',
        'cost.ttl = "8"',
        "limits.max_input_tokens = 5",
    ]


def test_a_rule_names_every_setting_with_its_origin(refused):
    message = refused("[limits]\nmax_input_tokens = 9\n", environ={"ZEPHYR_MAX_TOTAL_TOKENS": "9"})
    assert message.startswith(
        'limits.max_input_tokens = 9 (zephyr.toml:2), limits.max_total_tokens = "9" (ZEPHYR_MAX_TOTAL_TOKENS): '
    )


def test_a_rule_says_nothing_of_a_value_that_is_wrong_itself(refused):
    message = refused("provider = 'ssh'\n[machine]\nhost = ''\n")
    assert message == 'machine.host = "" (zephyr.toml:3): write text.'


def test_a_secret_is_not_told(refused):
    message = refused("[engine.env]\nHF_TOKEN = 'hf_verysecret'\nB = 1\n")
    assert "hf_verysecret" not in message
    assert '{ HF_TOKEN = "[REDACTED]", B = 1 }' in message


def test_an_endless_value_is_cut(refused):
    assert len(refused(flags={"name": "x" * 5000})) < 400


def test_unknown_flags_are_refused(refused):
    assert refused(flags={"access.prot": 1}) == "access.prot: there is no such setting; did you mean access.port?"


def test_who_is_told_is_a_reference_and_never_the_address_itself(loader, refused):
    text = '[notify]\nslack_from = "env:SLACK"\nwebhook_from = "file:hook"\nevents = ["failed"]\n'
    notify = loader(text).deployment.notify
    assert (notify.slack_from, notify.events) == ("env:SLACK", ("failed",))
    assert notify.webhook_from.startswith("file:/"), "a file counts from the one that names it"
    said = refused('[notify]\nslack_from = "https://hooks.slack.com/services/T0/B0/sekret"\n')
    assert "notify.slack_from" in said
    assert "sekret" not in said
    assert "deployed, failed, rolled_back, expiring, budget" in refused('[notify]\nevents = ["broken"]\n')
