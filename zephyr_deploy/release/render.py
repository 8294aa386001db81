"""From a plan and its lock to the files of a release on a node: a pure function, and no secret among the files."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING

from zephyr_deploy.agent.layout import DATA, Layout
from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.engines.tgi.template import tokenizer_config, zephyr_template
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.release.release import Release, release_of
from zephyr_deploy.release.templates import render_template
from zephyr_deploy.spec.deployment import ZEPHYR
from zephyr_deploy.spec.values import SOURCES

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import EngineSpec, ServeSettings
    from zephyr_deploy.plan.plan import Plan
    from zephyr_deploy.release.lock import Lock
    from zephyr_deploy.spec.deployment import Deployment

TOKENIZER = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
ALWAYS_ENV = {"HF_HOME": "/data", "HF_HUB_OFFLINE": "1"}
"""The weights are on the node before the engine starts, so it needs neither the hub nor a token."""
OPEN_PATHS = ("/health", "/ping")
"""What answers without a key: whether the engine lives is no secret."""
PUBLIC_PATHS = (
    "/",
    "/generate",
    "/generate_stream",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/v1/models/*",
    "/info",
    "/health",
    "/tokenize",
    "/chat_tokenize",
)
"""What an exposed endpoint shows; metrics, documentation and what changes an engine are for the node alone."""


def render(plan: Plan, lock: Lock) -> Release:
    """Every file of the release, named by the hash of them all.

    Raises:
        ConfigError: a variable of ``engine.env`` cannot be written into an environment file.
    """
    spec, name = engine_spec(plan.engine), plan.deployment.name
    layout, serve = Layout(name), _settings(plan, lock)
    stop_s = (spec.drain.bound_s(serve.drain_s) or serve.drain_s) + 10
    shared = {"name": name, "home": str(layout.home), "run": str(layout.run)}
    files = {
        "lock.json": _json(lock.model_dump(mode="json")),
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
        "Caddyfile": _caddyfile(plan),
        **_template_files(plan),
    }
    return release_of(files)


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
    for key, value in env.items():
        if "\n" in value or "\r" in value:
            raise ConfigError(
                f"engine.env.{key} has several lines", hint="Docker's environment files hold one line each."
            )
    return env


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
        "site": _site(plan),
        "tls": _tls(plan),
        "allowed": _allowed(plan),
        "overlap": plan.overlap,
        "stop_s": stop_s,
        "settings": _shown_settings(plan, lock),
        "images": [lock.engine.reference, lock.gateway.reference],
        "model": {
            "repo": lock.repo,
            "commit": lock.commit,
            "endpoint": plan.hub,
            "files": [file.model_dump(mode="json") for file in lock.files],
        },
        "check": {
            "health": spec.health.path,
            "path": spec.generate.path,
            "body": spec.generate.body(plan.serve.model_id),
        },
    }


def _shown_settings(plan: Plan, lock: Lock) -> dict[str, object]:
    """What a person would call the difference between two releases, by setting; masked as everything printed is."""
    wanted = plan.deployment.model_dump(mode="json", include={"model", "engine", "limits", "access"}, exclude_none=True)
    flat = {f"{section}.{key}": value for section, fields in wanted.items() for key, value in fields.items()}
    flat = {path: value for path, value in flat.items() if path not in SOURCES}  # where a secret lies is no version
    return {**flat, "image": lock.engine.digest, "commit": lock.commit}


def _site(plan: Plan) -> str:
    """The name or address under which an exposed endpoint is reached, as a URL has it; empty for a private one."""
    access, machine = plan.deployment.access, plan.deployment.machine
    if not access.expose:
        return ""
    site = access.domain or NodeAddress.parse(machine.host or machine.hosts[0]).host
    return f"[{site}]" if _is_address(site) and ":" in site and not site.startswith("[") else site


def _tls(plan: Plan) -> str:
    """Who vouches for an exposed endpoint: ``acme`` a public authority, ``internal`` Caddy's own; empty: nobody."""
    site = _site(plan)
    return "" if not site else "acme" if _has_public_name(site) else "internal"


def _allowed(plan: Plan) -> str:
    """The network that may reach an exposed endpoint; empty for a private one.

    Raises:
        ConfigError: nobody said, and it is not known where the caller is.
    """
    if not _site(plan):
        return ""
    allowed = plan.deployment.access.cidr or plan.caller
    if not allowed:
        hint = "Say it with access.cidr, e.g. 203.0.113.0/24."
        raise ConfigError("it is not known who may reach the exposed endpoint", hint=hint)
    return allowed


def _caddyfile(plan: Plan) -> str:
    access, site = plan.deployment.access, _site(plan)
    return render_template(
        "caddy/Caddyfile.jinja",
        port=access.port,
        api_key=access.api_key,
        open_paths=OPEN_PATHS,
        site=site,
        acme=_tls(plan) == "acme",
        # Who asks for an address names no server in TLS, and behind NAT the address is not the machine's own.
        sni=site.strip("[]") if _is_address(site) else "",
        cidr=_allowed(plan),
        public_paths=PUBLIC_PATHS,
        peer_port=peer_port(plan.deployment),
        peer_name=f"zephyr-{plan.deployment.name}.internal",
    )


def peer_port(deployment: Deployment) -> int:
    """Where gateways of a deployment on several machines meet; 0 where there is one machine."""
    machine = deployment.machine
    return deployment.access.port + 1 if len({machine.host, *machine.hosts} - {None}) > 1 else 0


def _has_public_name(site: str) -> bool:
    """Whether a certificate authority can vouch for it: a name with a dot, and no address."""
    return not _is_address(site) and "." in site and not site.endswith((".local", ".internal", ".lan", ".home.arpa"))


def _is_address(site: str) -> bool:
    try:
        ipaddress.ip_address(site.strip("[]"))
    except ValueError:
        return False
    return True


def _json(data: object) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n"
