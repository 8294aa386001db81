"""The table of instance types agrees with what else is known of them."""

import gzip
import json
from pathlib import Path

import moto
import pytest

from zephyr_deploy.plan.gpus import gpus, known_as
from zephyr_deploy.providers.aws.machines import aws_table

DESCRIBED = json.loads(
    gzip.decompress((Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz").read_bytes())
)
"""Answers of DescribeInstanceTypes, by type."""


@pytest.mark.parametrize("machine", aws_table().machines, ids=lambda machine: machine.type)
def test_a_type_is_as_aws_describes_it(machine):
    described = DESCRIBED[machine.type]
    (card,) = described["GpuInfo"]["Gpus"]
    assert (machine.gpus, machine.gpu_memory_mib) == (card["Count"], card["MemoryInfo"]["SizeInMiB"])
    assert machine.cpus == described["VCpuInfo"]["DefaultVCpus"]
    assert machine.memory_gib * 1024 == described["MemoryInfo"]["SizeInMiB"]
    assert machine.gpu in gpus()
    assert known_as(card["Name"], card["MemoryInfo"]["SizeInMiB"] / 1024).key == machine.gpu
    assert described["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]


def test_every_nvidia_machine_that_is_left_out_is_left_out_on_purpose():
    offered = {machine.type for machine in aws_table().machines}
    with_a_gpu = {name for name, said in DESCRIBED.items() if said.get("GpuInfo")}
    assert {name.split(".")[0] for name in with_a_gpu - offered} == {"p3dn", "g5g", "g6f", "gr6f", "g7", "p6-b300"}


def test_a_bigger_machine_of_a_family_costs_more():
    for region in ("us-east-1", "ap-south-1"):
        priced = [machine for machine in aws_table().machines if region in machine.usd]
        for one in priced:
            for other in priced:
                same = one.type.split(".")[0] == other.type.split(".")[0]
                if same and one.cpus < other.cpus and one.gpus <= other.gpus:
                    assert one.usd[region] < other.usd[region], f"{one.type} {other.type}"


def test_every_family_has_its_quotas():
    table = aws_table()
    assert {machine.family for machine in table.machines} == set(table.quotas)
    assert {table.machine(name).family for name in ("g6.xlarge", "gr6.4xlarge", "g4dn.metal")} == {"G"}
    assert {table.machine(name).family for name in ("p4d.24xlarge", "p6-b200.48xlarge")} == {"P"}
    assert table.machine("p3.2xlarge") is None
