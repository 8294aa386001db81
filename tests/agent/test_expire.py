"""When a machine ends itself: by clocks that jump, reboots that forget, and engines that answer or do not."""

import fcntl
import json
import math
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.agent import expire
from zephyr_deploy.agent.expire import (
    AGAIN_S,
    IN_FLIGHT_S,
    NOTHING,
    REBOOT_S,
    Now,
    Seen,
    counted,
    end,
    look,
    step,
    tick,
)

LIMITS = {"ttl_s": 28800.0, "idle_s": 3600.0, "grace_s": 1800.0, "counters": ["n_total"], "gauges": ["running"]}
WORK = NOTHING._replace(at_work=True)


def answering(total, *, in_flight=False, probes=0):
    return Seen(at_work=False, totals={"18000": float(total)}, in_flight=in_flight, probes={"18000": probes})


class Machine:
    """One whose clocks a test turns; each `look` is one call of the timer."""

    def __init__(self, root, limits=LIMITS):
        self.root, self.limits = root, limits
        self.boot, self.booted_s, self.wall_s = "boot-1", 20.0, 1.7e9
        self.look()

    def look(self, seen=NOTHING):
        self.left_s, self.why, self.warned = tick(
            self.root, Now(self.boot, self.booted_s, self.wall_s), seen, self.limits
        )
        return self

    def wait(self, seconds, seen=NOTHING, every=60.0):
        for _ in range(int(seconds // every)):
            self.booted_s += every
            self.wall_s += every
            self.look(seen)
        return self

    def reboot(self, off_s, *, clock_s=0.0):
        (self.root / expire.VOLATILE).unlink()
        self.boot, self.booted_s = f"{self.boot}'", 20.0
        self.wall_s += off_s + 20 + clock_s
        return self.look()

    @property
    def age_s(self):
        return expire.known(self.root)["age_s"]

    @property
    def ended(self):
        return self.left_s <= 0


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def used(limit_s=28800.0):
    """Limits without the idle one."""
    return {**LIMITS, "ttl_s": limit_s, "idle_s": None}


def test_it_ends_at_its_time_limit_whatever_runs(machine):
    machine.wait(28740, WORK)
    assert not machine.ended
    machine.wait(60, WORK)
    assert (machine.ended, machine.why) == (True, "its time limit")


@pytest.mark.parametrize("jump_s", [-1.7e9, -86400, 86400, 3e8])
def test_a_clock_that_is_set_moves_no_end(tmp_path, jump_s):
    machine = Machine(tmp_path, used())
    machine.wait(600)
    machine.wall_s += jump_s
    machine.wait(600)
    assert machine.age_s == 1200


@pytest.mark.parametrize("jump_s", [-1.7e9, 3e8])
def test_nor_does_one_that_is_set_while_it_boots(tmp_path, jump_s):
    machine = Machine(tmp_path, used())
    machine.wait(600).reboot(30, clock_s=jump_s)
    assert 600 + 20 <= machine.age_s <= 600 + REBOOT_S


def test_a_reboot_counts_and_restarts_nothing(tmp_path):
    machine = Machine(tmp_path, used())
    machine.wait(600).reboot(45)
    assert machine.age_s == 600 + 45 + 20


def test_reboots_without_end_do_not_make_it_live_longer(tmp_path):
    machine = Machine(tmp_path, used(3600.0))
    for _ in range(60):
        machine.reboot(40)
    assert machine.ended


def test_days_switched_off_are_not_its_life(tmp_path):
    machine = Machine(tmp_path, used())
    machine.wait(600).reboot(3 * 86400)
    assert machine.age_s == 600 + REBOOT_S


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-2e9, 2e9), st.booleans()), max_size=20))
def test_age_never_goes_back_and_never_outruns_the_kernels_clock_by_more_than_reboots(looks):
    state, boot, booted_s, wall_s, most = {}, 0, 20.0, 1.7e9, 0.0
    for passed_s, jump_s, reboot in looks:
        boot, booted_s = (boot + 1, 20.0) if reboot else (boot, booted_s + passed_s)
        wall_s += passed_s + jump_s
        most += REBOOT_S if reboot else passed_s
        now = Now(str(boot), booted_s, wall_s)
        before = state.get("age_s", 0.0)
        assert counted(state, now) >= before
        state = step(state, now, NOTHING, booted=reboot)
        assert state["age_s"] <= most + 1e-3


def test_unused_it_ends_and_a_request_puts_that_off(machine):
    machine.wait(60, answering(1)).wait(3000, answering(1)).wait(60, answering(2))
    machine.wait(3540, answering(2))
    assert not machine.ended
    machine.wait(60, answering(2))
    assert (machine.ended, machine.why) == (True, "nobody uses it")


