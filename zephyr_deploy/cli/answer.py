"""One answer of a conversation, written as it comes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from zephyr_deploy.cli.terminal import visible

if TYPE_CHECKING:
    from zephyr_deploy.cli.output import Output
    from zephyr_deploy.endpoint.chat import Conversation
    from zephyr_deploy.endpoint.types import Generation


def answer(out: Output, talk: Conversation, asked: str) -> Generation | None:
    """Write the answer as it comes; say on stderr if it was cut at its longest."""
    final = None
    with closing(talk.ask(asked)) as deltas:
        for delta in deltas:
            if delta.text:
                out.item("delta", {"text": delta.text}, text=visible(delta.text))
            final = delta.final or final
    out.item("end", {}, text="\n")
    if final is not None and final.finish_reason == "length":
        out.note("The answer was cut at its longest; --max-new-tokens sets how long that is.")
    return final
