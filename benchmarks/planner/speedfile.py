"""Writes the constants as a file that people can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from zephyr_deploy.plan.speed.constants import Speed

HEAD = """\
# What engines on cards make of datasheets: the constants of docs/explanation/planner.md, which says what each is.
# Written by `python benchmarks/planner/fit.py --write`; how far off they are: docs/explanation/planner-accuracy.md.
# Names that end in _s are seconds, those in _use shares of the datasheet, or of the constant that they multiply.
"""


def speed_toml(constants: Speed, width: float, factors: dict[str, float], day: date) -> str:
    """The file."""
    parts = [f"{HEAD}\nas_of = {day}\n", _section("base", constants.base)]
    for group in ("scheduler", "era", "weights"):
        parts += [_section(f"{group}.{name}", values) for name, values in getattr(constants, group).items()]
    parts.append(_section("sustained", constants.sustained))
    named = {"half_width": width} | {f'"{name}"': value for name, value in factors.items()}
    parts.append(_section("interval", named))
    return "\n".join(parts)


def _section(name: str, values: dict[str, float]) -> str:
    lines = [f"{key} = {_number(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _number(value: float) -> str:
    text = f"{value:.4g}"
    return text.replace("e+0", "e").replace("e-0", "e-") if "e" in text else text
