import json

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.machine import MachineFacts
from zephyr_deploy.plan.planner import make_plan
from zephyr_deploy.providers.local.render import render
from zephyr_deploy.spec.deployment import Deployment, Engine, Limits

FACTS = MachineFacts(cpus=3, memory_bytes=1)


def rendered(**wish):
    return render(make_plan(Deployment(**wish), FACTS))


def test_the_one_file_is_the_whole_of_it(home):
    release = rendered(limits=Limits(parallel=2, max_total_tokens=300), engine=Engine(env={"A": "1"}))
    assert list(release.files) == ["service.json"]
    told = json.loads(release.files["service.json"])
    assert told.pop("model_path").startswith(str(home / "cache"))
    assert told.pop("model_sha256").startswith("b179c952")
    assert told == {
        "model_id": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "parallel": 2,
        "threads": 3,
        "max_input_tokens": 299,
        "max_total_tokens": 300,
        "max_concurrent_requests": 128,
        "max_best_of": 2,
        "max_stop_sequences": 4,
        "max_top_n_tokens": 5,
        "max_client_batch_size": 4,
        "payload_limit": 2_000_000,
        "done": True,
        "drain_s": 30,
        "engine_env": {"A": "1"},
    }


def test_streams_end_without_done_where_asked(home):
    assert json.loads(rendered(engine=Engine(args=("--no-done",))).files["service.json"])["done"] is False


def test_the_same_wish_has_the_same_name_and_another_another(home):
    assert rendered().id == rendered().id
    assert rendered().id != rendered(limits=Limits(parallel=2)).id


def test_an_unprepared_plan_is_refused(home):
    plan = make_plan(Deployment(), FACTS)
    bare = plan.model_copy(update={"source": plan.source.model_copy(update={"sha256": None})})
    with pytest.raises(ConfigError, match="not been fetched"):
        render(bare)
