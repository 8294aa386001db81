"""Whether an answer of the smoke test is right, and how it is shown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.endpoint.types import Generation
from zephyr_deploy.errors import IncompleteError, RequestError, UnhealthyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zephyr_deploy.endpoint.types import Delta

EXPECTED = "Tokyo"
"""What the answer to the one question must hold."""
SHOWN = 60
"""Characters of an answer that a result repeats."""


def native(answer: Any, *, streamed: bool) -> Generation:
    """A `Generation` from TGI's own form.

    Raises:
        RequestError: it is in another.
    """
    if not isinstance(answer, dict) or "generated_text" not in answer or not answer.get("details"):
        raise RequestError(f"not an answer in TGI's form: {short(str(answer))}", error_type="malformed")
    details = answer["details"]
    return Generation(
        text=answer["generated_text"],
        finish_reason=details["finish_reason"],
        prompt_tokens=details.get("input_length") if streamed else None,
        generated_tokens=details["generated_tokens"],
    )


def right(answer: Generation) -> str:
    """What the endpoint said, if it is right.

    Raises:
        UnhealthyError: it is not.
    """
    if answer.generated_tokens == 0 or EXPECTED.lower() not in answer.text.lower():
        raise UnhealthyError(f"asked for the capital of Japan, it said {short(answer.text)}")
    return short(answer.text)


def whole(deltas: Iterable[Delta]) -> str:
    """As `right`, of a stream whose pieces make up its whole.

    Raises:
        UnhealthyError: they do not, or the answer is wrong.
        IncompleteError: it has no end.
    """
    texts: list[str] = []
    final = None
    for delta in deltas:
        texts.append(delta.text)
        final = delta.final or final
    if final is None:
        raise IncompleteError("the stream has no end")
    return same("".join(texts), final, sum(bool(text) for text in texts))


def same(streamed: str, final: Generation, count: int) -> str:
    """As `right`, of a text that came in ``count`` pieces and must be that of ``final``.

    Raises:
        UnhealthyError: it is not, or the answer is wrong.
    """
    if streamed.strip() != final.text.strip():
        raise UnhealthyError(f"the stream said {short(streamed)}, its end says {short(final.text)}")
    return f"{right(final)} in {count} pieces"


def short(text: str) -> str:
    """The beginning of a text, on one line and in quotes."""
    said = " ".join(text.split())
    return repr(said if len(said) <= SHOWN else said[:SHOWN] + "…")
