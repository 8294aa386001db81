"""docs/cli.md says what the commands are now."""

from __future__ import annotations

from pathlib import Path

from zephyr_deploy.cli import main as program
from zephyr_deploy.cli.reference import reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == reference(), "make docs-reference"


def test_the_page_names_commands_options_and_codes():
    page = reference()
    for name in program.COMMANDS:
        assert f"### `zephyr-deploy {name}`" in page
    assert "| `--lines, -n` | `100` | How many lines to begin with. |" in page
    assert "| `[NAME]` |" in page
    assert "| 9 | `locked` | Someone else is at work on this deployment |" in page
    assert "$ zephyr-deploy logs -f" in page
