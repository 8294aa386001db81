"""Which settings an engine gets, and why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan.models import LLAMA_8B, LLAMA_70B, LLAMA_405B, MIXTRAL, QWEN_HALF_B, ZEPHYR, ZEPHYR_AWQ

from zephyr_deploy.engines.tgi.mapping import flags_of
from zephyr_deploy.engines.tgi.rule import Case
from zephyr_deploy.plan.flags.advise import UNSAID, advise
from zephyr_deploy.plan.flags.possible import forms, shard_counts
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.workload import Slo, Workload
from zephyr_deploy.spec.deployment import Deployment, Engine, Limits


def setup(model=ZEPHYR, gpu="l4", **changes):
    return Setup(model=model, gpu=gpus()[gpu], **changes)


def triple(found):
    serve = found.serve
    return serve.max_input_tokens, serve.max_total_tokens, serve.max_batch_prefill_tokens


def blamed(found):
    return {problem.setting for problem in found.problems}


def reason(found, setting):
    return next(reason for reason in found.reasons if reason.setting == setting)


class TestWhereNothingIsSaid:
    def test_zephyr_on_l4(self):
        found = advise(setup(), Deployment())
        assert found.fits
        assert not found.problems
        assert not found.notes
        assert triple(found) == (3072, 4096, 8049)
        assert (found.serve.num_shard, found.serve.quantize, found.serve.dtype) == (1, None, "bfloat16")

    def test_as_many_as_tgi_itself_would_take_and_graphs_for_those_that_have_room(self):
        found = advise(setup(), Deployment())
        assert found.serve.max_concurrent_requests == 128
        assert max(found.serve.cuda_graphs) == 64

    def test_each_setting_has_its_reason(self):
        reasons = {reason.flag: reason for reason in advise(setup(), Deployment()).reasons}
        assert len(reasons) == 12
        assert all(reason.why.endswith(".") for reason in reasons.values())
        assert reasons["--quantize"].value == UNSAID
        assert not any(reason.given for reason in reasons.values())

    @pytest.mark.parametrize("model", [ZEPHYR, LLAMA_8B])
    def test_tgi_is_not_proposed_for_t4(self, model):
        found = advise(setup(model, "t4"), Deployment())
        assert not found.fits
        assert "compute capability 7.5" in found.problems[0].reason

    def test_two_of_the_longest_requests_have_room(self):
        found = advise(setup(LLAMA_8B), Deployment())
        assert found.serve.max_total_tokens == 8192
        assert found.memory.sure_kv_tokens >= 2 * 8192

    def test_where_memory_is_short_requests_are(self):
        found = advise(setup(LLAMA_8B, memory_fraction=0.8), Deployment())
        assert found.fits
        assert 1024 <= found.serve.max_total_tokens < 4096
        assert found.serve.max_total_tokens % 256 == 0

    @pytest.mark.parametrize(
        ("model", "gpu", "engine", "expected"),
        [
            (ZEPHYR, "h100", "tgi", "bfloat16"),
            (ZEPHYR.model_copy(update={"dtype": "float16"}), "h100", "tgi", None),
            (ZEPHYR_AWQ, "h100", "tgi", None),
            (ZEPHYR, "h100", "vllm", None),
            (ZEPHYR, "t4", "vllm", "float16"),
            (ZEPHYR, "t4", "sglang", "float16"),
        ],
    )
    def test_the_type_is_the_models_own_where_the_card_has_it(self, model, gpu, engine, expected):
        assert advise(setup(model, gpu, engine=engine), Deployment()).serve.dtype == expected

    def test_a_type_is_not_said_beside_a_quantization(self):
        assert advise(setup(weights="int8-weight", quantize="eetq"), Deployment()).serve.dtype is None

    def test_bitsandbytes_in_8_bits_runs_without_graphs(self):
        found = advise(setup(), Deployment(engine=Engine(quantize="bitsandbytes")))
        assert found.serve.cuda_graphs == (0,)
        assert not found.problems

    @pytest.mark.parametrize("engine", ["vllm", "sglang"])
    def test_others_have_no_bound_on_the_prompt(self, engine):
        found = advise(setup(engine=engine), Deployment())
        assert triple(found)[0] is None
        assert not found.problems
        assert "limits.max_input_tokens" not in {reason.setting for reason in found.reasons}


class TestWhatTheUserSays:
    def test_it_stays(self):
        wish = Deployment(engine=Engine(quantize="eetq"), limits=Limits(max_batch_prefill_tokens=2048))
        found = advise(setup(), wish)
        assert (found.serve.quantize, found.setup.weights) == ("eetq", "int8-weight")
        assert found.serve.max_batch_prefill_tokens == 2048
        assert {reason.setting for reason in found.reasons if reason.given} == {
            "engine.quantize",
            "limits.max_batch_prefill_tokens",
        }

    def test_each_of_them(self):
        engine = Engine(
            num_shard=2,
            dtype="float16",
            kv_cache_dtype="fp8_e5m2",
            memory_fraction=0.8,
            cuda_graphs=(1, 2),
            speculate=3,
            env={"HF_HUB_OFFLINE": "1"},
            args=("--max-best-of", "4"),
        )
        limits = Limits(
            max_input_tokens=1000,
            max_total_tokens=2000,
            max_batch_prefill_tokens=1500,
            max_batch_total_tokens=20000,
            max_concurrent_requests=7,
        )
        found = advise(setup(), Deployment(engine=engine, limits=limits))
        assert not found.problems
        assert triple(found) == (1000, 2000, 1500)
        serve = found.serve
        assert (serve.num_shard, serve.dtype, serve.kv_cache_dtype, serve.memory_fraction) == (
            2,
            "float16",
            "fp8_e5m2",
            0.8,
        )
        assert (serve.cuda_graphs, serve.speculate, serve.max_concurrent_requests) == ((1, 2), 3, 7)
        assert serve.max_batch_total_tokens == 20000
        assert serve.extra_env == {"HF_HUB_OFFLINE": "1"}
        assert found.memory.kv_bytes_per_token == 32768
        assert sum(reason.given for reason in found.reasons) == 11  # all but quantize

    def test_a_longest_prompt_leaves_room_for_an_answer(self):
        found = advise(setup(), Deployment(limits=Limits(max_input_tokens=8000)))
        assert triple(found)[:2] == (8000, 9024)
        assert "looks back 4096 tokens" in found.notes[0]

    @pytest.mark.parametrize("shards", [3, 6])
    def test_cards_that_cannot_share_the_model(self, shards):
        found = advise(setup(gpu="h100"), Deployment(engine=Engine(num_shard=shards)))
        assert blamed(found) == {"engine.num_shard"}
        assert f"cannot be shared evenly by {shards} GPUs" in found.problems[0].reason

    def test_a_context_beyond_the_models_positions(self):
        for engine in ("tgi", "vllm", "sglang"):
            found = advise(setup(gpu="h100", engine=engine), Deployment(limits=Limits(max_total_tokens=40000)))
            assert blamed(found) == {"limits.max_total_tokens"}
            assert "32768 positions" in found.problems[0].reason

    @pytest.mark.parametrize(
        ("engine", "gpu", "wish", "setting"),
        [
            ("tgi", "a10g", Engine(quantize="awq"), "engine.quantize"),
            ("tgi", "a10g", Engine(quantize="fp8", dtype="float16"), "engine.dtype"),
            ("vllm", "a10g", Engine(quantize="eetq"), "engine.quantize"),
            ("vllm", "t4", Engine(dtype="bfloat16"), "engine.dtype"),
            ("sglang", "t4", Engine(quantize="fp8"), "engine.quantize"),
            ("tgi", "b200", Engine(), "machine.gpu"),
        ],
    )
    def test_what_the_engine_refuses_on_that_card(self, engine, gpu, wish, setting):
        found = advise(setup(gpu=gpu, engine=engine), Deployment(engine=wish))
        assert blamed(found) == {setting}
        assert all(problem.reason and problem.fix.endswith(".") for problem in found.problems)

    def test_limits_that_contradict_each_other(self):
        limits = Limits(max_batch_prefill_tokens=9000, max_batch_total_tokens=8000)
        assert blamed(advise(setup(), Deployment(limits=limits))) == {"limits.max_batch_prefill_tokens"}

    def test_a_bound_on_all_requests_bounds_a_step_and_their_number(self):
        found = advise(setup(), Deployment(limits=Limits(max_total_tokens=2000, max_batch_total_tokens=6400)))
        assert not found.problems
        assert found.serve.max_batch_prefill_tokens == 6400
        assert found.serve.max_concurrent_requests == 10
        assert found.serve.cuda_graphs == (1, 2, 4, 8, 16)

    def test_more_than_has_room(self):
        found = advise(setup(LLAMA_8B), Deployment(limits=Limits(max_total_tokens=60000)))
        assert not found.fits
        assert not found.problems

    def test_it_is_said_where_it_is_tight(self):
        memory = advise(setup(LLAMA_8B), Deployment()).memory
        between = (memory.kv_tokens + memory.sure_kv_tokens) // 2
        wish = Deployment(limits=Limits(max_total_tokens=between, max_batch_prefill_tokens=8049))
        found = advise(setup(LLAMA_8B), wish)
        assert found.fits
        assert found.notes[0].startswith("It is tight")


class TestWithoutChunks:
    @pytest.mark.parametrize(
        "engine", [Engine(speculate=2), Engine(env={"ATTENTION": "paged"}), Engine(env={"PREFILL_CHUNKING": "0"})]
    )
    @pytest.mark.parametrize("gpu", ["a10", "h100"])
    def test_a_prompt_fits_one_step(self, engine, gpu):
        wish = Deployment(engine=engine, limits=Limits(max_input_tokens=6000))
        found = advise(setup(LLAMA_8B, gpu), wish)
        assert not found.problems
        assert triple(found)[2] >= triple(found)[0] == 6000

    def test_the_engines_own_rules_call_it_the_same(self):
        for engine in (Engine(), Engine(speculate=2), Engine(env={"PREFILL_CHUNKING": "0"})):
            found = advise(setup(), Deployment(engine=engine))
            case = Case(flags_of(found.serve), engine.env, ZEPHYR.shape())
            assert case.chunking == (engine == Engine())

    def test_a_step_that_the_user_made_too_small_is_refused(self):
        wish = Deployment(engine=Engine(speculate=2), limits=Limits(max_batch_prefill_tokens=1024))
        assert blamed(advise(setup(), wish)) == {"limits.max_batch_prefill_tokens"}


class TestForAWorkload:
    def test_its_requests_have_room(self):
        found = advise(setup(LLAMA_8B), Deployment(), Workload(input_tokens=9000, output_tokens=500))
        assert triple(found)[0] >= 9000
        assert triple(found)[1] - 9000 >= 500

    def test_long_answers_shorten_the_longest_prompt(self):
        found = advise(setup(), Deployment(), Workload(input_tokens=100, output_tokens=3000))
        assert triple(found)[:2] == (1096, 4096)

    def test_as_many_as_have_room(self):
        found = advise(setup(), Deployment(), Workload(input_tokens=1500, output_tokens=500, concurrency=8))
        assert found.serve.max_concurrent_requests == found.memory.sure_kv_tokens // 2000

    def test_where_nobody_says_how_many_those_that_have_no_room_wait(self):
        found = advise(setup(), Deployment(), Workload(input_tokens=1500, output_tokens=500))
        assert found.serve.max_concurrent_requests == 128
        assert "the others wait" in reason(found, "limits.max_concurrent_requests").why

    def test_more_at_a_time_than_have_room_wait_and_are_not_refused(self):
        found = advise(setup(), Deployment(), Workload(concurrency=200))
        assert found.serve.max_concurrent_requests == 200
        assert "are computed at a time" in reason(found, "limits.max_concurrent_requests").why

    def test_more_than_usual_where_they_are_asked_for_and_have_room(self):
        for engine in ("tgi", "vllm", "sglang"):
            found = advise(setup(gpu="h100", engine=engine), Deployment(), Workload(concurrency=400))
            assert found.serve.max_concurrent_requests == 400
            assert not found.problems

    def test_vllm_takes_no_more_than_a_step_has_tokens(self):
        wish = Deployment(limits=Limits(max_batch_prefill_tokens=64))
        found = advise(setup(gpu="h100", engine="vllm"), wish, Workload(concurrency=400))
        assert found.serve.max_concurrent_requests == 64
        assert not found.problems

    def test_no_more_than_keep_the_times(self):
        found = advise(setup(), Deployment(), Workload(), concurrency=20)
        assert found.serve.max_concurrent_requests == 20
        assert found.serve.cuda_graphs == (1, 2, 4, 8, 16, 24)

    def test_the_largest_step_that_keeps_the_first_tokens_time(self):
        found = advise(setup(), Deployment(), slo=Slo(ttft_ms=300), prefill_ms=lambda tokens: tokens / 10)
        assert found.serve.max_batch_prefill_tokens == 2816  # the largest multiple of 256 below 3000
        assert "within 300 ms" in reason(found, "limits.max_batch_prefill_tokens").why

    def test_a_time_that_no_step_keeps(self):
        found = advise(setup(), Deployment(), slo=Slo(ttft_ms=1), prefill_ms=lambda tokens: tokens / 10)
        assert found.serve.max_batch_prefill_tokens == 512
        assert "these take longer" in reason(found, "limits.max_batch_prefill_tokens").why

    def test_a_generous_time_leaves_the_engines_own(self):
        found = advise(setup(), Deployment(), slo=Slo(ttft_ms=5000), prefill_ms=lambda tokens: tokens / 10)
        assert found.serve.max_batch_prefill_tokens == 8049


MODELS = (ZEPHYR, ZEPHYR_AWQ, LLAMA_8B, LLAMA_70B, LLAMA_405B, MIXTRAL, QWEN_HALF_B)


@st.composite
def possible_setups(draw):
    """Any model on any card in any way that is proposed."""
    engine = draw(st.sampled_from(["tgi", "vllm", "sglang"]))
    model = draw(st.sampled_from(MODELS))
    model = model.model_copy(update={"layers": draw(st.sampled_from([1, model.layers]))})
    gpu = draw(st.sampled_from([gpu for gpu in gpus().values() if forms(model, gpu, engine)]))
    kind, quantize = draw(st.sampled_from(forms(model, gpu, engine)))
    shards = draw(st.sampled_from(shard_counts(model, 8, engine)))
    return Setup(model=model, engine=engine, gpu=gpu, shards=shards, weights=kind, quantize=quantize)


WORKLOADS = st.none() | st.builds(
    Workload,
    input_tokens=st.integers(1, 20000),
    output_tokens=st.integers(1, 4000),
    concurrency=st.none() | st.integers(1, 500),
)
SPECULATE = st.sampled_from([None, None, 3])


@given(possible_setups(), WORKLOADS, SPECULATE)
@settings(max_examples=80)
def test_whatever_is_proposed_the_engine_accepts(proposed, workload, speculate):
    found = advise(proposed, Deployment(engine=Engine(speculate=speculate)), workload)
    serve = found.serve
    assert serve.max_concurrent_requests >= 1
    if proposed.engine == "tgi":
        assert 0 < serve.max_input_tokens < serve.max_total_tokens
    if workload is None or workload.input_tokens + workload.output_tokens <= proposed.model.max_positions:
        assert not found.problems
    if found.fits:
        assert found.memory.kv_tokens >= serve.max_total_tokens


@given(possible_setups(), st.integers(1, 100_000))
@settings(max_examples=40)
def test_more_memory_never_makes_a_fit_a_misfit(proposed, mib):
    larger = proposed.gpu.model_copy(update={"memory_mib": proposed.gpu.memory_mib + mib})
    if advise(proposed, Deployment()).fits:
        assert advise(proposed.model_copy(update={"gpu": larger}), Deployment()).fits