def test_requests_in_flight_are_use_but_not_for_ever(machine):
    machine.wait(60, answering(1)).wait(IN_FLIGHT_S, answering(1, in_flight=True))
    assert machine.left_s == 3600
    machine.wait(3600 + 60, answering(1, in_flight=True))
    assert machine.ended, "a gauge that nobody sets back keeps it for an hour, not for ever"


def test_an_engine_that_begins_anew_is_no_request(machine):
    machine.wait(120, answering(500)).wait(60, answering(0))
    assert machine.left_s == 3480
    machine.wait(60, answering(3))
    assert machine.left_s == 3600


def test_who_only_asks_how_it_does_does_not_use_it(machine):
    machine.wait(60, answering(2, probes=1))
    for asked in range(1, 60):
        machine.wait(60, answering(2 + 2 * asked, probes=1 + asked))
    assert machine.left_s == 60
    machine.wait(60, answering(2 + 2 * 60 + 5, probes=61))
    assert machine.left_s == 3600, "a request between two probes is one"


def test_a_look_between_a_probe_and_what_it_adds_takes_neither_for_use(machine):
    machine.wait(60, answering(2, probes=1))
    for asked in range(1, 60):
        machine.wait(30, answering(2 * asked, probes=1 + asked, in_flight=True), every=30)
        machine.wait(30, answering(2 + 2 * asked, probes=1 + asked), every=30)
    assert machine.left_s == 60


def test_nor_after_its_engine_began_anew(machine):
    machine.wait(60, answering(500, probes=3)).wait(60, answering(2, probes=4))
    assert machine.left_s == 3540
    machine.wait(60, answering(1, probes=4)).wait(60, answering(4, probes=0))
    assert machine.left_s == 3600, "nobody has probed it since"


def test_where_nothing_was_ever_deployed_it_is_unused_too(machine):
    machine.wait(3600 + 1740)
    assert not machine.ended, "whoever prepares it has half an hour more"
    machine.wait(60)
    assert machine.ended


def test_whoever_brings_a_release_uses_it_and_loading_has_its_time(machine):
    machine.wait(7200, WORK).wait(5340)
    assert not machine.ended
    machine.wait(60, answering(0))
    assert machine.left_s == 3600, "it counts from the engine's first answer"


def test_an_engine_that_never_answers_does_not_keep_it(machine):
    machine.wait(60, WORK).wait(5400)
    assert machine.ended


def test_one_that_comes_and_goes_is_no_use(machine):
    machine.wait(60, answering(0))
    for _ in range(30):
        machine.wait(60, NOTHING).wait(60, answering(0))
    assert machine.ended


def test_after_a_reboot_an_engine_has_its_time_to_load(machine):
    machine.wait(60, answering(5)).wait(3000, answering(5)).reboot(30)
    machine.wait(1800)
    assert not machine.ended
    machine.wait(60, answering(0))
    assert machine.left_s == 3600


def test_to_extend_is_to_use(machine):
    machine.wait(60, answering(1)).wait(3000, answering(1))
    machine.limits = {**LIMITS, "used_at_s": machine.age_s}
    machine.wait(3540, answering(1))
    assert not machine.ended


def test_none_is_for_ever(tmp_path):
    machine = Machine(tmp_path, {**LIMITS, "ttl_s": None, "idle_s": None})
    machine.wait(10 * 86400, every=3600)
    assert (machine.left_s, machine.why) == (math.inf, "")


def test_it_warns_a_quarter_of_an_hour_before_and_five_minutes_before(tmp_path):
    machine = Machine(tmp_path, used(3600.0))
    warned = [machine.look().left_s for _ in range(60) if machine.wait(60).warned]
    assert warned == [900.0, 300.0]


def test_it_warns_again_once_its_end_was_moved(tmp_path):
    machine = Machine(tmp_path, used(1200.0))
    machine.wait(300)
    assert machine.warned
    machine.limits = used(3600.0)
    machine.wait(60)
    machine.wait(2340)
    assert machine.warned


def test_one_that_ended_itself_and_was_switched_on_again_has_time_to_be_extended(machine):
    machine.wait(28800, WORK)
    assert machine.ended
    machine.reboot(3600)
    assert machine.left_s == AGAIN_S
    machine.wait(AGAIN_S)
    assert machine.ended


def test_what_memory_and_disk_know_is_enough_each(machine):
    machine.wait(600)
    (machine.root / expire.KEPT).write_text("{ cut off")
    assert machine.wait(60).age_s == 660
    (machine.root / expire.VOLATILE).unlink()
    assert machine.wait(60).age_s == 720


def test_a_disk_that_takes_nothing_stops_no_clock(tmp_path, capsys):
    (tmp_path / "var").write_text("no folder")
    machine = Machine(tmp_path, used(600.0))
    machine.wait(600)
    assert machine.ended
    assert "var/lib/zephyr-deploy/expiry.json cannot be written" in capsys.readouterr().out


