"""Wishes of many kinds, each with the release that it renders to; nothing is looked up and nothing is run."""

from __future__ import annotations

import shutil
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.release.lock import Lock, LockedFile, LockedImage
from zephyr_deploy.release.render import render
from zephyr_deploy.release.resolve import GATEWAY_IMAGE
from zephyr_deploy.spec.deployment import Deployment

AWQ = "TheBloke/zephyr-7B-beta-AWQ"
ODD = "a b $HOME `id` \"x\" 'y' \\ %i %% ü€ #;&|<>*?~!{}"
"""Whatever a shell, systemd or Jinja would read as more than text."""

WISHES = {
    "tgi": {},
    "tgi-awq-odd": {
        "model": {"id": AWQ},
        "engine": {
            "quantize": "awq",
            "num_shard": 2,
            "env": {"GREETING": ODD, "RUST_LOG": "info,text_generation_router=debug"},
            "args": ["--max-best-of", "4"],
        },
        "limits": {"max_input_tokens": 6000, "max_total_tokens": 8000},
    },
    "vllm": {"engine": {"name": "vllm", "args": ["--chat-template-kwargs", ODD]}},
    "sglang": {"engine": {"name": "sglang"}},
    "exposed-address": {
        "machine": {"host": "ubuntu@203.0.113.9:2222"},
        "access": {"expose": True, "cidr": "198.51.100.0/24"},
    },
    "exposed-domain": {
        "access": {"expose": True, "domain": "llm.example.org", "cidr": "2001:db8::/32"},
    },
    "no-key": {"name": "open", "access": {"api_key": False, "port": 9000}},
}


def wish(kind="tgi", **changes):
    """One of the wishes; ``changes`` replace whole tables."""
    return Deployment(**{"provider": "ssh", "machine": {"host": "gpu1"}, **WISHES[kind], **changes})


def lock_of(plan, **changes):
    """A lock of that plan, with digests that look like digests."""
    lock = Lock(
        engine=LockedImage(name=plan.image, digest=f"sha256:{'e1' * 32}"),
        gateway=LockedImage(name=GATEWAY_IMAGE, digest=f"sha256:{'ca' * 32}"),
        repo=plan.source.location,
        asked_revision=plan.source.version,
        commit="c0" * 20,
        files=(
            LockedFile(path="config.json", size=638, blob="b0" * 20),
            LockedFile(path="model.safetensors", size=14_483_464_192, blob="5f" * 32),
        ),
        model=plan.model,
    )
    return lock.model_copy(update=changes)


def plan_of(deployment):
    model = known_model(deployment.model.id)
    return plan_for_node(
        deployment, assumed_node(deployment), hub="https://huggingface.co", caller="192.0.2.7", model=model
    )


def release_for(deployment, **lock):
    plan = plan_of(deployment)
    return render(plan, lock_of(plan, **lock))


@pytest.fixture(params=WISHES)
def release(request):
    """The release of each wish in turn."""
    return release_for(wish(request.param))


def program(name, package):
    """The path of a program; the test is skipped where it is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return found


@pytest.fixture
def engine():
    """An engine on this machine; see `release.real_caddy.Engine`."""
    from release.real_caddy import Engine, serving

    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    server.seen, server.go_on, server.left = [], threading.Event(), threading.Event()
    with serving(server):
        yield server
        server.go_on.set()
