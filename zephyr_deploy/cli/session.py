"""What a command knows of how it was called."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.cli.options import MODES, Mode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from zephyr_deploy.cli.hints import Given
    from zephyr_deploy.cli.output import Output
    from zephyr_deploy.spec.deployment import Deployment, Notify
    from zephyr_deploy.spec.load import Loaded

_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True)
class GlobalOptions:
    """The options every command takes, before the verb or after it."""

    output: Mode | None = None
    yes: bool = False
    config: Path | None = None
    profile: str | None = None
    debug: bool = False
    rehearse: bool = False

    def over(self, other: GlobalOptions) -> GlobalOptions:
        """These where they were given, else the ``other`` ones."""
        return GlobalOptions(
            output=self.output or other.output,
            yes=self.yes or other.yes,
            config=self.config or other.config,
            profile=self.profile or other.profile,
            debug=self.debug or other.debug,
            rehearse=self.rehearse or other.rehearse,
        )


@dataclass
class Call:
    """One call of the program: what stood before the verb, which verb it was, and where it spoke."""

    before: GlobalOptions = field(default_factory=GlobalOptions)
    out: Output | None = None
    verb: str | None = None


@dataclass(frozen=True)
class Session:
    """What the decorator `verb` gives to a command: its way to speak, and the global options."""

    out: Output
    config: Path | None = None
    profile: str | None = None
    yes: bool = False
    debug: bool = False
    rehearse: bool = False
    """Whether ``--rehearse`` was given: hints are completed by it."""

    @classmethod
    def of(cls, options: GlobalOptions, environ: Mapping[str, str] = os.environ) -> Session:
        """From the options, and ``ZEPHYR_OUTPUT`` where ``--output`` was not given; a rehearsal begins here.

        Raises:
            UsageError: ``ZEPHYR_OUTPUT`` is not a mode.
            ConfigError: there is nothing to rehearse with.
        """
        from zephyr_deploy.cli.output import Output

        out = Output(options.output or _mode(environ.get("ZEPHYR_OUTPUT")), yes=options.yes)
        if options.rehearse or environ.get("ZEPHYR_REHEARSE", "").lower() in _TRUE:
            from zephyr_deploy.deploy.rehearse import begin

            begin()
            out.rehearsing()
        debug = debugging(environ, flag=options.debug)
        return cls(out, options.config, options.profile, options.yes, debug, options.rehearse)

    def load(self, flags: Mapping[str, object] | None = None) -> Loaded:
        """What the user wants: flags over environment over profile over zephyr.toml.

        Args:
            flags: Values of the command's own flags by dotted key, e.g. ``{"model.id": "…"}``; None: not given.

        Raises:
            ConfigError: it is unknown, contradictory or impossible.
        """
        from zephyr_deploy.spec.load import load

        given = {key: value for key, value in (flags or {}).items() if value is not None}
        return load(config=self.config, profile=self.profile, flags=given)

    def surrounding(self, wish: Deployment | None = None, *, skip_hooks: bool) -> AbstractContextManager[None]:
        """Let the verb that the body calls find what the zephyr.toml in use has beside a wish.

        Args:
            wish: What was read from it, where the verb is told of it.
            skip_hooks: Whether it is to find no hooks.
        """
        from zephyr_deploy.deploy.surroundings import Surroundings, surrounded

        path, notify = self._file(), wish.notify if wish else self._notify()
        folder = path.resolve().parent if path else None
        return surrounded(Surroundings(folder=folder, hooks=not skip_hooks, notify=notify))

    def _file(self) -> Path | None:
        """The zephyr.toml in use; None where none can be found, be it because the working directory is gone."""
        from pathlib import Path

        from zephyr_deploy.errors import ConfigError
        from zephyr_deploy.spec.load import config_path

        try:
            return config_path(self.config, os.environ, Path.cwd())
        except (ConfigError, FileNotFoundError):
            return None

    def _notify(self) -> Notify:
        """Whom the user's file names; a file that cannot be read must not keep a verb that does without it."""
        from zephyr_deploy.errors import ConfigError
        from zephyr_deploy.spec.deployment import Notify

        try:
            return self.load().deployment.notify
        except (ConfigError, FileNotFoundError) as error:
            self.out.warn(f"Nobody will be told how this ends, for whom to tell cannot be read: {error}")
            return Notify()

    def given(self, name: str | None) -> Given:
        """What the next command must be given too, where this one was given a ``name``."""
        from zephyr_deploy.cli.hints import Given

        return Given(name, str(self.config) if self.config else None, self.profile, self.rehearse)

    def name(self, given: str | None) -> str:
        """The deployment that is meant: the one given, else the one that the user's file names.

        Raises:
            ConfigError: what was given is no name, for instance empty, as ``"$NAME"`` is where nothing was set.
        """
        if given is None:
            return self.load().deployment.name
        from zephyr_deploy.paths import checked_name

        return checked_name(given)


def debugging(environ: Mapping[str, str], *, flag: bool) -> bool:
    """Whether the user wants tracebacks."""
    return flag or environ.get("ZEPHYR_DEBUG", "").lower() in _TRUE


def _mode(text: str | None) -> Mode:
    if not text:
        return "table"
    for mode in MODES:
        if text == mode:
            return mode
    from zephyr_deploy.errors import UsageError

    raise UsageError(f"ZEPHYR_OUTPUT={text} is unknown.", hint="Write table, json or quiet.")
