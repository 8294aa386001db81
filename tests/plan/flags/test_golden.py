"""Settings of known pairs of model and card, as files for people to read; each is checked by the engine's own rules.

`UPDATE_GOLDEN=1 pytest tests/plan/flags/test_golden.py` writes them anew.
"""

import os
from pathlib import Path

import pytest
from plan.models import LLAMA_8B, LLAMA_70B, LLAMA_405B, MIXTRAL, QWEN_HALF_B, ZEPHYR, ZEPHYR_AWQ

from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.engines.tgi.parse import effective
from zephyr_deploy.engines.tgi.rules import flag_problems
from zephyr_deploy.plan.flags.advise import advise
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.spec.deployment import Deployment

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "zephyr-l4-tgi": {"model": ZEPHYR, "gpu": "l4"},
    "zephyr-a10g-tgi": {"model": ZEPHYR, "gpu": "a10g"},
    "zephyr-a100-80-tgi": {"model": ZEPHYR, "gpu": "a100-80"},
    "zephyr-h100-tgi": {"model": ZEPHYR, "gpu": "h100"},
    "zephyr-h100-fp8-tgi": {"model": ZEPHYR, "gpu": "h100", "weights": "fp8", "quantize": "fp8"},
    "zephyr-t4-tgi": {"model": ZEPHYR, "gpu": "t4"},
    "zephyr-awq-a10g-tgi": {"model": ZEPHYR_AWQ, "gpu": "a10g", "weights": "int4"},
    "llama-8b-l4-tgi": {"model": LLAMA_8B, "gpu": "l4"},
    "llama-70b-2xa100-80-tgi": {"model": LLAMA_70B, "gpu": "a100-80", "shards": 2},
    "llama-70b-4xl40s-tgi": {"model": LLAMA_70B, "gpu": "l40s", "shards": 4},
    "mixtral-2xh100-tgi": {"model": MIXTRAL, "gpu": "h100", "shards": 2},
    "qwen-half-b-l4-tgi": {"model": QWEN_HALF_B, "gpu": "l4"},
    "zephyr-l4-vllm": {"model": ZEPHYR, "gpu": "l4", "engine": "vllm"},
    "zephyr-t4-fp8-vllm": {
        "model": ZEPHYR,
        "gpu": "t4",
        "engine": "vllm",
        "weights": "fp8-weight",
        "quantize": "fp8",
    },
    "llama-405b-8xh200-fp8-vllm": {
        "model": LLAMA_405B,
        "gpu": "h200",
        "shards": 8,
        "engine": "vllm",
        "weights": "fp8",
        "quantize": "fp8",
    },
    "zephyr-h100-sglang": {"model": ZEPHYR, "gpu": "h100", "engine": "sglang"},
    "zephyr-b200-sglang": {"model": ZEPHYR, "gpu": "b200", "engine": "sglang"},
}


def advice(case):
    return advise(Setup(**case | {"gpu": gpus()[case["gpu"]]}), Deployment())


@pytest.mark.parametrize("name", CASES)
def test_settings_and_reasons_are_as_they_were_read_last(name):
    path, found = GOLDEN / f"{name}.txt", text(advice(CASES[name]))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in CASES if name != "zephyr-t4-tgi"])
def test_the_engine_accepts_them(name):
    found = advice(CASES[name])
    assert found.fits
    assert not found.problems
    assert not engine_spec(found.setup.engine).problems(found.serve, found.setup.model.shape())


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith("tgi")])
def test_tgis_launcher_finds_nothing_wrong_with_the_flags(name):
    found = advice(CASES[name])
    flags, knobs, problems = effective(found.serve)
    assert not problems
    assert not flag_problems(flags, knobs=knobs, shape=found.setup.model.shape())
    assert flags.max_input_tokens < flags.max_total_tokens  # and so its warm-up cannot count below zero
    assert flags.max_batch_prefill_tokens is not None


def text(found):
    """For people."""
    setup, memory = found.setup, found.memory
    fits = "fits" if found.fits else "does not fit"
    lines = [
        f"{setup.model.id}, {setup.form.name}, on {setup.shards} x {setup.gpu.name} with {setup.engine}",
        f"{fits}: about {memory.kv_tokens} tokens have room, {memory.sure_kv_tokens} for sure",
        "",
    ]
    for reason in found.reasons:
        lines += [f"{reason.flag} {reason.value}", f"    {reason.why}"]
    lines += [f"problem: {problem.setting}: {problem.reason}. {problem.fix}" for problem in found.problems]
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join(lines) + "\n"
