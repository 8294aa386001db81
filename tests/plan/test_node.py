"""What will run on a node, from the wish and the facts; and what a node lacks."""

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.machine import DockerFacts, GpuFacts, NodeFacts
from zephyr_deploy.plan.node import plan_for_node
from zephyr_deploy.plan.readiness import gateway_lacks, lacks, version
from zephyr_deploy.spec.deployment import Access, Deployment, Engine, Limits, Machine, Model

GIB = 1 << 30
A100 = GpuFacts(
    name="NVIDIA A100-SXM4-80GB",
    memory_bytes=80 * GIB,
    memory_used_bytes=0,
    driver="550.54.15",
    compute_capability="8.0",
)
DOCKER = DockerFacts(version="27.3.1", cgroup_driver="cgroupfs", gpu=True, root="/var/lib/docker")
READY = NodeFacts(
    system="Ubuntu 22.04.5 LTS",
    os="ubuntu",
    os_version="22.04",
    architecture="x86_64",
    kernel="5.15",
    python="3.10.12",
    systemd=249,
    cpus=16,
    memory_bytes=64 * GIB,
    memory_total_bytes=64 * GIB,
    disk_free_bytes=200 * GIB,
    docker_disk_free_bytes=200 * GIB,
    root_writable=True,
    gpus=(A100,),
    cuda="12.4",
    docker=DOCKER,
    clock=1000.0,
)


def facts(**changes):
    return READY.model_copy(update=changes)


def plan(found=READY, **wish):
    machine = wish.pop("machine", Machine(host="gpu1"))
    return plan_for_node(Deployment(provider="ssh", machine=machine, **wish), found, hub="https://huggingface.co")


def test_zephyr_with_tgi_where_nothing_is_said():
    found = plan()
    assert (found.engine, found.gpus, found.overlap) == ("tgi", 1, False)
    assert found.image == "ghcr.io/huggingface/text-generation-inference:3.3.7"
    serve = found.serve
    assert (serve.max_input_tokens, serve.max_total_tokens, serve.max_batch_prefill_tokens) == (3072, 4096, 4096)
    assert (serve.num_shard, serve.hostname, serve.port) == (1, "127.0.0.1", None)


@pytest.mark.parametrize(
    "limits", [Limits(), Limits(max_total_tokens=512), Limits(max_input_tokens=8000), Limits(max_total_tokens=32768)]
)
def test_the_three_limits_come_together(limits):
    serve = plan(limits=limits).serve
    assert 0 < serve.max_input_tokens < serve.max_total_tokens
    assert serve.max_batch_prefill_tokens >= serve.max_input_tokens


@pytest.mark.parametrize(
    ("fraction", "overlap"), [(None, False), (0.9, False), (0.46, False), (0.45, True), (0.3, True)]
)
def test_two_copies_start_side_by_side_only_where_both_fit(fraction, overlap):
    assert plan(engine=Engine(memory_fraction=fraction)).overlap is overlap


def test_more_gpus_than_one_are_used_when_asked_for():
    two = facts(gpus=(A100, A100))
    assert plan(two).gpus == 1
    assert any("2 GPUs" in note for note in plan(two).notes)
    assert plan(two, machine=Machine(host="gpu1", gpus=2)).serve.num_shard == 2


