"""What the planner says of the GPUs that a node has, and why a start is refused."""

import pytest
from plan.models import ZEPHYR

from zephyr_deploy.plan.advised import advice_on, card_of, problems_of
from zephyr_deploy.plan.machine import GpuFacts
from zephyr_deploy.spec.deployment import Deployment, Engine

MIB = 2**20


def card(name, mib, capability="8.0"):
    bytes_ = {"memory_bytes": mib * MIB, "memory_used_bytes": 0}
    return card_of(GpuFacts(name=name, driver="570.133.20", compute_capability=capability, **bytes_))


def refusals(gpu, **engine):
    advice = advice_on(Deployment(engine=Engine(**engine)), gpu, ZEPHYR, "tgi", 1)
    return [(problem.setting, f"{problem.reason}. {problem.fix}") for problem in problems_of(advice)]


def test_a_known_card_has_the_memory_that_its_driver_reports():
    found = card("NVIDIA L4", 23000, "8.9")
    assert (found.key, found.memory_mib, found.architecture) == ("l4", 23000, "Ada")


def test_an_unknown_card_is_known_by_its_driver():
    found = card("NVIDIA Something 9000", 48000, "9.0")
    assert (found.key, found.memory_mib, found.compute_capability) == ("nvidia-something-9000", 48000, "9.0")
    assert refusals(found) == []


@pytest.mark.parametrize("name", ["NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB MIG 1g.10gb"])
def test_a_slice_of_a_card_is_as_large_as_its_driver_says(name):
    ((setting, said),) = refusals(card(name, 9728))
    assert setting == "machine.gpu"
    assert "HuggingFaceH4/zephyr-7b-beta in 16 bit with requests of 4096 tokens lacks " in said
    assert "GB on NVIDIA A100" in said
    assert "It fits with " in said
    assert refusals(card(name, 19968)) == []


def test_where_the_driver_reports_no_memory_the_catalogue_counts_or_nothing_is_said():
    assert card("NVIDIA L4", 0).memory_mib == 23034
    assert card("NVIDIA Something 9000", 0) is None


def test_a_share_that_is_too_small_is_named():
    l4 = card("NVIDIA L4", 23034, "8.9")
    assert refusals(l4) == []
    ((_, said),) = refusals(l4, memory_fraction=0.45)
    assert "GB on NVIDIA L4 with engine.memory_fraction = 0.45. It fits with engine.quantize = " in said


def test_a_card_that_the_engine_is_not_built_for_is_refused_once():
    ((setting, said),) = refusals(card("Tesla T4", 15360, "7.5"))
    assert setting == "machine.gpu"
    assert said.startswith("NVIDIA T4 has compute capability 7.5, and TGI 3.3.7 is built for 8.0 and up.")
