"""From a plan and its lock to the files of a release on a node: a pure function, and no secret among the files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zephyr_deploy.agent.layout import DATA, Layout
from zephyr_deploy.engines.envfile import env_problems
from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.engines.tgi.template import tokenizer_config, zephyr_template
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.refusal import refuse
from zephyr_deploy.release.caddy import PRIVATE, caddyfile, exposure_of, peer_port
from zephyr_deploy.release.release import Release, release_of
from zephyr_deploy.release.serving import serving_of
from zephyr_deploy.release.settings import wanted_settings
from zephyr_deploy.release.templates import render_template
from zephyr_deploy.spec.deployment import ZEPHYR

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import EngineSpec, ServeSettings
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.caddy import Exposure
    from zephyr_deploy.release.lock import Lock

TOKENIZER = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
ALWAYS_ENV = {"HF_HOME": "/data", "HF_HUB_OFFLINE": "1"}
"""The weights are on the node before the engine starts, so it needs neither the hub nor a token."""


def render(plan: Plan, lock: Lock) -> Release:
    """Every file of the release, named by the hash of them all.

    Raises:
        ConfigError: a variable of ``engine.env`` cannot be written into an environment file; the hub's address holds a
            password; it is not known who may reach an exposed endpoint.
    """
    spec, name = engine_spec(plan.engine), plan.deployment.name
    layout, serve = Layout(name), _settings(plan, lock)
    stop_s = (spec.drain.bound_s(serve.drain_s) or serve.drain_s) + 10
    shared = {"name": name, "home": str(layout.home), "run": str(layout.run)}
    files = {
        "lock.json": _json(_pinned(lock)),
        "release.json": _json(_about(plan, lock, stop_s)),
        "engine.env": render_template("docker/engine.env.jinja", env=_env(spec, serve)),
        "engine.sh": render_template(
            "docker/engine.sh.jinja",
            **shared,
            image=lock.engine.reference,
            gpus=plan.gpus,
            argv=spec.argv(serve),
            port_flags=spec.port_flags,
            shm_size=spec.shm_size,
            stop_s=stop_s,
            data=str(DATA),
        ),
        "engine.service": render_template(
            "systemd/engine.service.jinja", **shared, engine=spec.name, model=serve.model_id, stop_s=stop_s
        ),
        "gateway.sh": render_template(
            "docker/gateway.sh.jinja",
            **shared,
            image=lock.gateway.reference,
            api_key=plan.deployment.access.api_key,
            stop_s=stop_s,
        ),
        "gateway.service": render_template("systemd/gateway.service.jinja", **shared, stop_s=stop_s),
        "Caddyfile": caddyfile(plan.deployment, _exposure(plan)),
        "daemon.json": render_template("docker/daemon.json.jinja"),
        **_template_files(plan),
    }
    return release_of(files)


def _pinned(lock: Lock) -> dict[str, object]:
    """The lock; one from before facts of models were kept stays as it was written, and so does its release's name."""
    return lock.model_dump(mode="json", exclude=None if lock.model else {"model"})


def _settings(plan: Plan, lock: Lock) -> ServeSettings:
    """What the engine is asked, with the commit and the chat template where the container sees it."""
    template = {"tgi": TOKENIZER}.get(plan.engine, TEMPLATE)
    path = f"/release/{template}" if _template_files(plan) else plan.serve.chat_template
    return plan.serve.model_copy(update={"revision": lock.commit, "port": None, "chat_template": path})


def _template_files(plan: Plan) -> dict[str, str]:
    """Zephyr's chat template in the form that this engine reads; nothing for another model, which brings its own."""
    if plan.serve.model_id.lower() != ZEPHYR.lower():
        return {}
    if plan.engine == "tgi":
        return {TOKENIZER: tokenizer_config(zephyr_template())}
    return {TEMPLATE: zephyr_template() + "\n"}


def _env(spec: EngineSpec, serve: ServeSettings) -> dict[str, str]:
    env = {**spec.env(serve), **ALWAYS_ENV}
    refuse(list(env_problems(env)))
    return env


def _hub(plan: Plan) -> str:
    """The hub's address for the node.

    Raises:
        ConfigError: it holds a password, which every user of the node could read.
    """
    if urlsplit(plan.hub).password is not None:
        hint = "Take it out of HF_ENDPOINT; a token is sent with HF_TOKEN."
        raise ConfigError("the hub's address, HF_ENDPOINT, holds a password", hint=hint)
    return plan.hub


def _about(plan: Plan, lock: Lock, stop_s: int) -> dict[str, object]:
    """What the node itself must know of the release; see `zephyr_deploy.agent.apply`."""
    spec, access = engine_spec(plan.engine), plan.deployment.access
    return {
        "name": plan.deployment.name,
        "engine": plan.engine,
        "model_id": plan.serve.model_id,
        "port": access.port,
        "ports": len(spec.port_flags),
        "api_key": access.api_key,
        **_exposure(plan).model_dump(),
        **({"peer_port": port} if (port := peer_port(plan.deployment)) else {}),
        "overlap": plan.overlap,
        "stop_s": stop_s,
        "settings": _shown_settings(plan, lock),
        "serving": serving_of(plan.serve).model_dump(mode="json"),
        "images": [lock.engine.reference, lock.gateway.reference],
        "model": {
            "repo": lock.repo,
            "commit": lock.commit,
            "endpoint": _hub(plan),
            "files": [file.model_dump(mode="json") for file in lock.files],
        },
        "check": {
            "health": spec.health.path,
            "path": spec.generate.path,
            "body": spec.generate.body(plan.serve.model_id),
        },
    }


def _shown_settings(plan: Plan, lock: Lock) -> dict[str, object]:
    """What a person would call the difference between two releases."""
    return {**wanted_settings(plan.deployment), "image": lock.engine.digest, "commit": lock.commit}


def _exposure(plan: Plan) -> Exposure:
    """How a node itself shows the endpoint: not at all where a gateway is in front of it."""
    machine = plan.deployment.machine
    if machine.gateway:
        return PRIVATE
    return exposure_of(plan.deployment, machine.host or next(iter(machine.hosts), plan.host), plan.caller)


def _json(data: object) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n"
