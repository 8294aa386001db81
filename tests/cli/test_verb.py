"""The decorator of every command."""

from __future__ import annotations

from typing import Annotated

import typer

from zephyr_deploy.cli.options import NameArg
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.verb import DEPLOY, FIX, Group, verb


def test_a_verb_knows_its_name_help_and_examples():
    @verb(panel=DEPLOY, examples=[("zephyr-deploy take-away", "Take it away")])
    def take_away(session: Session, name: NameArg = None, *, fast: bool = False) -> None:
        """Take it away.

        All of it.
        """

    assert take_away.name == "take-away"
    assert take_away.help == "Take it away.\n\nAll of it."
    assert take_away.examples == (("zephyr-deploy take-away", "Take it away"),)
    assert [parameter.name for parameter in take_away.parameters()] == ["name", "fast"]


def test_own_parameters_arrive_without_the_global_ones(probe):
    seen = {}

    def command(
        session: Session,
        first: str,
        *,
        many: Annotated[list[str] | None, typer.Option(help="Several.")] = None,
        count: int = 3,
    ) -> None:
        seen.update(first=first, many=many, count=count, mode=session.out.mode)

    ran = probe(command, "probe", "a", "--many", "b", "--many", "c", "-o", "quiet")

    assert (ran.code, ran.err) == (0, "")
    assert seen == {"first": "a", "many": ["b", "c"], "count": 3, "mode": "quiet"}


def test_brackets_in_examples_survive(monkeypatch, capsys):
    from zephyr_deploy.cli import main as program

    @verb(panel=FIX, examples=[("zephyr-deploy probe '[red]x[/red]'", "Show [it]")])
    def probe(session: Session) -> None:
        """Probe."""

    monkeypatch.setattr(program, "COMMANDS", ("probe",))
    monkeypatch.setattr(program, "load", lambda _name: probe)
    assert program.main(["probe", "--help"]) == 0
    page = capsys.readouterr().out
    assert "zephyr-deploy probe '[red]x[/red]'" in page
    assert "Show [it]" in page


@verb(panel=FIX, examples=[("zephyr-deploy things show", "Show")])
def show(session: Session) -> None:
    """Show it."""
    session.out.result("things", 1, table=lambda: "1", quiet="1")


def test_a_group(monkeypatch, capsys):
    from zephyr_deploy.cli import main as program

    group = Group("things", "About things.", FIX, (show,))
    monkeypatch.setattr(program, "COMMANDS", ("things",))
    monkeypatch.setattr(program, "load", lambda _name: group)

    assert program.main(["things", "show", "-o", "quiet"]) == 0
    assert capsys.readouterr().out == "1\n"
    assert program.main(["-o", "quiet", "things", "show"]) == 0
    assert capsys.readouterr().out == "1\n"

    assert program.main(["things"]) == 0
    alone = capsys.readouterr()
    assert "Show it." in alone.out
    assert alone.err == ""

    assert program.main(["things", "shwo"]) == 2
    assert "Did you mean 'show'?" in capsys.readouterr().err

    assert program.main(["--help"]) == 0
    assert "About things." in capsys.readouterr().out


def test_a_group_with_a_default(monkeypatch, capsys):
    from zephyr_deploy.cli import main as program

    @verb(panel=FIX, examples=[("zephyr-deploy things", "Make"), ("zephyr-deploy things --fast", "Make faster")])
    def make(session: Session, name: NameArg = None, *, fast: bool = False) -> None:
        """Make it."""
        session.out.result("things", 1, table=lambda: "", quiet=f"made {name} {fast}")

    group = Group("things", "About things.", FIX, (make, show), default="make")
    monkeypatch.setattr(program, "COMMANDS", ("things",))
    monkeypatch.setattr(program, "load", lambda _name: group)

    def said(*words: str) -> str:
        assert program.main(["-o", "quiet", "things", *words]) == 0
        return capsys.readouterr().out.rstrip()

    assert said() == "made None False"
    assert said("--fast") == "made None True"
    assert said("thing-1", "--fast") == "made thing-1 True"
    assert said("make", "show") == "made show False"
    assert said("show") == "1"

    assert program.main(["things", "--help"]) == 0
    page = capsys.readouterr().out
    assert "Make it." in page
    assert "Show it." in page
    assert "things make --help" in page
    assert "Make faster" in page
    assert program.main(["things", "--slow"]) == 2
    assert "--slow" in capsys.readouterr().err
