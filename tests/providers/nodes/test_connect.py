"""What the machines of a deployment are called where keys are pinned."""

from __future__ import annotations

import pytest

from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.providers.nodes.connect import alias_for


def test_the_only_machine_has_the_name_of_its_deployment_whatever_its_address_is():
    assert {alias_for("demo", NodeAddress.parse(text), several=False) for text in ("gpu1", "10.0.0.7:2222")} == {
        "zephyr-demo"
    }


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("GPU1.example.org", "zephyr-demo-gpu1-example-org"),
        ("ann@10.0.0.7", "zephyr-demo-10-0-0-7"),
        ("ann@10.0.0.7:22", "zephyr-demo-10-0-0-7"),
        ("ann@10.0.0.7:2201", "zephyr-demo-10-0-0-7-2201"),
        ("ann@10.0.0.7:2202", "zephyr-demo-10-0-0-7-2202"),
    ],
)
def test_one_of_several_is_told_by_host_and_port(text, alias):
    assert alias_for("demo", NodeAddress.parse(text), several=True) == alias