@pytest.mark.parametrize(
    ("wish", "found", "said"),
    [
        ({}, {"gpus": ()}, "needs an NVIDIA GPU"),
        ({"machine": Machine(host="gpu1", gpus=2)}, {}, "has 1 GPUs, not 2"),
        ({"machine": Machine(host="gpu1", gpu="h100")}, {}, "has NVIDIA A100-SXM4-80GB, not h100"),
        ({"engine": Engine(name="llamacpp")}, {}, "--provider local"),
        ({"model": Model(id="./zephyr.gguf")}, {}, "fetches its model from the hub"),
        ({"access": Access(port=0)}, {}, "needs a port that stays"),
        ({"engine": Engine(env={"HF_TOKEN": "hf_x"})}, {}, "docker inspect"),
        ({"engine": Engine(num_shard=3)}, {"gpus": (A100,) * 3}, "num_shard"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(wish, found, said):
    with pytest.raises(ConfigError, match=said):
        plan(facts(**found), **wish)


def test_the_name_of_a_gpu_is_read_as_people_write_it():
    assert plan(machine=Machine(host="gpu1", gpu="a100")).gpus == 1


def names(found, now=1000.0, *, grave=True):
    return [lack.name for lack in lacks(found, now=now) if lack.grave is grave]


def test_a_ready_machine_lacks_nothing():
    assert lacks(READY, now=1000.0) == []


@pytest.mark.parametrize(
    ("changes", "name", "preparable"),
    [
        ({"docker": None}, "docker", True),
        ({"docker": DOCKER.model_copy(update={"gpu": False})}, "container toolkit", True),
        ({"gpus": (), "nvidia_devices": 1}, "gpu", True),
        ({"docker": DOCKER.model_copy(update={"version": "19.03.8"})}, "docker", False),
        ({"docker": DockerFacts(error="dockerd does not run")}, "docker", False),
        ({"cuda": "12.2"}, "driver", False),
        ({"systemd": 0}, "systemd", False),
        ({"root_writable": False}, "/opt", False),
        ({"architecture": "aarch64"}, "processor", False),
    ],
)
def test_what_stands_in_the_way(changes, name, preparable):
    found = [lack for lack in lacks(facts(**changes), now=1000.0) if lack.grave]
    assert [(lack.name, lack.preparable) for lack in found] == [(name, preparable)]
    assert found[0].fix


@pytest.mark.parametrize(
    ("changes", "now", "name"),
    [
        ({}, 1500.0, "clock"),
        ({}, 0.0, "clock"),
        ({"disk_free_bytes": 10**9}, 1000.0, "disk"),
        ({"docker": DOCKER.model_copy(update={"cgroup_driver": "systemd"})}, 1000.0, "cgroup driver"),
        ({"gpus": (), "nvidia_devices": 0}, 1000.0, "gpu"),
        ({"gpus": (A100.model_copy(update={"name": "Tesla T4", "compute_capability": "7.5"}),)}, 1000.0, "gpu"),
    ],
)
def test_what_is_only_worth_a_warning(changes, now, name):
    assert names(facts(**changes), now) == []
    assert names(facts(**changes), now, grave=False) == [name]


@pytest.mark.parametrize(("text", "numbers"), [("20.10.24+dfsg1", (20, 10)), ("12.4", (12, 4)), ("9", (9,)), ("", ())])
def test_versions(text, numbers):
    assert version(text) == numbers


def test_a_gateway_needs_docker_and_neither_gpu_nor_room():
    bare = facts(gpus=(), cuda="", docker=DOCKER.model_copy(update={"gpu": False}), disk_free_bytes=10**8)
    assert gateway_lacks(bare, now=1000.0) == []
    beside = facts(gpus=(), nvidia_devices=1, architecture="aarch64")
    assert gateway_lacks(beside, now=1000.0) == []
    found = gateway_lacks(facts(docker=None, systemd=0, root_writable=False, clock=5000.0), now=1000.0)
    assert [lack.name for lack in found] == ["systemd", "/opt", "docker", "clock"]


@pytest.mark.parametrize("machine", [Machine(gpu="h100"), Machine(gpus=4)], ids=["another card", "more of them"])
def test_a_machine_of_a_cloud_is_not_adopted_for_other_gpus(machine):
    deployment = Deployment(name="demo", provider="aws", machine=machine)
    with pytest.raises(ConfigError, match=r"the node has .*zephyr-deploy down demo.*then `up` orders another"):
        plan_for_node(deployment, READY, hub="https://huggingface.co")