class Engine(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *words):
        pass


@contextmanager
def engine(root, text, release="r1"):
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        server.text = text
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        path = root / f"opt/zephyr-deploy/zephyr/ports/{release}.env"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"ZEPHYR_PORT={server.server_port}\nZEPHYR_PORT_1=1\n")
        yield str(server.server_port)
        server.shutdown()


def test_engines_are_asked_where_the_nodes_program_writes_their_ports(tmp_path):
    text = '# TYPE n_total counter\nn_total{model="a"} 2\nn_total{model="b"} 3\nother_total 9\nrunning NaN\n'
    with engine(tmp_path, text) as port:
        found = Seen(at_work=False, totals={port: 5.0}, in_flight=False, probes={port: 0})
        assert look(tmp_path, LIMITS) == found
        (tmp_path / "run").mkdir()
        (tmp_path / f"{expire.PROBES}{port}").write_text("...")
        assert look(tmp_path, LIMITS) == found._replace(probes={port: 3})
    assert look(tmp_path, LIMITS) == NOTHING, "one that does not answer says nothing"


def test_a_gauge_tells_of_requests_in_flight(tmp_path):
    with engine(tmp_path, "running 1\n"):
        assert look(tmp_path, LIMITS).in_flight


@pytest.mark.parametrize("text", ["", "ZEPHYR_PORT=", "nonsense", "ZEPHYR_PORT=x"])
def test_a_file_of_ports_that_is_none_is_passed_over(tmp_path, text):
    path = tmp_path / "opt/zephyr-deploy/zephyr/ports/r1.env"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert look(tmp_path, LIMITS) == NOTHING


def test_a_lock_that_is_held_is_work_and_looking_does_not_take_it(tmp_path):
    path = tmp_path / "opt/zephyr-deploy/zephyr/lock"
    path.parent.mkdir(parents=True)
    with path.open("w") as lock:
        assert not look(tmp_path, LIMITS).at_work
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert look(tmp_path, LIMITS).at_work


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """What is called instead of `systemctl` and `wall`: programs that write down their words."""
    folder, record = tmp_path / "bin", tmp_path / "record"
    folder.mkdir()
    for name in ("systemctl", "wall"):
        (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{record}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return lambda: record.read_text().splitlines() if record.exists() else []


def limits_in(root, **changes):
    expire.write(root / expire.LIMITS, {**LIMITS, **changes})


def test_it_powers_the_machine_off_and_says_why(tmp_path, programs, capsys):
    limits_in(tmp_path, ttl_s=0.0)
    assert expire.main(tmp_path) == 0
    assert programs() == ["wall This machine ends now: its time limit.", "systemctl poweroff"]
    assert capsys.readouterr().out == "This machine ends now: its time limit.\n"


def test_it_warns_whoever_is_logged_in(tmp_path, programs):
    limits_in(tmp_path, ttl_s=290.0)
    assert expire.main(tmp_path) == 0
    assert programs() == ["wall This machine ends in 5 min: its time limit. From your own: zephyr-deploy extend"]
    assert expire.main(tmp_path) == 0
    assert len(programs()) == 1


def test_a_terminal_that_takes_nothing_does_not_hold_the_end_up(tmp_path, programs, monkeypatch):
    (tmp_path / "bin/wall").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(expire, "CALL_S", 0.2)
    limits_in(tmp_path, ttl_s=0.0)
    assert expire.main(tmp_path) == 0
    assert programs() == ["systemctl poweroff"]


def test_a_system_that_does_not_obey_is_forced(tmp_path, programs):
    with (tmp_path / "bin/systemctl").open("a") as program:
        program.write('[ "$#" -ge 3 ]\n')
    limits_in(tmp_path, ttl_s=0.0)
    assert expire.main(tmp_path) == 0
    assert programs()[1:] == ["systemctl poweroff", "systemctl poweroff --force", "systemctl poweroff --force --force"]


def test_who_does_not_answer_does_not_hold_the_end_up(tmp_path, programs, monkeypatch):
    monkeypatch.setattr(expire, "look", lambda *_: pytest.fail("somebody was asked"))
    limits_in(tmp_path, ttl_s=0.0)
    assert expire.main(tmp_path) == 0
    assert programs()[-1] == "systemctl poweroff"


def test_without_limits_it_fails_and_ends_nothing(tmp_path, programs, capsys):
    assert expire.main(tmp_path) == 1
    assert programs() == []
    assert "does not end itself" in capsys.readouterr().out


def test_the_state_is_plain(machine):
    assert json.loads((machine.root / expire.KEPT).read_text()) == expire.known(machine.root)
    assert end(expire.known(machine.root), {}) == (math.inf, "")
