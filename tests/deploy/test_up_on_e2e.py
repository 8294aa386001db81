"""`up --provider e2e`: its API on the wire, a key trusted once, Docker, TGI's API; and an account that is empty."""

import pytest
from deploy.on_clouds import life_on


@pytest.mark.long
@pytest.mark.timeout(600, func_only=True)
def test_from_nothing_to_tokens_and_back(both, laptop):
    machines = both.machines[1]
    keys = lambda: machines.node(*machines.there()).exec("cat /root/.ssh/authorized_keys").stdout  # noqa: E731
    said = life_on("e2e", "l4", laptop, both.e2e.inbound, keys)
    assert "shows host keys nowhere" in said["up"]
    assert both.left() == []
    assert both.e2e.wire.actions().count("POST /nodes/") == 1
