"""Work beside other work."""

import subprocess
import sys
import threading

import pytest

from zephyr_deploy.agent.beside import Beside


def test_works_go_on_side_by_side():
    meet = threading.Barrier(2, timeout=30)
    first, second = Beside(meet.wait), Beside(meet.wait)
    assert {first.result, second.result} == {0, 1}


def test_what_it_raised_is_raised_where_it_is_asked_for():
    def fail():
        raise ValueError("no")

    work = Beside(fail)
    with pytest.raises(ValueError, match="no"):
        _ = work.result


def test_nobody_waits_for_what_is_not_asked_for():
    code = "from zephyr_deploy.agent.beside import Beside; import threading; Beside(threading.Event().wait)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
