"""What one chunk of a chat stream says, in the dialects of TGI, vLLM, SGLang and llama.cpp. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.sample import TokenEvent
from zephyr_deploy.errors import IncompleteError

if TYPE_CHECKING:
    from zephyr_deploy.bench.sample import Sample


@dataclass
class ChatProgress:
    """How far one answer has come; writes what it learns into ``sample``."""

    sample: Sample
    finished: bool = False
    """A choice has given its finish reason."""

    def take(self, chunk: dict[str, Any], at_ns: int) -> None:
        """Read a chunk that arrived at ``at_ns``.

        A chunk without text (the role alone, the finish reason alone, the usage) is no token.
        """
        carried = self._count(chunk.get("usage"))
        for choice in chunk.get("choices") or ():
            if _text(choice.get("delta") or {}):
                self.sample.events.append(TokenEvent(at_ns, carried))
            self.finished = self.finished or choice.get("finish_reason") is not None

    def refuse_unfinished(self) -> None:
        """Raise if the stream is over and the answer is not.

        Raises:
            IncompleteError: no finish reason came.
        """
        if not self.finished:
            count = len(self.sample.events)
            raise IncompleteError(f"The stream ended after {count} token events without a finish reason.")

    def _count(self, usage: dict[str, Any] | None) -> int | None:
        """Note the server's counts; return the output tokens since it last gave them, None where it never did."""
        if not usage:
            return None
        before, now = self.sample.generated_tokens or 0, usage.get("completion_tokens")
        self.sample.prompt_tokens = usage.get("prompt_tokens", self.sample.prompt_tokens)
        if now is None:
            return None
        self.sample.generated_tokens = now
        return int(now) - before or None


def _text(delta: dict[str, Any]) -> str:
    """The text of a delta: the answer's, or a reasoning model's thoughts, which are tokens as well."""
    return delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning") or ""
