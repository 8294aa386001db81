"""SIGTERM is Ctrl-C for the whole program: what is open is closed."""

from __future__ import annotations

import signal
import subprocess
import sys

PROGRAM = """
import sys, time
from zephyr_deploy.cli import main as program

def work(argv):
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("closing", flush=True)
        time.sleep(0.5)
        print("closed", flush=True)
        raise

program._call = lambda argv, call: work(argv)
program.run()
"""


LEAVES = """
import sys, time, types

def leave(tell):
    print("leaving", flush=True)
    time.sleep(0.5)
    print("left", flush=True)

sys.modules["zephyr_deploy.deploy.guests"] = types.SimpleNamespace(leave=leave)
"""
IGNORES = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
"""


def ended_by(*signals, before=""):
    """What the program says, and its exit code, when it gets these signals one after the other.

    Args:
        signals: Each, and how many lines more are to have been said before it is sent.
        before: What is done in its process first.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said = []
    for number, lines in signals:
        said += [process.stdout.readline() for _ in range(lines)]
        process.send_signal(number)
    try:
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    return "".join([*said, out]).split(), process.returncode, err


def test_it_closes_what_is_open_and_says_that_it_was_interrupted():
    said, code, err = ended_by((signal.SIGTERM, 1))
    assert (said, code) == (["ready", "closing", "closed"], 130)
    assert "Traceback" not in err


def test_what_is_being_closed_for_a_ctrl_c_is_closed_to_the_end():
    """A job of GitHub's that is cancelled gets SIGINT, and SIGTERM 7.5 s later."""
    said, code, _err = ended_by((signal.SIGINT, 1), (signal.SIGTERM, 1))
    assert (said, code) == (["ready", "closing", "closed"], 130)


def test_one_in_the_background_of_a_script_is_ended_too():
    """There SIGINT is ignored (POSIX, "Asynchronous Lists")."""
    said, code, _err = ended_by((signal.SIGTERM, 1), before=IGNORES)
    assert (said, code) == (["ready", "closing", "closed"], 130)


def test_a_guest_that_leaves_leaves_to_the_end():
    """SIGTERM comes while it takes back what let it in."""
    said, code, _err = ended_by((signal.SIGINT, 1), (signal.SIGTERM, 3), before=LEAVES)
    assert (said, code) == (["ready", "closing", "closed", "leaving", "left"], 130)
