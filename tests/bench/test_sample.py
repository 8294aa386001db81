from __future__ import annotations

from zephyr_deploy.bench.sample import Events, Sample, TokenEvent


def test_columns_read_as_the_events_that_went_in():
    events = [TokenEvent(10, None, None), TokenEvent(20, 3, 0), TokenEvent(25, None, 7)]
    columns = Events(events)
    assert list(columns) == events
    assert (len(columns), columns[-1], list(columns.counts()), columns.lags_ns()) == (3, events[-1], [1, 3, 1], [0, 7])
    assert Sample(taken_ns=0, events=columns).tokens == 5
    assert not Events()
