import pytest

from zephyr_deploy.events import Notice, PhaseFinished, PhaseProgress, Phases, PhaseStarted


def heard(work):
    events = []
    phases = Phases(events.append)
    work(phases)
    return events, phases


def test_a_phase_is_started_told_of_and_timed():
    def work(phases):
        with phases.phase("model", "Model") as phase:
            phase.progress(1, 2, "bytes")

    events, phases = heard(work)
    assert events[:2] == [PhaseStarted("model", "Model"), PhaseProgress("model", 1, 2, "bytes")]
    assert isinstance(events[2], PhaseFinished)
    assert (events[2].outcome, phases.finished) == ("done", [events[2]])
    assert events[2].seconds >= 0


def test_a_phase_without_work_says_so():
    def work(phases):
        with phases.phase("start", "Start") as phase:
            phase.unchanged("already running")

    events, _ = heard(work)
    assert (events[-1].outcome, events[-1].detail) == ("unchanged", "already running")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failed_phase_is_timed_and_raised_on(error):
    events = []
    phases = Phases(events.append)
    with pytest.raises(error), phases.phase("start", "Start"):
        raise error
    assert events[-1].outcome == "failed"


def test_notices_have_a_level():
    events, _ = heard(lambda phases: (phases.notice("a"), phases.notice("b", warning=True)))
    assert events == [Notice("a", "info"), Notice("b", "warning")]
