"""What a verdict makes of the machines, and what is said of it."""

from __future__ import annotations

import pytest
from deploy.gate.nodes import ME, NAME, NEW, OLD, Machines

from zephyr_deploy.deploy.gate.judging import carry_out
from zephyr_deploy.deploy.gate.verdict import RefusedError, Verdict
from zephyr_deploy.errors import UnreachableError
from zephyr_deploy.events import Notice

HOW = {"name": NAME, "who": ME}
PASSED = Verdict(release=NEW, before=OLD, passed=True)
REFUSED = Verdict(release=NEW, before=OLD, passed=False, failures=("ttft_p99 with 4 at once is 900ms",))


def served(nodes):
    return [(node.store.current, bool(node.store.trial)) for node in nodes]


def warnings(fleet):
    return [event.message for event in fleet.events if isinstance(event, Notice) and event.level == "warning"]


def test_what_passed_is_kept_everywhere(tried, nodes, run):
    carry_out(tried, run, PASSED, HOW)
    assert served(nodes) == [(NEW, False)] * 2


def test_what_was_refused_is_taken_back_everywhere(tried, nodes, run):
    with pytest.raises(RefusedError) as caught:
        carry_out(tried, run, REFUSED, HOW)
    error = caught.value
    assert (error.exit_code, run.result) == (8, "rolled_back")
    assert error.message.endswith(f"ttft_p99 with 4 at once is 900ms. Release {OLD} serves again.")
    assert (error.details["serves"], error.details["result"]) == ({"gpu0": OLD, "gpu1": OLD}, "rolled_back")
    assert error.details["failures"] == list(REFUSED.failures)
    assert served(nodes) == [(OLD, False)] * 2


def test_a_machine_that_was_not_on_trial_is_left_alone(nodes, run):
    nodes[0].serve(NEW, OLD)
    with pytest.raises(RefusedError):
        carry_out(Machines(*nodes), run, REFUSED, HOW)
    assert (nodes[0].asked, nodes[1].asked) == (["judge"], [])


def test_what_another_run_has_brought_meanwhile_is_left_alone_and_told(tried, nodes, run):
    """The hold of this one was broken by force."""
    for node in nodes:
        node.serve("c" * 12)
    with pytest.raises(RefusedError, match="Another run has brought cccccccccccc meanwhile"):
        carry_out(tried, run, REFUSED, HOW)
    assert served(nodes) == [("c" * 12, False)] * 2


def test_a_machine_that_goes_away_meanwhile_is_waited_for(tried, nodes, run):
    nodes[0].gone = 1
    with pytest.raises(RefusedError, match="serves again"):
        carry_out(tried, run, REFUSED, HOW)
    assert tried.connected == 1
    assert served(nodes) == [(OLD, False)] * 2
    assert "gpu0 went away" in warnings(tried)[0]


@pytest.mark.parametrize("broken", [0, 1])
def test_a_way_back_that_fails_is_loud_and_says_what_serves_and_the_others_go_back(tried, nodes, run, broken):
    nodes[broken].broken = True
    with pytest.raises(RefusedError) as caught:
        carry_out(tried, run, REFUSED, HOW)
    assert caught.value.details["serves"] == {f"gpu{broken}": NEW, f"gpu{1 - broken}": OLD}
    assert f"gpu{broken}: {NEW}" in caught.value.message.partition("What serves now")[2]
    assert "it has no memory" in caught.value.message
    assert (run.result, caught.value.details["result"]) == ("unchanged", "failed")
    assert "The way back" in warnings(tried)[-1]
    assert served(nodes)[broken] == (NEW, True)


def test_nor_is_it_hidden_that_nobody_knows(tried, nodes, run):
    nodes[0].gone = nodes[1].gone = 9
    tried.lost = True
    with pytest.raises(RefusedError, match="What serves now: nobody knows"):
        carry_out(tried, run, REFUSED, HOW)


def test_where_nothing_served_before_nothing_does(nodes, run, monkeypatch):
    """As on a machine that was new among the others."""
    monkeypatch.setattr("zephyr_deploy.agent.judge.Judge._back_to", lambda self, _before: self.store.set_current(""))
    nodes[0].serve(NEW, "")
    with pytest.raises(RefusedError, match="Nothing served before"):
        carry_out(Machines(nodes[0]), run, REFUSED.model_copy(update={"before": ""}), HOW)


def test_that_it_passed_and_could_not_be_told_is_an_error_of_its_own(tried, nodes, run):
    nodes[0].gone = 2
    with pytest.raises(UnreachableError):
        carry_out(tried, run, PASSED, HOW)
    assert served(nodes) == [(NEW, True), (NEW, False)]
