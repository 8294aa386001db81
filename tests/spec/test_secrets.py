"""Values that are secret by their name are in nothing that is printed or logged."""

import pytest

from zephyr_deploy.cli import main as program
from zephyr_deploy.engines.base import ServeSettings
from zephyr_deploy.spec.deployment import Deployment, Engine
from zephyr_deploy.spec.types import arguments_without_secrets, is_secret_name, without_secrets

SECRET = "sekret4"
WISH = Deployment(
    engine=Engine(
        env={"HF_TOKEN": SECRET, "RUST_LOG": "info"}, args=("--api-key", SECRET, f"--auth-token={SECRET}", "--x", "1")
    )
)


def test_printing_shows_no_secret_variable():
    for shown in (repr(WISH.engine.env), str(WISH.engine.env), f"{WISH.engine.env}"):
        assert shown == "{'HF_TOKEN': '[REDACTED]', 'RUST_LOG': 'info'}"
    assert WISH.engine.env["HF_TOKEN"] == SECRET
    only_env = Deployment(engine=Engine(env=WISH.engine.env))
    assert SECRET not in repr(only_env)


def test_json_shows_no_secret():
    assert SECRET not in WISH.model_dump_json()
    settings = ServeSettings(model_id="m", extra_env=WISH.engine.env, extra_args=WISH.engine.args)
    assert SECRET not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (("--api-key", "x", "y"), ("--api-key", "[REDACTED]", "y")),
        (("--api-key=x",), ("--api-key=[REDACTED]",)),
        (("--api-key", "--port", "80"), ("--api-key", "--port", "80")),
        (("--port", "80"), ("--port", "80")),
        ((), ()),
    ],
)
def test_arguments(given, shown):
    assert arguments_without_secrets(given) == shown


@pytest.mark.parametrize("variable", ["ZEPHYR_ENGINE__ARGS", "ZEPHYR_ENGINE__ENV"])
def test_what_cannot_be_read_is_not_repeated(variable, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, f"--api-key '{SECRET}")
    assert program.main(["config", "show"]) == 3
    told = capsys.readouterr().err
    assert variable in told
    assert SECRET not in told


def test_the_configuration_is_shown_without(tmp_path, monkeypatch, capsys):
    (tmp_path / "zephyr.toml").write_text(
        f'[engine]\nargs = ["--api-key", "{SECRET}"]\nenv = {{ HF_TOKEN = "{SECRET}" }}\n'
    )
    monkeypatch.chdir(tmp_path)
    for mode in ("table", "json", "quiet"):
        assert program.main(["config", "show", "-o", mode]) == 0
        shown = capsys.readouterr().out
        assert SECRET not in shown
        assert shown.count("[REDACTED]") == 2


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN", "HF_API_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AUTH_TOKEN", "--hf-token", "NGROK_AUTHTOKEN", "token",
        "API_KEY", "--api-key", "VLLM_API_KEY", "AWS_SECRET_ACCESS_KEY", "PASSWORD", "TOKEN_FILE", "HF_TOKENSECRET",
    ],
)  # fmt: skip
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "MAX_TOTAL_TOKENS", "--max-batch-total-tokens", "--max-input-tokens", "MAX_WAITING_TOKENS", "max_tokens",
        "--max-num-batched-tokens", "TOKENIZERS_PARALLELISM", "--tokenizer-config-path", "MAX_TOKENS_PER_REQUEST",
        "maxTotalTokens", "--tokenize", "RUST_LOG",
    ],
)  # fmt: skip
def test_counts_of_tokens_are_no_secrets(name):
    assert not is_secret_name(name)


def test_limits_are_shown_and_the_token_beside_them_is_not():
    assert without_secrets({"MAX_TOTAL_TOKENS": "4096", "HF_TOKEN": SECRET}) == {
        "MAX_TOTAL_TOKENS": "4096",
        "HF_TOKEN": "[REDACTED]",
    }
    given = ("--max-total-tokens", "4096", "--max-batch-total-tokens=9000", "--hf-token", SECRET)
    assert arguments_without_secrets(given) == (*given[:3], "--hf-token", "[REDACTED]")
