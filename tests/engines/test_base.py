import re

from zephyr_deploy.engines.base import LogCause, diagnose

FIRST = LogCause(re.compile("disk full"), "first", "fix 1")
SECOND = LogCause(re.compile("crashed"), "second", "fix 2")


def test_the_order_of_causes_decides_not_the_order_of_lines():
    found = diagnose([FIRST, SECOND], ["it crashed", "  disk full on /data  "])
    assert found is not None
    assert (found.cause, found.fix, found.line) == ("first", "fix 1", "disk full on /data")


def test_the_first_matching_line_is_shown():
    found = diagnose([SECOND], ["fine", "crashed (1)", "crashed (2)"])
    assert found is not None
    assert found.line == "crashed (1)"


def test_no_cause_no_diagnosis():
    assert diagnose([FIRST, SECOND], ["all is well"]) is None
    assert diagnose([FIRST], []) is None
