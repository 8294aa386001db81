"""systemd's words on units."""

from zephyr_deploy.agent import units
from zephyr_deploy.agent.shell import Done


def systemd(monkeypatch, out):
    monkeypatch.setattr(units, "run", lambda _command: Done(0 if out else 1, out, ""))


def test_several_units_are_asked_for_at_once_and_told_apart(monkeypatch):
    systemd(monkeypatch, "ActiveState=active\nNRestarts=2\n\nActiveState=inactive\nNRestarts=0\n")
    first, second = units.show_all(["a.service", "b.service"])
    assert (first["ActiveState"], first["NRestarts"]) == ("active", "2")
    assert second["ActiveState"] == "inactive"


def test_where_systemd_does_not_answer_nothing_is_known_of_any(monkeypatch):
    systemd(monkeypatch, "")
    assert units.show_all(["a.service", "b.service"]) == [{}, {}]
    assert not units.active("a.service")
