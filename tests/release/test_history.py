"""What a node remembers of its releases, as it is shown."""

from __future__ import annotations

from zephyr_deploy.release.history import read_history

ANN = {"user": "ann", "machine": "laptop", "command": "redeploy"}


def event(at, release, event="active", **facts):
    return {"at": at, "release": release, "event": event, "who": ANN, **facts}


def figures(at, release, tokens_per_s):
    level = {
        "concurrency": 4,
        "requests": 20,
        "succeeded": 19,
        "output_tokens_per_s": tokens_per_s,
        "ttft_p50_ms": 120.0,
        "itl_p50_ms": None,
    }
    return {"at": at, "release": release, "who": ANN, "levels": [level]}


def read(history, measured=(), current="aaa", here=("aaa", "bbb"), trial=False):
    answer = {"current": current, "trial": trial, "here": list(here), "history": history, "measured": list(measured)}
    return read_history(answer)


def test_what_serves_is_on_trial_until_its_gate_has_judged_it():
    history = [event(1, "aaa"), event(2, "bbb", trial=True)]
    assert [entry.trial for entry in read(history, current="bbb", trial=True)] == [True, False]
    refused = [*history, event(3, "bbb", "refused", cause="too slow"), event(4, "aaa")]
    back, why, *_ = read(refused, [figures(3, "bbb", 1.0)])
    assert (back.current, back.trial) == (True, False)
    assert (why.event, why.cause, why.bench[0].output_tokens_per_s) == ("refused", "too slow", 1.0)


def test_newest_first_with_who_when_and_what():
    found = read(
        [event(1, "aaa"), event(2, "bbb", "failed", cause="no memory"), event(3, "ccc", changes=["x: 1 -> 2"])]
    )
    assert [entry.release for entry in found] == ["ccc", "bbb", "aaa"]
    assert [entry.current for entry in found] == [False, False, True]
    assert [entry.here for entry in found] == [False, True, True]
    assert (found[0].changes, found[1].cause, found[2].user) == (("x: 1 -> 2",), "no memory", "ann")


def test_the_last_figures_of_a_release_are_shown_whenever_it_served():
    history = [event(10, "aaa"), event(20, "bbb", "failed"), event(40, "ccc"), event(50, "aaa")]
    measured = [figures(15, "aaa", 1.0), figures(30, "aaa", 2.0), figures(45, "ccc", 3.0)]
    again, ccc, failed, first = read(history, measured)
    assert failed.bench == ()
    assert [(level.output_tokens_per_s, level.at.timestamp()) for level in first.bench] == [(2.0, 30)]
    assert again.bench == first.bench
    assert [(level.concurrency, level.succeeded, level.user) for level in ccc.bench] == [(4, 19, "ann")]
