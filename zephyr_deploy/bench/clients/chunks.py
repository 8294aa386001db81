"""What one chunk of a chat stream says to a benchmark, in the dialects of TGI, vLLM, SGLang and llama.cpp. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zephyr_deploy.bench.sample import TokenEvent
from zephyr_deploy.endpoint.chunks import ChatAnswer

if TYPE_CHECKING:
    from zephyr_deploy.bench.sample import Sample


@dataclass
class ChatProgress:
    """How far one answer has come; writes what it learns into ``sample``."""

    sample: Sample
    answer: ChatAnswer = field(default_factory=ChatAnswer)

    def take(self, chunk: dict[str, Any], at_ns: int) -> None:
        """Read a chunk that arrived at ``at_ns``.

        A chunk without text (the role alone, the finish reason alone, the usage) is no token.

        Raises:
            IncompleteError: it tells of an end that is none.
        """
        carried = self._count(chunk.get("usage"))
        if any(_has_text(choice.get("delta") or {}) for choice in chunk.get("choices") or ()):
            self.sample.events.append(TokenEvent(at_ns, carried))
        self.answer.take(chunk)

    def end(self) -> None:
        """The stream is over.

        Raises:
            IncompleteError: and the answer is not.
        """
        self.answer.final()

    def _count(self, usage: dict[str, Any] | None) -> int | None:
        """Note the server's counts; the output tokens since it last gave them, None where it says nothing new."""
        if not usage:
            return None
        self.sample.prompt_tokens = usage.get("prompt_tokens", self.sample.prompt_tokens)
        before, now = self.sample.generated_tokens or 0, usage.get("completion_tokens")
        if now is None:
            return None
        self.sample.generated_tokens = int(now)
        return int(now) - before or None


def _has_text(delta: dict[str, Any]) -> bool:
    """Whether a delta has text: the answer's, or a reasoning model's thoughts, which are tokens as well."""
    return bool(delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning"))
