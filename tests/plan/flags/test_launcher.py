"""What TGI's launcher computes by itself; the numbers are those of a port made by somebody else."""

import pytest
from plan.models import LLAMA_70B, ZEPHYR, ZEPHYR_AWQ

from zephyr_deploy.plan.flags.graphs import DEFAULT, sizes
from zephyr_deploy.plan.flags.launcher import default_prefill_tokens, flop_per_token
from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.setup import Setup


def chosen(gpu, model=ZEPHYR, **changes):
    return default_prefill_tokens(Setup(model=model, gpu=gpus()[gpu], **changes))


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        ("t4", 4096),
        ("l4", 8049),
        ("a10g", 8315),
        ("a10", 4096),
        ("rtx4090", 4096),
        ("a6000", 4096),
        ("l40s", 24147),
        ("a100-40", 20755),
        ("a100-80", 20755),
        ("h100", 32768),
        ("h100-pcie", 4096),
        ("h200", 32768),
    ],
)
def test_prompt_tokens_of_a_step(gpu, expected):
    assert chosen(gpu) == expected


def test_its_count_of_operations():
    assert flop_per_token(Setup(model=ZEPHYR, gpu=gpus()["l4"])) == 15_032_385_536


def test_more_cards_compute_more():
    assert chosen("a100-80", LLAMA_70B, shards=4) == 2 * chosen("a100-80", LLAMA_70B, shards=2) + 1  # rounded down


def test_its_count_of_memory_bounds_it_where_nothing_is_quantized():
    assert chosen("a10g", memory_fraction=0.6) < 4096
    assert chosen("a10g", memory_fraction=0.3) == 0  # the model does not fit, it thinks
    assert chosen("a10g", ZEPHYR_AWQ, memory_fraction=0.3) == 8315


@pytest.mark.parametrize(
    ("concurrency", "expected"),
    [
        (1, (1,)),
        (3, (1, 2, 4)),
        (8, (1, 2, 4, 8)),
        (9, (1, 2, 4, 8, 16)),
        (20, (1, 2, 4, 8, 16, 24)),
        (32, (1, 2, 4, 8, 16, 24, 32)),
    ],
)
def test_sizes_of_graphs(concurrency, expected):
    assert sizes(concurrency) == expected
    assert set(sizes(32)) - set(DEFAULT) == {24}


@pytest.mark.parametrize("concurrency", [1, 2, 5, 17, 63, 128, 4000])
def test_each_batch_has_a_graph_of_the_size_that_tgi_looks_for(concurrency):
    for batch in range(1, min(concurrency, 128) + 1):
        padded = 4 if batch == 3 else 8 if 3 < batch <= 8 else -(-batch // 8) * 8 if batch > 8 else batch
        assert padded in sizes(concurrency)
    assert max(sizes(concurrency)) <= 128
