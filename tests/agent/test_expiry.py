"""What a machine says of its end, and how that is moved."""

from pathlib import Path

import pytest

from zephyr_deploy.agent import expire, expiry
from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.expire import NOTHING, Now
from zephyr_deploy.agent.extend import LOOK, extend

ASKED = {"name": "demo", "who": {"user": "ann", "run": "r1"}}


class Machine:
    """One with limits, and a clock that the test turns; it looks when systemd is told to have it look."""

    def __init__(self, root):
        self.root, self.clock_s, self.broken = root, 100.0, False
        expire.write(root / expire.LIMITS, {"ttl_s": 3600.0, "idle_s": 600.0, "grace_s": 300.0, "counters": ["n"]})

    def look(self, seen=NOTHING):
        return expire.tick(self.root, Now("boot", self.clock_s, 1.7e9), seen, expire.read(self.root / expire.LIMITS))

    def told(self, command, what, timeout_s, kind):
        assert command == LOOK
        if self.broken:
            raise NodeError(kind, f"{what}: no such unit")
        self.look()
        return ""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setattr(expiry, "LIMITS", tmp_path / expire.LIMITS)
    monkeypatch.setattr(expiry, "STATE", tmp_path / expire.VOLATILE)
    monkeypatch.setattr("zephyr_deploy.agent.extend.must", made.told)
    monkeypatch.setattr("time.clock_gettime", lambda _clock: made.clock_s)
    return made


def ask():
    return expiry.expiry({}, None)["expiry"]


def test_both_programs_mean_the_same_files():
    assert (Path("/") / expire.LIMITS, Path("/") / expire.VOLATILE) == (expiry.LIMITS, expiry.STATE)


def test_probes_are_counted_where_it_ends_itself_and_nowhere_else(machine, monkeypatch):
    monkeypatch.setattr(expiry, "PROBES", machine.root / "run/zephyr-deploy-probes")
    machine.look()
    expiry.probing(18000)
    expiry.probing(18000)
    assert (machine.root / f"{expire.PROBES}18000").read_bytes() == b".."
    (machine.root / expire.LIMITS).unlink()
    expiry.probing(18010)
    assert not (machine.root / f"{expire.PROBES}18010").exists()


def test_before_the_first_look_nothing_is_known(machine):
    assert ask() == {"left_s": None, "idle_left_s": None, "unused_s": 0.0, "looked_s": None}


def test_it_says_what_is_left_now_and_not_at_the_last_look(machine):
    machine.look()
    machine.clock_s += 60
    machine.look(NOTHING._replace(totals={"18000": 1.0}))
    machine.clock_s += 40
    assert ask() == {"left_s": 3500.0, "idle_left_s": 560.0, "unused_s": 40.0, "looked_s": 40.0}


def test_it_is_moved_and_to_move_it_is_to_use_it(machine):
    machine.look()
    machine.clock_s += 800
    found = extend({**ASKED, "left_s": 7200.0}, None)["expiry"]
    assert found == {"left_s": 7200.0, "idle_left_s": 900.0, "unused_s": 0.0, "looked_s": 0.0}
    machine.clock_s += 899
    assert machine.look()[0] == 1.0
    assert ask()["left_s"] == 7200.0 - 899


def test_the_time_without_use_is_moved_alone_or_with_the_time_limit(machine):
    machine.look()
    assert extend({**ASKED, "idle_s": 1800.0}, None)["expiry"]["idle_left_s"] == 1800.0 + 300.0
    assert ask()["left_s"] == 3600.0
    found = extend({**ASKED, "left_s": 7200.0, "idle_s": None}, None)["expiry"]
    assert (found["left_s"], found["idle_left_s"]) == (7200.0, None)


def test_it_can_be_for_ever(machine):
    assert extend({**ASKED, "left_s": None}, None)["expiry"]["left_s"] is None
    machine.clock_s += 10**6
    assert machine.look(NOTHING._replace(at_work=True))[0] > 0


def test_the_names_of_the_figures_stay(machine):
    extend({**ASKED, "left_s": 60}, None)
    assert expire.read(machine.root / expire.LIMITS)["counters"] == ["n"]


def test_where_nothing_looks_nothing_is_promised(machine):
    machine.broken = True
    with pytest.raises(NodeError, match="what ends this machine does not run: no such unit"):
        extend({**ASKED, "left_s": 60}, None)


def test_a_machine_of_somebodys_own_has_no_end(machine):
    (machine.root / expire.LIMITS).unlink()
    assert ask() is None
    with pytest.raises(NodeError, match="does not end itself"):
        extend({**ASKED, "left_s": 60}, None)
