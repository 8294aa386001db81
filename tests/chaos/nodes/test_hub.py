"""The hub refuses, fails, breaks off, crawls or is silent: when it is asked what a model is, and while weights come.

What passes is waited for; what does not ends within its time with the cause, and `up` goes on where that ended.
"""

from __future__ import annotations

import json
import urllib.request

import pytest
from chaos.nodes.laptop import containers, ends, units

from zephyr_deploy import hub, up
from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.spec.deployment import Model

MODEL, OTHER = "HuggingFaceH4/zephyr-7b-beta", "TheBloke/zephyr-7B-beta-AWQ"
WEIGHTS = "safetensors"
STALL_S = 4.0


@pytest.fixture(scope="module")
def commit(lab):
    """Asked for by its commit, the model's description has an address that no other test asks for."""
    with urllib.request.urlopen(f"{lab.hub_url}/api/models/{MODEL}", timeout=20) as answer:
        return json.load(answer)["sha"]


@pytest.fixture(scope="module")
def bring(laptop, commit):
    def run(**options):
        wish = laptop.wish(model=Model(id=MODEL, revision=commit))
        return up(wish, rollout_options=laptop.options(**options))

    return run


@pytest.fixture
def impatient(monkeypatch):
    """The hub has a moment to say what a model is."""
    monkeypatch.setitem(hub.model_info.__kwdefaults__, "ask_s", 2.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"status": 401}, (CredentialsError, "the hub, http.*, answered 401: the token is missing or wrong")),
        ({"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}, (ConfigError, f"the hub has no model {MODEL}")),
        ({"status": 500}, (UnreachableError, "the hub, http.*, answered 500")),
        ({"hang": True}, (UnreachableError, "the hub does not answer within 2 s")),
    ],
    ids=["401", "404", "500", "hang"],
)
def test_a_hub_that_does_not_say_what_the_model_is(laptop, bring, commit, what, told):
    with laptop.node.lab.fault("hub", None, path=f"revision/{commit}", **what), ends(*told):
        bring()
    laptop.assert_nothing_left()


@pytest.mark.parametrize(
    ("what", "told", "hint"),
    [
        ({"status": 401}, (CredentialsError, "answered 401 to model"), "export HF_TOKEN"),
        ({"status": 404}, (ConfigError, "answered 404 to model"), "model.revision"),
        ({"status": 500}, (UnreachableError, "answered 500 to model"), "it resumes"),
        ({"hang": True}, (UnreachableError, "did not come whole from .* tries: timed out"), "it resumes"),
    ],
    ids=["401", "404", "500", "hang"],
)
def test_weights_that_do_not_come(laptop, bring, what, told, hint):
    with laptop.node.fault("hub", path=WEIGHTS, **what), ends(*told) as caught:
        bring(stall_s=STALL_S)
    assert hint in caught.value.hint
    assert (units(laptop.node), containers(laptop.node)) == ({}, set())


def test_what_passes_is_waited_for_and_what_was_cut_is_gone_on_with(lab, laptop, bring, commit):
    """After all the failures before, and over a hub that is slow to answer, in trouble, and breaks off."""
    before = len(laptop.node.requests("hub"))
    with (
        lab.fault("hub", None, path=f"revision/{commit}", status=503, times=1),
        lab.fault("hub", None, path=f"revision/{commit}", delay_s=1.0),
        laptop.node.fault("hub", path=f"resolve.*{WEIGHTS}", status=500, times=1),
        laptop.node.fault("hub", path=f"cdn.*{WEIGHTS}", cut_after=10_000_000, times=1),
        laptop.node.fault("hub", path=f"cdn.*{WEIGHTS}", rate=30_000_000),
    ):
        result = bring()
    asked = [request["status"] for request in laptop.node.requests("hub")[before:] if WEIGHTS in request["path"]]
    assert 206 in asked, asked
    laptop.assert_serves(result.release)


def test_weights_that_do_not_come_leave_the_old_release(laptop, bring):
    old = bring()
    with laptop.node.fault("hub", path=WEIGHTS, hang=True), ends(UnreachableError, "timed out"):
        up(laptop.wish(model=Model(id=OTHER)), rollout_options=laptop.options(stall_s=STALL_S))
    laptop.assert_serves(old.release)
