from __future__ import annotations

from array import array
from itertools import chain

import pytest

from zephyr_deploy.bench.asks import Turn
from zephyr_deploy.bench.load.plan import Course
from zephyr_deploy.bench.processes.share import Share, dealt, processes_for
from zephyr_deploy.bench.sample import Sample


@pytest.mark.parametrize("of", [1, 2, 3, 7])
@pytest.mark.parametrize("whole", [0, 1, 5, 256])
def test_the_shares_make_the_whole(whole, of):
    shares = [Share(index, of) for index in range(of)]
    dealt = [list(share.deal(range(whole))) for share in shares]
    assert sorted(chain.from_iterable(dealt)) == list(range(whole))
    assert sum(share.part(whole) for share in shares) == whole
    assert [len(one) for one in dealt] == [share.part(whole) for share in shares]


def test_conversations_are_numbered_among_all():
    share, samples = Share(1, 3), [Sample(0, conversation=n) for n in range(3)]
    share.renumber(samples)
    assert [sample.conversation for sample in samples] == list(share.deal(range(9)))


def test_a_course_is_dealt_out():
    course = Course(iter("abcde"), workers=3, starts_ns=array("q", [0, 10, 20, 30, 40]), total=5)
    part = dealt(course, Share(1, 2))
    assert (list(part.conversations), part.workers, list(part.starts_ns)) == (["b", "d"], 1, [10, 30])


def closed(workers):
    return Course(iter(()), workers=workers)


def timetable(requests, seconds):
    return Course(iter(()), starts_ns=array("q", (int(n * seconds * 1e9 / requests) for n in range(requests + 1))))


@pytest.mark.parametrize(
    ("course", "others", "processes"),
    [
        (closed(1), 1.0, 1),
        (closed(512), 0.0, 1),
        (closed(513), 0.0, 2),
        (closed(512), 0.5, 2),
        (closed(256), 0.5, 1),
        (closed(4096), 0.0, 4),
        (timetable(3900, 10), 0.0, 1),
        (timetable(3920, 10), 0.0, 2),
        (timetable(100, 0.01), 0.0, 1),
    ],
)
def test_as_many_processes_as_it_takes(course, others, processes):
    assert processes_for(course, [(Turn("", 32), Turn("", 32))], cores=4, others=others) == processes


def test_never_more_than_there_are_cores():
    assert processes_for(closed(4096), [], cores=2, others=0.9) == 2
