"""What every cloud's look at an account shares."""

from datetime import datetime, timedelta, timezone

import pytest

from zephyr_deploy.errors import AuthError, ThrottledError
from zephyr_deploy.providers.clouds.checks import clock, failed, leftovers, looked, ok
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import Resource

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=timezone.utc)


def thing(kind="instance", *, hours=1.0, bills=True, name="shop"):
    expires = NOW + timedelta(hours=hours) if hours else None
    stamp = Stamp(deployment=name, run="0123abcd", expires=expires)
    return Resource(provider="aws", kind=kind, id=f"{kind}-1", region="us-east-1", stamp=stamp, bills=bills)


@pytest.mark.parametrize(
    ("date", "verdict", "detail"),
    [
        ("Thu, 26 Nov 2026 12:00:59 GMT", "ok", "as AWS's"),
        ("Thu, 26 Nov 2026 11:58:00 GMT", "warning", "120 s ahead of AWS's"),
        ("Thu, 26 Nov 2026 12:10:00 GMT", "failed", "600 s behind AWS's"),
        ("", "warning", "AWS did not say its time"),
        ("soon", "warning", "AWS did not say its time"),
        ("Thu, 26 Nov 2026 12:00:00", "warning", "AWS did not say its time"),
    ],
)
def test_the_clock(date, verdict, detail):
    found = clock(date, "AWS", NOW)
    assert (found.verdict, found.detail) == (verdict, detail)
    assert bool(found.fix) is (verdict != "ok")


def test_what_is_in_use_is_not_left_over():
    assert leftovers([], NOW).detail == "none"
    found = leftovers([thing(), thing("key", bills=False, name="blog"), thing(hours=None)], NOW)
    assert (found.verdict, found.detail) == ("ok", "none; 3 things of blog, shop")


def test_what_is_past_its_time_is():
    found = leftovers([thing(), thing("volume", hours=-1)], NOW)
    assert found.verdict == "failed"
    assert found.detail == "past their time: volume volume-1 (aws us-east-1); 1 of them cost"
    assert found.fix == "zephyr-deploy gc --expired"
    assert leftovers([thing("key", hours=-1, bills=False)], NOW).verdict == "warning"
    assert leftovers([thing(hours=-1)] * 7, NOW).detail.endswith("and 2 more; 7 of them cost")


def test_one_look_that_fails_hides_no_other():
    def fails():
        raise AuthError("no", hint="Ask.")

    found = list(looked([("a", fails), ("b", lambda: ok("b", "fine"))]))
    assert [(one.name, one.verdict, one.detail, one.fix) for one in found] == [
        ("a", "failed", "no", "Ask."),
        ("b", "ok", "fine", ""),
    ]
    assert failed("a", AuthError("no")).fix
    assert failed("a", AuthError("no")).denied
    assert not failed("a", ThrottledError("no")).denied
