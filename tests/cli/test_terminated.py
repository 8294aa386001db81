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


def ended_by(*signals):
    """What the program says, and its exit code, when it gets these signals one after the other."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said = []
    for number in signals:
        said.append(process.stdout.readline())
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return "".join([*said, out]).split(), process.returncode, err


def test_it_closes_what_is_open_and_says_that_it_was_interrupted():
    said, code, err = ended_by(signal.SIGTERM)
    assert (said, code) == (["ready", "closing", "closed"], 130)
    assert "Traceback" not in err


def test_what_is_being_closed_for_a_ctrl_c_is_closed_to_the_end():
    """A job of GitHub's that is cancelled gets SIGINT, and SIGTERM 7.5 s later."""
    said, code, _err = ended_by(signal.SIGINT, signal.SIGTERM)
    assert (said, code) == (["ready", "closing", "closed"], 130)
