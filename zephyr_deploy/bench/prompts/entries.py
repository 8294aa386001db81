"""One entry of a file of prompts: a text, a request's JSON, or a conversation as ShareGPT has them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.asks import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.bench.asks import Conversation

USERS = {"user", "human"}
TALKS = (("messages", "role", "content"), ("conversations", "from", "value"), ("conversation", "from", "value"))
"""What a list of turns is called, and in each who speaks and what: OpenAI's names, and ShareGPT's."""
LENGTHS = ("output_tokens", "max_tokens", "max_completion_tokens")


def conversation_of(entry: Any, turns: int, output_tokens: Callable[[], int]) -> Conversation:
    """The first ``turns`` things that a user says; answers in the file are left out: the server gives its own.

    Args:
        entry: A text, or a JSON object with ``prompt``, ``messages`` or ``conversations``.
        turns: Most turns.
        output_tokens: How long the next answer may be, where the entry does not say so.

    Raises:
        ValueError: why it is none.
    """
    said = [entry] if isinstance(entry, str) else list(_said(entry))[:turns]
    if not said or not all(text.strip() for text in said):
        raise ValueError("there is nothing that a user says")
    fixed = None if isinstance(entry, str) else _length(entry)
    return tuple(Turn(text, fixed or output_tokens()) for text in said)


def _said(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        raise ValueError("neither a text nor an object")  # noqa: TRY004 - of the entry, not of a caller
    if "prompt" in entry:
        yield _text(entry["prompt"])
        return
    for name, who, what in TALKS:
        if isinstance(entry.get(name), list):
            yield from _users(entry[name], who, what)
            return
    raise ValueError("it has no prompt, messages or conversations")


def _users(talk: list[Any], who: str, what: str) -> Iterator[str]:
    """What users say; a system's words are said by the first of them."""
    system = ""
    for turn in talk:
        if not isinstance(turn, dict) or who not in turn:
            raise ValueError(f"a turn has no {who}")
        if turn[who] == "system":
            system += f"{_text(turn.get(what))}\n\n"
        elif turn[who] in USERS:
            yield system + _text(turn.get(what))
            system = ""


def _text(content: Any) -> str:
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        content = "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise ValueError("it says something that is not text")  # noqa: TRY004 - as above
    return content


def _length(entry: dict[str, Any]) -> int | None:
    found = next((entry[name] for name in LENGTHS if entry.get(name) is not None), None)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool) or found < 1):
        raise ValueError(f"{found!r} is no number of tokens")
    return found
