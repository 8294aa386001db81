"""What one event of a stream says to a benchmark: OpenAI's in the dialects of the engines, and TGI's own. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zephyr_deploy.endpoint.growing import GrowingAnswer, finish_of
from zephyr_deploy.errors import IncompleteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.sample import Sample


@dataclass
class ChatProgress:
    """How far a chat or text completion has come; writes what it learns into ``sample``."""

    sample: Sample
    answer: GrowingAnswer = field(default_factory=GrowingAnswer)

    def take(self, chunk: dict[str, Any], at_ns: int, lag_ns: int | None = None) -> None:
        """Read a chunk that arrived at ``at_ns``; ``lag_ns`` as in `TokenEvent`.

        A chunk without text (the role alone, the finish reason alone, the usage) is no token.

        Raises:
            IncompleteError: it tells of an end that is none.
        """
        carried = self._count(chunk.get("usage"))
        if any(_has_text(choice.get("delta") or choice) for choice in chunk.get("choices") or ()):
            self.sample.events.add(at_ns, carried, lag_ns)
        self.answer.add(chunk)

    def plain_text(self, chunk: dict[str, Any]) -> str | None:
        """The text of a chunk that says nothing but that this text was generated, see `Progress`.

        Numbers where none is meant would be as good as any other to whoever compares shapes: they are not plain.
        """
        choices = chunk.get("choices") or []
        if chunk.get("usage") is not None or chunk.get("error") is not None or len(choices) != 1:
            return None
        choice = choices[0]
        delta = choice.get("delta")
        if choice.get("finish_reason") not in (None, "") or not (delta is None or isinstance(delta, dict)):
            return None
        return _plain(delta.get("content") if delta else choice.get("text"))

    def more(self, texts: Sequence[str], at_ns: Sequence[int], lags_ns: Sequence[int]) -> None:
        """Do what `take` does, with chunks of plain text, see `Progress`."""
        self.sample.events.extend(at_ns, lags_ns)
        self.answer.pieces += texts

    def end(self) -> None:
        """The stream is over.

        Raises:
            IncompleteError: and the answer is not.
        """
        self.sample.text, self.sample.finish = self.answer.whole()

    def _count(self, usage: dict[str, Any] | None) -> int | None:
        """Note the server's counts; the output tokens since it last gave them, None where it says nothing new."""
        if not usage:
            return None
        if (prompt := usage.get("prompt_tokens")) is not None:
            self.sample.prompt_tokens = int(prompt)
        before, now = self.sample.generated_tokens or 0, usage.get("completion_tokens")
        if now is None:
            return None
        self.sample.generated_tokens = int(now)
        return int(now) - before or None


@dataclass
class NativeProgress:
    """How far a stream of TGI's own protocol has come; counts what the text-generation client's adapter counts."""

    sample: Sample
    _count: int = 0
    _whole: bool = False

    def take(self, event: dict[str, Any], at_ns: int, lag_ns: int | None = None) -> None:
        """Read an event that arrived at ``at_ns``; a special token (end of sequence) has no text of the answer.

        Raises:
            IncompleteError: it tells of an end that is none.
            LookupError: it has no token.
        """
        token, details = event["token"], event.get("details")
        self._count += 1
        if not token["special"] and token["text"]:
            self.sample.events.add(at_ns, None, lag_ns)
        if details is not None and event.get("generated_text") is not None:
            self.sample.finish = finish_of(str(details["finish_reason"]))
            self.sample.generated_tokens = int(details["generated_tokens"])
            if (prompt := details.get("input_length")) is not None:
                self.sample.prompt_tokens = int(prompt)
            self.sample.text = str(event["generated_text"])
            self._whole = True

    def plain_text(self, event: dict[str, Any]) -> str | None:
        """The text of an event that says nothing but that this text was generated, see `Progress`."""
        token = event["token"]
        if event.get("details") is not None or event.get("error") is not None or token["special"] is not False:
            return None
        return _plain(token["text"])

    def more(self, texts: Sequence[str], at_ns: Sequence[int], lags_ns: Sequence[int]) -> None:
        """Do what `take` does, with events of plain text, see `Progress`; the last event of all has the whole text."""
        self._count += len(texts)
        self.sample.events.extend(at_ns, lags_ns)

    def end(self) -> None:
        """The stream is over.

        Raises:
            IncompleteError: and the answer is not.
        """
        if not self._whole:
            message = f"the stream ended after {self._count} tokens, before the end of the answer"
            raise IncompleteError(message, hint="See why with `zephyr-deploy logs`.")


def _plain(text: object) -> str | None:
    return text if isinstance(text, str) and text else None


def _has_text(said: dict[str, Any]) -> bool:
    """Whether a chat's delta or a completion's choice has text: the answer's, or thoughts, which are tokens as well."""
    return bool(said.get("content") or said.get("text") or said.get("reasoning_content") or said.get("reasoning"))
