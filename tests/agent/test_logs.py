"""The choice of lines on a node, and the reading of a journal that a script stands for.

`journalctl` here prints lines from a file and notes its arguments; it leaves out all filtering, which real nodes do in
tests/lab.
"""

from __future__ import annotations

import json
import time

import pytest

from zephyr_deploy.agent import layout
from zephyr_deploy.agent.errors import GoneError, NodeError
from zephyr_deploy.agent.logs import Entry, Picker, logs
from zephyr_deploy.agent.store import Store
from zephyr_deploy.release.request import milestones

TGI = milestones()["tgi"]
SCRIPT = """#!/bin/sh
echo "$@" >> "$JOURNAL.asked"
case "$*" in
    *--show-cursor*) echo "-- cursor: end" ;;
    *) cat "$JOURNAL"; : > "$JOURNAL" ;;
esac
"""


def picked(texts, invocation="a", **wish):
    picker = Picker(milestones=TGI, **wish)
    return [text for text in texts if picker.wants(Entry(text, invocation=invocation))]


def test_a_pattern_chooses_lines():
    assert picked(["a ERROR b", "INFO", "WARN"], grep="ERROR|WARN") == ["a ERROR b", "WARN"]


def test_a_pattern_that_is_none_is_told():
    with pytest.raises(NodeError, match=r"'a\(' is no regular expression"):
        Picker(grep="a(")


def test_a_pattern_is_tried_on_the_beginning_of_a_line_alone():
    start = time.monotonic()
    assert picked(["a" * 1_000_000 + "b"], grep="b$") == []
    assert time.monotonic() - start < 1


def test_a_phase_chooses_lines_and_unknown_ones_are_told_with_those_that_there_are():
    start = [
        "Args {",
        "Starting check and download process for m",
        "Download: [1/8]",
        "Successfully downloaded weights for m",
    ]
    assert picked(start, phase="download") == start[2:]
    with pytest.raises(NodeError, match="no phase warmup") as caught:
        Picker(phase="warmup", milestones=TGI)
    assert "warm-up, connect, serve" in caught.value.hint


def test_a_phase_begins_again_with_every_start_of_the_unit():
    picker = Picker(phase="serve", milestones=TGI)
    assert not picker.wants(Entry("Connected", invocation="a"))
    assert picker.wants(Entry("POST", invocation="a"))
    assert not picker.wants(Entry("Args {", invocation="b"))


class Report:
    """Keeps what is sent; somebody listens for ``polls`` polls."""

    def __init__(self, polls=10**6):
        self.lines, self._polls = [], polls

    def send(self, _event, line):
        self.lines.append(line)

    def check(self):
        self._polls -= 1
        if self._polls < 0:
            raise GoneError


@pytest.fixture
def node(tmp_path, monkeypatch):
    """The folders of a node with one deployment of one release, and a journal that a test writes."""
    for name in ("ROOT", "RUN", "UNITS"):
        monkeypatch.setattr(layout, name, tmp_path / name.lower())
    monkeypatch.setattr("zephyr_deploy.agent.units.UNITS", tmp_path / "units")
    monkeypatch.setattr("zephyr_deploy.agent.logs.POLL_S", 0.01)
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "journalctl").write_text(SCRIPT)
    (tmp_path / "bin" / "journalctl").chmod(0o755)
    store = Store(layout.Layout("demo"))
    store.write_release("0" * 12, {"release.json": json.dumps({"engine": "tgi"})})
    store.set_current("0" * 12)
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / f"zephyr-demo@{'0' * 12}.service").touch()
    return tmp_path


def write(node, *texts, at=1_800_000_000):
    entries = [
        {
            "MESSAGE": text,
            "__CURSOR": f"c{n}",
            "__REALTIME_TIMESTAMP": str((at + n) * 10**6),
            "_SYSTEMD_INVOCATION_ID": "i",
        }
        for n, text in enumerate(texts)
    ]
    (node / "journal").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def asked(node):
    return (node / "journal.asked").read_text().splitlines()


def ask(report, **wish):
    return logs({"name": "demo", "lines": 100, "milestones": milestones(), **wish}, report)


def test_the_last_lines_without_a_choice_are_all_that_is_read(node):
    write(node, "a", "b")
    report = Report()
    ask(report, lines=2)
    assert report.lines == ["a", "b"]
    assert f"--lines=2 _SYSTEMD_UNIT=zephyr-demo@{'0' * 12}.service" in asked(node)[-1]


def test_a_choice_is_made_here_and_the_last_that_were_chosen_are_sent(node):
    write(node, "x1", "y", "x2", "x3")
    report = Report()
    ask(report, lines=2, grep="x", since=1_800_000_000.0)
    assert report.lines == ["x2", "x3"]
    assert "--since=@1800000000.000" in asked(node)[-1]
    assert "--lines" not in asked(node)[-1]


def test_since_is_by_the_clock_of_who_asks(node, monkeypatch):
    """Three hours ahead of the one here."""
    write(node, "x1", "x2")
    report = Report()
    monkeypatch.setattr(time, "time", lambda: 1_800_000_002.0)
    ask(report, since=1_800_000_001.5 + 3 * 3600, now=1_800_000_002.0 + 3 * 3600)
    assert "--since=@1800000001.500" in asked(node)[-1]


def test_a_phase_is_known_from_the_lines_before_since(node):
    write(node, "Args {", "Connected", "POST 1", "POST 2")
    report = Report()
    ask(report, phase="serve", since=1_800_000_003.0)
    assert report.lines == ["POST 2"]
    assert "--since" not in asked(node)[-1]


@pytest.mark.parametrize(("source", "unit"), [("gateway", "zephyr-demo-gateway.service"), ("docker", "docker.service")])
def test_other_sources(node, source, unit):
    write(node, "a")
    ask(Report(), source=source)
    assert asked(node)[-1].endswith(f"_SYSTEMD_UNIT={unit}")


def test_following_goes_on_over_a_redeploy_and_ends_when_all_is_gone(node):
    new = node / "units" / f"zephyr-demo@{'1' * 12}.service"
    report = Report()
    sent = report.send

    def send(event, line):
        sent(event, line)
        if line == "old":
            new.touch()
            (node / "units" / f"zephyr-demo@{'0' * 12}.service").unlink()
            write(node, "new")
        else:
            new.unlink()

    report.send = send
    write(node, "old")
    ask(report, follow=True)
    assert report.lines == ["old", "new"]
    assert any("zephyr-demo@111111111111.service" in line and "--after-cursor=c0" in line for line in asked(node))


def test_following_ends_when_nobody_listens(node):
    write(node)
    with pytest.raises(GoneError):
        ask(Report(polls=3), follow=True, lines=0)


def test_nothing_deployed_has_no_log(node):
    with pytest.raises(NodeError, match="no log of other") as caught:
        ask(Report(), name="other")
    assert caught.value.kind == "not_deployed"
