"""docs/guides/plan.md, typed again: what it prints is what the page shows.

``RECORD_GUIDE=1 pytest tests/docs/test_plan_guide.py`` writes the page anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from docs.recording import ROOT, same_or_recorded

from zephyr_deploy.cli.main import main
from zephyr_deploy.plan.gpus import gpus

PAGE = ROOT / "docs" / "guides" / "plan.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


FIGURES = re.compile(r"\d|[█▓▒░·|]|--|[a-z]+-?\w* +\(?\d")
"""How lines begin that are figures alone, or a drawing: a new fit of the speed model changes them."""


def shape(printed, normal):
    """What was printed without the rows whose number and order hang on figures, and with all figures masked."""
    lines = [line for line in printed.splitlines() if not FIGURES.match(line.strip()) and " |" not in line]
    return normal(re.sub(r"(?<= )-(?=\d)", "", "\n".join(lines)))


def test_every_command_prints_what_the_page_shows(quickstart, tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    steps = quickstart.steps(PAGE.read_text())
    assert len(steps) == 6

    def typed(command):
        printed = quickstart.play(command, tmp_path, path, HF_HUB_OFFLINE="1").replace(str(tmp_path), "~")
        return "\n".join(line.rstrip() for line in printed.splitlines())

    played = [(step, typed(step.command)) for step in steps]
    if os.environ.get("RECORD_GUIDE"):
        same_or_recorded(quickstart, PAGE, played)
    for step, printed in played:
        assert shape(printed, quickstart.normal) == shape(step.output, quickstart.normal), step.command


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zephyr-deploy").mkdir()
    gpus.cache_clear()
    yield tmp_path / "zephyr-deploy"
    gpus.cache_clear()


def test_its_file_of_cards_and_prices_is_read(config, capsys):
    (text,) = blocks("toml")
    (config / "gpus.toml").write_text(text)
    assert main(["gpus", "a2"]) == 0
    assert "a2: 15356 MiB" in capsys.readouterr().err
    assert main(["plan", "--gpu", "4090", "--gpus", "2", "--offline"]) == 0
    assert "Price: $0.70 an hour (basement; your own word)." in capsys.readouterr().out
    assert main(["plan", "--gpu", "a2", "--quantize", "eetq", "--offline"]) == 0
    assert "on 1 x NVIDIA A2" in capsys.readouterr().out


def test_its_python_runs(capsys):
    (code,) = blocks("python")
    exec(compile(code, str(PAGE), "exec"), {})
    assert re.fullmatch(r"NVIDIA [^\n]+ [\d.]+ [\d.]+\n\[\(.*\)\]\n", capsys.readouterr().out)
