"""The page: one file of HTML with its charts and its data inside, for which nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from zephyr_deploy.bench.page.colours import colour_of
from zephyr_deploy.bench.page.curve import curves
from zephyr_deploy.bench.page.distributions import distributions
from zephyr_deploy.bench.page.embedded import embedded
from zephyr_deploy.bench.page.figures import OF_A_SPREAD, single, spread
from zephyr_deploy.bench.page.headline import headline
from zephyr_deploy.bench.page.numbers import short, time
from zephyr_deploy.bench.page.planned import compared
from zephyr_deploy.bench.page.served import served
from zephyr_deploy.bench.page.surroundings import CHECKED, checks, surroundings
from zephyr_deploy.bench.page.timeline import timeline
from zephyr_deploy.bench.page.words import DEFINITIONS, NOTES
from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zephyr_deploy.bench.report import BenchReport


def page(report: BenchReport) -> str:
    """The whole page. Every text in it is escaped, and its policy lets a browser run its own script alone."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = resource("templates", "bench")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (folder / "report.js").read_text(encoding="utf-8")
    data = embedded(report)
    return environment.get_template("report.html.jinja").render(
        report=report,
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=_hash(script),
        tiles=headline(report),
        warnings=list(_warnings(report)),
        curves=curves(report),
        distributions=distributions(report),
        levels=[
            {
                "load": str(level.load),
                "colour": colour_of(place, len(report.levels)),
                "timeline": found,
                "lanes": Markup(json.dumps(found.lanes)) if found else "",  # noqa: S704 - numbers
                "served": served(level, found.length_ms) if found else None,
                "server": level.server,
                "examples": level.error_examples,
                "errors": level.errors,
            }
            for place, level in enumerate(report.levels)
            for found in (timeline(level),)
        ],
        compared=compared(report),
        remarks=[(str(level.load), remark) for level in report.levels for remark in level.remarks],
        single=single(report),
        spread=spread(report),
        parts=(*OF_A_SPREAD, "n"),
        surroundings=surroundings(report),
        checks=checks(report),
        checked=CHECKED,
        definitions=DEFINITIONS,
        notes=NOTES,
        data=Markup(data.text),  # noqa: S704 - escaped for where it stands by `embedded`
        packed=data.packed,
        time=time,
        short=short,
    )


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _warnings(report: BenchReport) -> Iterator[str]:
    if report.partial:
        yield f"This report is partial: {report.partial}"
    for level in report.levels:
        if level.partial:
            yield f"With {level.load}: {level.partial}"
        if level.client.reason:
            yield f"With {level.load}: {level.client.reason}"
