"""The node restarts while a verb works on it; the same command, run again, converges."""

from __future__ import annotations

import pytest
from chaos.nodes.laptop import NAME, At, Downloaded, answers, forget_weights, given_out, wait_until

from zephyr_deploy import services
from zephyr_deploy.errors import UnreachableError

SLOW_RATE = 15_000_000
"""The lab's weights are 0.1 GB: they take seconds."""
HELD = "/usr/local/lib/systemd/system/zephyr-faulty@{}.service.d"
GO = "/run/go"


def test_a_download_goes_on_after_a_reboot_in_the_middle_of_it(laptop):
    node = laptop.node
    forget_weights(node)
    reboot = Downloaded(20_000_000, node.reboot)
    with node.fault("hub", path="/cdn/", rate=SLOW_RATE), pytest.raises(UnreachableError) as caught:
        laptop.up(listener=reboot)
    assert reboot.met
    assert node.address in caught.value.message
    assert "again" in caught.value.hint
    (part,) = node.exec("stat -c %s /var/lib/zephyr-deploy/data/hub/*/blobs/*.incomplete").stdout.split()
    assert int(part) >= 20_000_000
    laptop.assert_serves(laptop.up().release)
    assert given_out(node)[-1] == 206, "it was asked for the rest alone"


def test_after_a_power_cut_in_a_switch_the_old_release_is_back_and_the_switch_can_be_done(laptop):
    old, wish = laptop.up(), laptop.wish(2048)
    cut = At("before ready", laptop.node.kill)
    with pytest.raises(UnreachableError):
        laptop.redeploy(wish, listener=cut)
    assert cut.met
    laptop.node.start()
    wait_until(lambda: services(NAME)[0].state == "ready")
    assert services(NAME)[0].release == old.release
    assert answers(laptop)
    laptop.assert_serves(laptop.redeploy(wish).release)


@pytest.fixture
def held(laptop):
    """Has an engine wait, when it is started, until it is told to go on."""
    folders = []

    def hold(release: str) -> str:
        folder = HELD.format(release)
        folders.append(folder)
        wait = f"ExecStartPre=/bin/sh -c 'until [ -e {GO} ]; do sleep 0.1; done'"
        laptop.node.exec(
            f'mkdir -p {folder} && echo "[Service]\n{wait}" >{folder}/hold.conf && systemctl daemon-reload'
        )
        return folder

    yield hold
    laptop.node.exec(f"rm -rf {' '.join(folders)}; systemctl daemon-reload")


def test_up_waits_for_an_engine_that_loads_as_after_a_boot(laptop, held):
    served = laptop.up()
    held(served.release)
    unit = f"zephyr-{NAME}@{served.release}.service"
    laptop.node.exec(f"systemctl restart --no-block {unit}")
    wait_until(lambda: services(NAME)[0].state == "starting")
    started = laptop.node.exec(f"systemctl show {unit} --property=InvocationID").stdout
    go = At("before ready", lambda: laptop.node.exec(f"touch {GO}"))
    laptop.up(listener=go)
    assert go.met, go.seen
    laptop.assert_serves(served.release)
    assert laptop.node.exec(f"systemctl show {unit} --property=InvocationID").stdout == started
