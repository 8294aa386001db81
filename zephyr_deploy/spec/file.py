"""Reads zephyr.toml: finds it, keeps the line of every key, and refuses keys that nobody knows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.keys import KEYS, SECTIONS, nearest, nearest_key
from zephyr_deploy.spec.lines import Lines, lines_of
from zephyr_deploy.spec.origin import Given, Layer, LayerName, Origin, Problem
from zephyr_deploy.spec.types import names_a_path
from zephyr_deploy.spec.values import SOURCES, show

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_NAME = "zephyr.toml"
PROFILES = "profile"


def find_config(cwd: Path, home: Path | None) -> Path | None:
    """The nearest zephyr.toml: in ``cwd``, then in its parents up to the root of the repository, or to home.

    Outside of both only ``cwd`` itself is looked at: a parent such as /tmp may belong to somebody else.
    """
    folders = [cwd, *cwd.parents]
    last = next((folder for folder in folders if folder == home or (folder / ".git").exists()), cwd)
    for folder in folders[: folders.index(last) + 1]:
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


@dataclass(frozen=True)
class ConfigFile:
    """One file as it was written: nothing in it is checked yet but its syntax."""

    path: Path
    shown: str
    """The path as messages have it."""
    content: Mapping[str, object]
    lines: Lines

    @classmethod
    def read(cls, path: Path, shown: str) -> ConfigFile:
        """Read and parse one file.

        Raises:
            ConfigError: there is no such file, it cannot be read, or it is no TOML.
        """
        try:
            text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
            return cls(path, shown, tomllib.loads(text), lines_of(text))
        except FileNotFoundError:
            raise ConfigError(f"there is no file {shown}.", hint="zephyr-deploy init writes one.") from None
        except OSError as error:
            raise ConfigError(f"{shown} cannot be read: {error.strerror}.", hint=f"ls -ld {shown}") from None
        except UnicodeDecodeError as error:
            raise ConfigError(f"{shown} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from None
        except (ValueError, RecursionError) as error:  # TOMLDecodeError, and numbers or nesting beyond Python
            hint = "See https://toml.io for how to write it; texts stand in quotes."
            raise ConfigError(f"{shown} is not valid TOML: {error}.", hint=hint) from None

    def settings(self) -> Layer:
        """What the file says outside of its profiles; typing mistakes in any profile are problems here already."""
        layer = self._read({name: value for name, value in self.content.items() if name != PROFILES}, (), "file")
        for name in self._profiles():
            layer.problems += self.profile(name).problems
        return layer

    def profile(self, name: str) -> Layer:
        """What the table ``[profile.NAME]`` says.

        Raises:
            ConfigError: there is none of that name.
        """
        profiles = self._profiles()
        if name not in profiles:
            meant = nearest(name, profiles)
            known = f"did you mean {meant}?" if meant else f"it has: {', '.join(profiles) or 'no profiles'}."
            raise ConfigError(f"{self.shown} has no profile {name}; {known}", hint=f"Add [profile.{name}] to it.")
        return self._read(profiles[name], (PROFILES, name), "profile")

    def _profiles(self) -> dict[str, Mapping[str, object]]:
        profiles = self.content.get(PROFILES, {})
        found = profiles if isinstance(profiles, Mapping) else {"": profiles}
        wrong = [name for name, table in found.items() if not isinstance(table, Mapping)]
        if wrong:
            where = self._where((PROFILES, wrong[0]))
            raise ConfigError(f"{where}: a profile is a table.", hint="Write [profile.NAME] and its settings below.")
        return dict(found)

    def _read(self, table: Mapping[str, object], above: tuple[str, ...], layer: LayerName) -> Layer:
        """Flatten one table of settings to dotted keys."""
        read = Layer()
        for name, value in table.items():
            if name not in SECTIONS:
                self._take(read, name, value, above, layer)
            elif isinstance(value, Mapping):
                for inner, item in value.items():
                    self._take(read, f"{name}.{inner}", item, above, layer)
            else:
                first = next(path for path in KEYS if path.startswith(f"{name}."))
                reason = f"{name} is a table of settings; did you mean {first}?"
                setting = f"{name} = {show(name, value)} ({self._where((*above, name))})"
                read.problems.append(Problem((setting,), reason))
        return read

    def _take(self, read: Layer, path: str, value: object, above: tuple[str, ...], layer: LayerName) -> None:
        where = self._where((*above, *path.split(".", 1)))
        if path in KEYS:
            read.given[path] = Given(self._beside_file(path, value), Origin(layer, where))
            return
        meant = nearest_key(path)
        reason = f"there is no such setting; did you mean {meant}?" if meant else "there is no such setting"
        read.problems.append(Problem((f"{'.'.join((*above, path))} ({where})",), reason))

    def _where(self, path: tuple[str, ...]) -> str:
        above = (path[:length] for length in range(len(path), 0, -1))
        line = next((self.lines[one] for one in above if one in self.lines), None)
        return f"{self.shown}:{line}" if line else self.shown

    def _beside_file(self, path: str, value: object) -> object:
        """A relative path of a model or secret counts from the file that names it, not from where the user stands."""
        if path in SOURCES and isinstance(value, str) and (place := value.removeprefix("file:")) != value:
            return value if place.startswith(("/", "~")) else f"file:{(self.path.parent / place).resolve()}"
        if path != "model.id" or not isinstance(value, str) or value.startswith(("/", "~")):
            return value
        return str((self.path.parent / value).resolve()) if names_a_path(value) else value
