"""Which card is meant."""

import pytest
from lab import cards

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.gpus import gpus, is_meant, known_as, meant
from zephyr_deploy.spec.deployment import Deployment, Machine


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("a100", {"a100-40", "a100-80", "a100-80-pcie"}),
        ("A100-80GB", {"a100-80", "a100-80-pcie"}),
        ("a100-80", {"a100-80", "a100-80-pcie"}),
        ("a100 40", {"a100-40"}),
        ("A100-SXM4-80GB", {"a100-80"}),
        ("a100-80-pcie", {"a100-80-pcie"}),
        ("h100", {"h100", "h100-pcie"}),
        ("H100 SXM", {"h100"}),
        ("L4", {"l4"}),
        ("l40", {"l40"}),
        ("L40S", {"l40s"}),
        ("a10", {"a10"}),
        ("a10g", {"a10g"}),
        ("v100", {"v100-16", "v100-32"}),
        ("v100s", {"v100s-32"}),
        ("4090", {"rtx4090"}),
        ("RTX 4090 D", {"rtx4090d"}),
        ("rtx a6000", {"a6000"}),
        ("RTX 6000 Ada Generation", {"rtx6000ada"}),
        ("b200-192gb", {"b200"}),
    ],
)
def test_what_a_user_types(typed, keys):
    assert {gpu.key for gpu in meant(typed)} == keys


@pytest.mark.parametrize(
    ("said", "memory_gb", "key"),
    [
        ("NVIDIA-1xH100", 80, "h100"),
        ("NVIDIA-1xH100", None, "h100"),
        ("NVIDIA-8xA100", 80, "a100-80"),
        ("NVIDIA-8xA100", 40, "a100-40"),
        ("NVIDIA 4x L40S", None, "l40s"),
        ("A10080", None, "a100-80"),
        ("A100-SXM4-80GB", None, "a100-80"),
        ("A10G", 22888 / 1024, "a10g"),
        ("T4", 16384 / 1024, "t4"),
        ("H200", 144384 / 1024, "h200"),
        ("RTX PRO Server 6000", 96, "rtxpro6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", None, "rtxpro6000"),
        ("NVIDIA A100 80GB PCIe", None, "a100-80-pcie"),
        ("NVIDIA H100 80GB HBM3", None, "h100"),
        ("Tesla V100-SXM2-16GB", None, "v100-16"),
        ("T4g", 16, None),
        ("L4", 2861 / 1024, None),
        ("V520", None, None),
        ("", None, None),
    ],
)
def test_what_clouds_and_drivers_say(said, memory_gb, key):
    found = known_as(said, memory_gb)
    assert (found.key if found else None) == key


@pytest.mark.parametrize("card", [cards.L4, cards.A10G, cards.A100, cards.H100, cards.T4])
def test_what_nvidia_smi_prints(card):
    found = known_as(card.name)
    assert (found.memory_mib, found.compute_capability) == (card.memory, card.capability)


@pytest.mark.parametrize(
    ("typed", "name", "so"),
    [
        ("a100-80", "NVIDIA A100-SXM4-80GB", True),
        ("A100", "NVIDIA A100 80GB PCIe", True),
        ("a100-40", "NVIDIA A100-SXM4-80GB", False),
        ("l4", "NVIDIA L40S", False),
        ("p40", "Tesla P40", True),
    ],
)
def test_whether_a_card_is_the_one_that_was_meant(typed, name, so):
    assert is_meant(typed, name) is so


def test_a_key_means_itself():
    for key in gpus():
        assert key in {gpu.key for gpu in meant(key)}
        assert known_as(gpus()[key].name).key == key


@pytest.mark.parametrize(
    ("typed", "near"),
    [("a1000", "a100"), ("a100-60", "a100-40"), ("h10", "h100"), ("l4-48gb", "l4"), ("banana", "l40s")],
)
def test_an_unknown_one_is_refused_with_those_near(typed, near):
    with pytest.raises(ConfigError, match=typed) as refused:
        meant(typed)
    assert near in refused.value.hint


@pytest.mark.parametrize(
    ("typed", "mib", "capability"),
    [(None, 81920, "8.0"), ("l4", 23034, "8.9"), ("H100", 81559, "9.0"), ("p40", 81920, "8.0")],
)
def test_a_machine_that_nobody_looked_at_has_the_card_that_was_asked_for(typed, mib, capability):
    (gpu,) = assumed_node(Deployment(machine=Machine(gpu=typed))).gpus
    assert (gpu.memory_bytes, gpu.compute_capability) == (mib * 2**20, capability)


def test_cards_of_one_model_differ_by_more_than_what_is_taken_for_the_same():
    for one in gpus().values():
        for other in gpus().values():
            if set(one.models) & set(other.models) and one.memory_gb < other.memory_gb:
                assert other.memory_gb > 1.5 * one.memory_gb


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """Writes the user's own file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "zephyr-deploy" / "gpus.toml"
    file.parent.mkdir()
    gpus.cache_clear()
    yield file.write_text
    gpus.cache_clear()


def test_a_users_file_adds_a_card(own_file):
    own_file('[[gpu]]\nkey = "a2"\nmemory_mib = 15356\ncompute_capability = "8.6"\nbandwidth_gb_s = 200\n')
    (card,) = meant("A2")
    assert (card.memory_gb, card.bandwidth_gb_s, card.bf16, card.source) == (15, 200, True, "gpus.toml")
    assert known_as("NVIDIA A2") == card


def test_a_users_file_says_better_of_a_card_that_is_known(own_file):
    own_file('[[gpu]]\nkey = "l4"\nmemory_mib = 24570\n')
    (card,) = meant("l4")
    assert (card.memory_mib, card.bandwidth_gb_s) == (24570, 300)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[gpu", "cannot be read"),
        ("[[cards]]\n", "cards is unknown"),
        ("gpu = 3\n", "gpu is to be rows"),
        ("[[gpu]]\nmemory_mib = 1\n", r"\[\[gpu\]\] 1: key is missing"),
        ('[[gpu]]\nkey = "a2"\n', r"\[\[gpu\]\] 1 \(a2\): memory_mib is missing"),
        ('[[gpu]]\nkey = "l4"\n[[gpu]]\nkey = "t4"\nbandwidth = 1\n', r"\[\[gpu\]\] 2 \(t4\): bandwidth is unknown"),
        ('[[gpu]]\nkey = "l4"\nbandwidth_gb_s = nan\n', "bandwidth_gb_s - Input should be a finite number"),
        ('[[gpu]]\nkey = "l4"\nbandwidth_gb_s = -300\n', "bandwidth_gb_s - Input should be greater than 0"),
        ('[[gpu]]\nkey = "l4"\ncompute_capability = "sm_89"\n', "compute_capability - String should match"),
    ],
)
def test_a_mistake_in_a_users_file_is_named_with_file_row_and_field(own_file, text, said):
    own_file(text)
    with pytest.raises(ConfigError, match=rf"zephyr-deploy/gpus\.toml.*{said}") as refused:
        meant("l4")
    assert "docs/guides/plan.md" in refused.value.hint
