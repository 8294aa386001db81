"""The decorator of every command: it adds the global options, the examples and the session.

::

    @verb(panel=LOOK, examples=[("zephyr-deploy ls", "Everything that runs")])
    def ls(session: Session) -> None: ...

Typer sees the function without its first parameter and with the global options behind its own, so that
``zephyr-deploy ls -o json`` and ``zephyr-deploy -o json ls`` mean the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

import typer
from typer.core import TyperGroup

from zephyr_deploy.cli.options import ConfigOpt, DebugOpt, OutputOpt, ProfileOpt, RehearseOpt, YesOpt
from zephyr_deploy.cli.session import Call, GlobalOptions, Session

DEPLOY = "Deploy"
LOOK = "Look"
COST = "Cost"
FIX = "Fix"

Example = tuple[str, str]
"""What to type, and what it does."""

_P = ParamSpec("_P")


@dataclass(frozen=True)
class Verb:
    """A command: the function behind it and how it is shown. Call `run` to use it without Typer."""

    run: Callable[..., None]
    panel: str
    examples: tuple[Example, ...]

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.run.__name__.rstrip("_").replace("_", "-")

    @property
    def help(self) -> str:
        """The function's own words."""
        return inspect.getdoc(self.run) or ""

    def parameters(self) -> list[inspect.Parameter]:
        """Its own arguments and options, without the global ones."""
        return parameters(self.run)[1:]

    def list_in(self, app: typer.Typer) -> None:
        """Register name and help alone, which is all that a list of commands shows."""
        app.command(self.name, help=self.help, rich_help_panel=self.panel)(_listed_only)

    def add_to(self, app: typer.Typer) -> None:
        """Register the whole command."""
        app.command(self.name, help=self.help, epilog=epilog(self.examples), rich_help_panel=self.panel)(self._entry())

    def _entry(self) -> Callable[..., None]:
        def entry(context: typer.Context, **values: Any) -> None:
            options = GlobalOptions(**{name: values.pop(name) for name in GlobalOptions.__dataclass_fields__})
            call = context.ensure_object(Call)
            session = Session.of(options.over(call.before))
            call.out, call.verb = session.out, self.name
            call.out.given = session.given(values.get("name"))
            self.run(session, **values)

        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        shown = [context, *self.parameters(), *parameters(global_options)]
        entry.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        entry.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
        return entry


@dataclass(frozen=True)
class Group:
    """A command that has commands of its own, e.g. ``config``."""

    name: str
    help: str
    panel: str
    verbs: tuple[Verb, ...]
    default: str = ""
    """Which of them is meant where none is named, as in ``lock --check``; empty: the help is."""

    def list_in(self, app: typer.Typer) -> None:
        """Register name and help alone."""
        app.command(self.name, help=self.help, rich_help_panel=self.panel)(_listed_only)

    def add_to(self, app: typer.Typer) -> None:
        """Register the group with all its commands; without a default it shows its help when it stands alone."""
        kind = _meaning(self.default) if self.default else TyperGroup
        group = typer.Typer(cls=kind, help=self._whole_help, epilog=epilog(self._examples))
        group.callback(invoke_without_command=True)(_help_if_alone)
        for command in self.verbs:
            command.add_to(group)
        app.add_typer(group, name=self.name, rich_help_panel=self.panel)

    @property
    def _whole_help(self) -> str:
        options = f"zephyr-deploy {self.name} {self.default} --help"
        return (
            f"{self.help}\n\nWithout a command: {self.default}. Its options: {options}" if self.default else self.help
        )

    @property
    def _examples(self) -> list[Example]:
        """The first of each command, and all of the one that is meant where none is named."""
        return [e for verb in self.verbs for e in (verb.examples if verb.name == self.default else verb.examples[:1])]


def verb(*, panel: str, examples: Sequence[Example]) -> Callable[[Callable[Concatenate[Session, _P], None]], Verb]:
    """Make a command of a function whose first parameter is the session.

    Args:
        panel: Where ``--help`` lists it: `DEPLOY`, `LOOK`, `COST` or `FIX`.
        examples: Shown in the command's help; a test parses each.
    """

    def decorate(function: Callable[Concatenate[Session, _P], None]) -> Verb:
        return Verb(function, panel, tuple(examples))

    return decorate


def epilog(examples: Sequence[Example]) -> str:
    """The examples as help shows them; rich reads ``[`` as markup."""
    lines = [f"  {command}\n      {what}" for command, what in examples]
    return "\n".join(["Examples:", *lines]).replace("[", r"\[")


def global_options(
    *,
    output: OutputOpt = None,
    yes: YesOpt = False,
    config: ConfigOpt = None,
    profile: ProfileOpt = None,
    debug: DebugOpt = False,
    rehearse: RehearseOpt = False,
) -> GlobalOptions:
    """Carry the signature of the global options, which every command takes."""
    return GlobalOptions(output, yes, config, profile, debug, rehearse)


def parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    """The parameters of ``function`` with their annotations read."""
    # not typing.get_type_hints: until Python 3.11 it wraps `Annotated[...] = None` in Optional, and Typer loses it
    hints = inspect.get_annotations(function, eval_str=True)
    return [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in inspect.signature(function).parameters.values()
    ]


def _meaning(default: str) -> type[TyperGroup]:
    """A group that takes words which begin with none of its commands for those of its ``default``.

    So a first argument that is called like one of them has to be given to the default by its name.
    """

    class Meaning(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            own = {*self.commands, *ctx.help_option_names}
            named = args[0] in own if args else ctx.resilient_parsing  # a shell that completes asks for all of them
            return super().parse_args(ctx, args if named else [default, *args])

    return Meaning


def _help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _listed_only() -> None:
    """Stand for a command that is listed and never run."""
