import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.embedded import embedded_table
from zephyr_deploy.plan.machine import MachineFacts
from zephyr_deploy.plan.planner import make_plan
from zephyr_deploy.spec.deployment import ZEPHYR, Access, Cost, Deployment, Engine, Limits, Machine, Model

FACTS = MachineFacts(cpus=2, memory_bytes=8_000_000_000)


def test_zephyr_by_default_is_stood_in_for_and_said_so():
    plan = make_plan(Deployment(), FACTS)
    assert (plan.engine, plan.serve.model_id) == ("llamacpp", "HuggingFaceTB/SmolLM2-135M-Instruct")
    assert plan.source == embedded_table().default.source()
    assert any(ZEPHYR in note and "stands in" in note for note in plan.notes)


def test_zephyr_by_name_is_never_replaced_by_another_model():
    plan = make_plan(Deployment(model=Model(id=ZEPHYR)), FACTS)
    assert plan.source.kind == "hub"
    assert (plan.source.location, plan.source.file) == ("TheBloke/zephyr-7B-beta-GGUF", "zephyr-7b-beta.Q4_K_M.gguf")
    assert plan.serve.model_id == ZEPHYR


@pytest.mark.parametrize("path", ["model.GGUF", "./models/some", "/srv/models/x.gguf", "~/x.gguf", "models/x.gguf"])
def test_paths_are_files(path):
    plan = make_plan(Deployment(model=Model(id=path)), FACTS)
    assert plan.source.kind == "file"
    assert plan.source.location.startswith("/")


def test_any_other_id_is_of_the_hub():
    plan = make_plan(
        Deployment(model=Model(id="Qwen/Qwen2.5-0.5B-Instruct-GGUF", file="q4.gguf", revision="main")), FACTS
    )
    assert plan.source.model_dump(exclude_none=True) == {
        "kind": "hub",
        "location": "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
        "version": "main",
        "file": "q4.gguf",
    }


def test_limits_and_threads_of_the_user_win():
    wish = Deployment(
        limits=Limits(max_input_tokens=100, max_total_tokens=300, parallel=2, max_concurrent_requests=7),
        machine=Machine(threads=1),
    )
    plan = make_plan(wish, FACTS)
    serve = plan.serve
    assert (serve.max_input_tokens, serve.max_total_tokens, serve.max_concurrent_requests) == (100, 300, 7)
    assert (plan.parallel, plan.threads) == (2, 1)


def test_a_long_prompt_makes_room_for_its_answer():
    serve = make_plan(Deployment(limits=Limits(max_input_tokens=4000)), FACTS).serve
    assert serve.max_total_tokens == 8000


def test_a_gpu_that_stays_idle_is_said():
    plan = make_plan(Deployment(), MachineFacts(cpus=2, memory_bytes=1, gpus=("NVIDIA L4",)))
    assert any("NVIDIA L4" in note for note in plan.notes)


@pytest.mark.parametrize("name", ["tgi", "vllm", "sglang"])
def test_container_engines_are_refused_here(name):
    with pytest.raises(ConfigError, match=f"engine {name} runs in a container") as caught:
        make_plan(Deployment(engine=Engine(name=name)), FACTS)
    assert "--engine" in caught.value.hint


def test_planning_is_a_pure_function():
    assert make_plan(Deployment(), FACTS) == make_plan(Deployment(), FACTS)


def test_a_secret_of_the_engine_reaches_the_engine_and_no_json():
    plan = make_plan(Deployment(engine=Engine(env={"HF_TOKEN": "hf_abc", "HF_HUB_OFFLINE": "1"})), FACTS)
    assert plan.serve.extra_env == {"HF_TOKEN": "hf_abc", "HF_HUB_OFFLINE": "1"}
    assert "hf_abc" not in plan.model_dump_json()
    assert plan.model_dump(mode="json")["serve"]["extra_env"] == {"HF_TOKEN": "[REDACTED]", "HF_HUB_OFFLINE": "1"}


@pytest.mark.parametrize(
    ("wish", "setting"),
    [
        (Deployment(machine=Machine(gpu="a100")), "machine.gpu"),
        (Deployment(machine=Machine(gpus=2)), "machine.gpus"),
        (Deployment(access=Access(expose=True)), "access.expose"),
        (Deployment(engine=Engine(quantize="awq")), "engine.quantize"),
    ],
)
def test_what_this_machine_cannot_do_is_refused_and_never_dropped(wish, setting):
    with pytest.raises(ConfigError, match=setting) as caught:
        make_plan(wish, FACTS)
    assert caught.value.hint


def test_what_has_no_meaning_here_is_said():
    plan = make_plan(Deployment(cost=Cost(idle="30m"), machine=Machine(region="delhi", spot=False)), FACTS)
    assert "Provider local makes no use of machine.region, cost.idle." in plan.notes
    assert not any("makes no use" in note for note in make_plan(Deployment(), FACTS).notes)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (Model(file="q4.gguf"), "model.file"),
        (Model(revision="main"), "model.revision"),
        (Model(id="/srv/x.gguf", file="q4.gguf", revision="main"), "model.file and model.revision"),
    ],
)
def test_what_is_said_of_a_repository_where_none_is_used_is_not_dropped_in_silence(model, named):
    notes = make_plan(Deployment(model=model), FACTS).notes
    assert any(note.startswith(f"No use is made of {named}: ") for note in notes)


def test_a_home_of_nobody_is_refused():
    with pytest.raises(ConfigError, match="does not exist"):
        make_plan(Deployment(model=Model(id="~nobody-at-all/x.gguf")), FACTS)
