"""What settings are called outside of zephyr.toml: environment variables and flags share their short names."""

from __future__ import annotations

from zephyr_deploy.spec.keys import KEYS

PREFIX = "ZEPHYR_"

SHORT: dict[str, str] = {
    "name": "name",
    "provider": "provider",
    "model": "model.id",
    "revision": "model.revision",
    "file": "model.file",
    "engine": "engine.name",
    "image": "engine.image",
    "quantize": "engine.quantize",
    "dtype": "engine.dtype",
    "num_shard": "engine.num_shard",
    "gpu": "machine.gpu",
    "gpus": "machine.gpus",
    "region": "machine.region",
    "host": "machine.host",
    "user": "machine.user",
    "prepare_var": "machine.prepare",
    "spot": "machine.spot",
    "threads": "machine.threads",
    "max_input_tokens": "limits.max_input_tokens",
    "max_total_tokens": "limits.max_total_tokens",
    "parallel": "limits.parallel",
    "port": "access.port",
    "expose": "access.expose",
    "cidr": "access.cidr",
    "ttl": "cost.ttl",
    "idle": "cost.idle",
    "max_price": "cost.max_hourly_usd",
    "budget": "cost.budget_usd",
}
"""Short name → dotted key: ``--model`` and ``ZEPHYR_MODEL`` both mean ``model.id``."""

NOT_SETTINGS = frozenset(
    {
        "ZEPHYR_ADDRESS_URL",
        "ZEPHYR_API_KEY",
        "ZEPHYR_CACHE_DIR",
        "ZEPHYR_CONFIG",
        "ZEPHYR_DEBUG",
        "ZEPHYR_E2E_BASE_URL",
        "ZEPHYR_DEPLOY_KEY",  # machine.identity_from is likely to name it
        "ZEPHYR_ENDPOINT",  # `zephyr-deploy env` prints it
        "ZEPHYR_GUEST",
        "ZEPHYR_OUTPUT",
        "ZEPHYR_PROFILE",
        "ZEPHYR_REHEARSE",
        "ZEPHYR_STATE_DIR",
    }
)
"""Variables of ours that say nothing about the deployment."""

FOREIGN = frozenset(
    {"ZEPHYR_BASE", "ZEPHYR_EXTRA_MODULES", "ZEPHYR_MODULES", "ZEPHYR_SDK_INSTALL_DIR", "ZEPHYR_TOOLCHAIN_VARIANT"}
)
"""Variables of the Zephyr operating system, which its developers have set for good (its docs, "Environment
Variables")."""

_SHORT_OF = {path: short for short, path in SHORT.items()}


def variable_of(path: str) -> str:
    """The full name of a key's variable: ``limits.parallel`` → ``ZEPHYR_LIMITS__PARALLEL``."""
    return PREFIX + path.replace(".", "__").upper()


def short_variable_of(path: str) -> str | None:
    """The short name of a key's variable, where it has one: ``limits.parallel`` → ``ZEPHYR_PARALLEL``."""
    short = _SHORT_OF.get(path)
    return f"{PREFIX}{short.upper()}" if short else None


def flag_of(path: str) -> str:
    """The flag of a key: ``model.id`` → ``--model``; the name of the deployment is an argument."""
    return "NAME" if path == "name" else "--" + _SHORT_OF.get(path, path.rpartition(".")[2]).replace("_", "-")


VARIABLES: dict[str, str] = {variable_of(path): path for path in KEYS} | {
    f"{PREFIX}{short.upper()}": path for short, path in SHORT.items()
}
"""Every variable that is a setting → its dotted key."""
