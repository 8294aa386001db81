"""Secrets come from where a setting points to; nothing but the secret's user ever sees them."""

import json
import sys
import traceback

import pytest
from pydantic import SecretStr, ValidationError

from zephyr_deploy.cli import main as program
from zephyr_deploy.endpoint.types import Endpoint
from zephyr_deploy.errors import CredentialsError
from zephyr_deploy.spec import sources
from zephyr_deploy.spec.deployment import Access, Deployment, Model
from zephyr_deploy.spec.secret import Secret
from zephyr_deploy.spec.sources import api_key, hub_token, is_reference

KEY = "sekret-5f0c1d9e7a33"


def cmd(code):
    """A reference to a program that runs ``code``."""
    return f"cmd:{sys.executable} -c '{code}'"


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(f"{KEY}\n")
    return path


def test_a_variable(monkeypatch):
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    assert api_key("env:MY_KEY") == Secret(KEY)


def test_a_file(kept):
    assert api_key(f"file:{kept}") == Secret(KEY)


def test_a_file_of_the_home(kept, monkeypatch):
    monkeypatch.setenv("HOME", str(kept.parent))
    assert api_key("file:~/key") == Secret(KEY)


def test_a_program():
    assert api_key(cmd(f'print("{KEY}")')) == Secret(KEY)


def test_no_shell_reads_the_command(tmp_path):
    with pytest.raises(CredentialsError, match="cannot be an API key"):
        api_key(f"cmd:echo {KEY} $(touch {tmp_path}/made)")
    assert not (tmp_path / "made").exists()


def test_what_the_program_says_is_shown(capfd):
    with pytest.raises(CredentialsError, match="exit code 3") as caught:
        api_key(cmd('import sys; print("not signed in", file=sys.stderr); sys.exit(3)'))
    assert "not signed in" in capfd.readouterr().err
    assert "Run it by itself" in caught.value.hint


def test_a_program_that_does_not_end(monkeypatch):
    monkeypatch.setattr(sources, "COMMAND_S", 0.3)
    with pytest.raises(CredentialsError, match=r"did not end within 0\.3 s"):
        api_key(cmd(f'import time; print("{KEY}", flush=True); time.sleep(60)'))


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOT_SET", "the variable NOT_SET is not set"),
        ("env:EMPTY", "env:EMPTY gives nothing"),
        ("file:/nowhere/at/all", "cannot be read: No such file"),
        ("file:/dev/null", "is no file"),
        ("cmd:true", "gives nothing"),
        ("cmd:this-is-no-program", "cannot be run: No such file"),
        ("cmd:head --bytes 20 /dev/zero", "gives no text of a secret"),
        ("cmd:head --bytes 20000 /dev/urandom", "gives no text of a secret"),
    ],
)
def test_where_nothing_is(reference, said, monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    with pytest.raises(CredentialsError, match=said) as caught:
        api_key(reference)
    assert caught.value.exit_code == 4
    assert caught.value.message.startswith("access.api_key_from: ")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_read(kept, mode):
    kept.chmod(mode)
    with pytest.raises(CredentialsError, match=f"can be read by others .mode {mode:04o}") as caught:
        api_key(f"file:{kept}")
    assert caught.value.hint == f"chmod 600 {kept}"


@pytest.mark.parametrize(
    "value", ["short", "has a blank in it 123", "line\nline-line-line-line", "ends-in-a-star-*", "ü" * 20]
)
def test_what_cannot_be_a_key(value, monkeypatch):
    """Caddy takes a star at the end for anything, and a header holds one line of ASCII."""
    monkeypatch.setenv("MY_KEY", value)
    with pytest.raises(CredentialsError, match="cannot be an API key") as caught:
        api_key("env:MY_KEY")
    assert value not in "".join(traceback.format_exception(caught.value))


def test_the_token_is_the_hubs_own_unless_a_source_is_given(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_ordinary")
    monkeypatch.setenv("OTHER", "hf_other")
    assert hub_token(None) == Secret("hf_ordinary")
    assert hub_token("env:OTHER") == Secret("hf_other")
    monkeypatch.setenv("OTHER", "hf other")
    with pytest.raises(CredentialsError, match="cannot be a token"):
        hub_token("env:OTHER")


def test_no_key_without_a_source():
    assert api_key(None) is None


@pytest.mark.parametrize(
    "text", ["", KEY, "env:", "env:1X", "env:a-b", "file:", "cmd:", "cmd: ", "cmd:'", "vault:x", "ENV:X"]
)
def test_what_is_no_reference(text):
    assert not is_reference(text)


def test_the_secret_itself_is_refused_and_not_repeated(tmp_path, monkeypatch, capsys):
    """Somebody writes the key where its place belongs, or into the switch beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zephyr.toml").write_text(f'[access]\napi_key = "{KEY}"\napi_key_from = "{KEY}"\n')
    for mode in ("table", "json"):
        assert program.main(["config", "show", "-o", mode]) == 3
        told = "".join(capsys.readouterr())
        assert KEY not in told
        assert told.count("[REDACTED]") >= 2
        assert "env:NAME, file:PATH or cmd:COMMAND" in told
    monkeypatch.setenv("ZEPHYR_MODEL__TOKEN_FROM", KEY)
    assert program.main(["config", "show"]) == 3
    assert KEY not in "".join(capsys.readouterr())
    with pytest.raises(ValidationError) as caught:
        Access(api_key_from=KEY)
    assert KEY not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        Deployment(model={"token_from": KEY})
    assert KEY not in str(caught.value)


def test_a_reference_is_shown_without_what_is_secret_in_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    wish = f"cmd:vault read --token {KEY} secret/zephyr"
    (tmp_path / "zephyr.toml").write_text(f'[access]\napi_key_from = "{wish}"\n')
    assert program.main(["config", "show", "-o", "quiet"]) == 0
    assert 'access.api_key_from = "cmd:vault read --token [REDACTED] secret/zephyr"' in capsys.readouterr().out.replace(
        "'", ""
    )
    assert KEY not in Deployment(access=Access(api_key_from=wish)).model_dump_json()


def test_a_relative_file_counts_from_the_file_that_names_it(tmp_path, monkeypatch, capsys):
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "zephyr.toml").write_text('[model]\ntoken_from = "file:keys/hf"\n')
    monkeypatch.chdir(tmp_path / "below")
    assert program.main(["config", "show", "-o", "json"]) == 0
    shown = {row["key"]: row["value"] for row in json.loads(capsys.readouterr().out)["data"]["settings"]}
    assert shown["model.token_from"] == f"file:{tmp_path}/keys/hf"


def test_a_source_for_a_key_that_nobody_is_asked_for():
    with pytest.raises(ValidationError, match="nobody is asked for it"):
        Deployment(access=Access(api_key=False, api_key_from="env:X"))


def test_a_secret_prints_nothing():
    secret = Secret(KEY)
    endpoint = Endpoint(name="x", url="http://x", engine="tgi", model_id="m", api_key=SecretStr(KEY))
    assert type(endpoint.api_key) is Secret
    assert endpoint.headers() == {"Authorization": f"Bearer {KEY}"}
    for shown in (repr(secret), str(secret), f"{secret}", repr(endpoint), endpoint.model_dump_json()):
        assert KEY not in shown
        assert "[REDACTED]" in shown
    assert Model(token_from="env:X").model_dump(mode="json")["token_from"] == "env:X"
