"""A GPU's memory as a bar."""

import pytest
from plan.models import LLAMA_70B, ZEPHYR

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.memory.bar import bar, plain
from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.setup import Setup


def memory(model=ZEPHYR, gpu="l4"):
    return weigh(Setup(model=model, gpu=gpus()[gpu]), 8049)


@pytest.mark.parametrize("width", [1, 7, 60, 200])
@pytest.mark.parametrize("model", [ZEPHYR, LLAMA_70B])
def test_widths_and_bytes_add_up(model, width):
    weighed = memory(model)
    drawn = bar(weighed, width)
    assert sum(segment.width for segment in drawn.segments) == width
    whole = weighed.usable + weighed.missing if weighed.missing else weighed.total
    assert sum(segment.size for segment in drawn.segments) == whole
    assert all(segment.width >= 0 for segment in drawn.segments)


def test_in_ascii():
    line, legend = plain(bar(memory(), 50)).splitlines()
    assert line == "[WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWaaoKKKKKKKKKKKK.....]"
    assert legend.startswith(
        "W weights 14.5 GB, a a step of prompts 0.9 GB, o context and workspaces 0.6 GB, K KV cache"
    )
    assert plain(bar(memory(), 50)).isascii()


def test_where_it_does_not_fit_the_gpus_end_is_marked():
    drawn = bar(memory(LLAMA_70B, "a100-80"), 60)
    line, legend = plain(drawn).splitlines()
    assert line.index("|") - 1 == drawn.end == 32
    assert legend.endswith("the GPU ends: 66.2 GB are missing")
    assert "KV cache" not in legend
