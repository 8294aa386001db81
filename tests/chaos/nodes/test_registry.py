"""The registry refuses, fails, breaks off, crawls or is silent: asked for digests, and while an image comes."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from chaos.nodes.laptop import containers, ends, units

from zephyr_deploy import up
from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.release import request
from zephyr_deploy.spec.deployment import Engine

STALL_S = 4.0


@pytest.fixture(scope="module", autouse=True)
def lacks_images(laptop):
    """The machine lacks the gateway's image, and the engine's older one."""
    laptop.node.exec(f"docker rmi {laptop.node.lab.caddy_image} {laptop.node.lab.tgi_older_image}")


@pytest.fixture
def impatient(monkeypatch):
    """The registry has a moment to say what an image is."""
    monkeypatch.setattr(request, "REGISTRY_S", 3.0)


@contextmanager
def while_pulled(node, **what):
    """A fault of the layers alone: before, Docker is asked for two digests, and reads each image's configuration."""
    with node.fault("registry", path="/blobs/", times=2), node.fault("registry", path="/blobs/", **what):
        yield


FAULTS = [
    ({"status": 401}, (CredentialsError, "unauthorized"), "docker login"),
    ({"status": 404}, (ConfigError, "cannot be pulled"), "engine.image"),
    ({"status": 500}, (UnreachableError, "500 Internal Server Error"), "run it again"),
]
NAMES = ["401", "404", "500", "hang"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("what", "told", "hint"),
    [*FAULTS, ({"hang": True}, (UnreachableError, r"the registry of .* did not answer within 3 s"), "run it again")],
    ids=NAMES,
)
def test_a_registry_that_does_not_say_what_an_image_is(laptop, what, told, hint):
    with laptop.node.fault("registry", **what), ends(*told) as caught:
        laptop.up()
    assert hint in caught.value.hint
    laptop.assert_nothing_left()


@pytest.mark.parametrize(
    ("what", "told", "hint"),
    [
        *FAULTS,
        ({"hang": True}, (UnreachableError, "the registry of caddy.* has sent nothing for 4 s"), "restart docker"),
    ],
    ids=NAMES,
)
def test_an_image_that_does_not_come(laptop, what, told, hint):
    with while_pulled(laptop.node, **what), ends(*told) as caught:
        up(laptop.wish(), rollout_options=laptop.options(stall_s=STALL_S))
    assert "caddy" in caught.value.message
    assert hint in caught.value.hint
    assert (units(laptop.node), containers(laptop.node)) == ({}, set())


def test_what_passes_is_waited_for_and_what_was_cut_is_gone_on_with(laptop):
    """After all the failures before, for which Docker may still wait, over a registry that is slow and breaks off."""
    node, before = laptop.node, len(laptop.node.requests("registry"))
    with (
        node.fault("registry", path="/manifests/", delay_s=0.3),
        while_pulled(node, status=500, times=1),
        node.fault("registry", path="/blobs/", cut_after=5_000_000, times=3),
        node.fault("registry", path="/blobs/", rate=30_000_000),
    ):
        result = up(laptop.wish(), rollout_options=laptop.options(stall_s=15.0))
    asked = [asked["status"] for asked in node.requests("registry")[before:] if "/blobs/" in asked["path"]]
    assert 206 in asked, asked
    laptop.assert_serves(result.release)


def test_an_image_that_does_not_come_leaves_the_old_release(laptop):
    old, older = laptop.up(), laptop.wish(engine=Engine(image=laptop.node.lab.tgi_older_image))
    with while_pulled(laptop.node, hang=True), ends(UnreachableError, "has sent nothing for 4 s"):
        up(older, rollout_options=laptop.options(stall_s=STALL_S))
    laptop.assert_serves(old.release)
