"""Finding an engine for the lab, and saying what is missing."""

import pytest
from lab import engine
from lab.docker import LabUnavailableError


def test_without_an_engine_and_without_root_the_reason_says_so(monkeypatch):
    monkeypatch.setattr(engine, "_answers", lambda _: False)
    monkeypatch.setattr(engine.os, "geteuid", lambda: 1000)
    with pytest.raises(LabUnavailableError, match="only root can start one"):
        engine.find_engine()


def test_what_must_be_installed_is_named(monkeypatch):
    monkeypatch.setattr(engine, "_answers", lambda _: False)
    monkeypatch.setattr(engine.os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine.shutil, "which", lambda _: None)
    with pytest.raises(LabUnavailableError, match=r"install docker\.io iptables$"):
        engine.find_engine()
