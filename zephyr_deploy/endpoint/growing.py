"""How a streamed chat answer grows, in the dialects of TGI, vLLM, SGLang and llama.cpp. Pure, and of plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import IncompleteError

if TYPE_CHECKING:
    from zephyr_deploy.endpoint.types import FinishReason

FINISH: dict[str, FinishReason] = {
    "stop": "eos_token",
    "eos_token": "eos_token",
    "tool_calls": "eos_token",
    "length": "length",
    "stop_sequence": "stop_sequence",
}


def finish_of(reason: str, *, stopped_by: object = None) -> FinishReason:
    """TGI's word for a finish reason; ``stopped_by`` is vLLM's and SGLang's stop string, a string where one hit.

    Raises:
        IncompleteError: the reason tells of an end that is none (SGLang's ``abort``, ``content_filter``, ...).
    """
    if reason not in FINISH:
        raise IncompleteError(f"the endpoint ended the answer early: {reason}", error_type=reason)
    return "stop_sequence" if reason == "stop" and isinstance(stopped_by, str) else FINISH[reason]


@dataclass
class GrowingAnswer:
    """What has come of an answer."""

    pieces: list[str] = field(default_factory=list)
    finish: FinishReason | None = None
    usage: dict[str, Any] = field(default_factory=dict)

    def add(self, chunk: dict[str, Any]) -> str:
        """Add one chunk; the text that it brings, empty where it brings only a role, a finish reason or the usage."""
        self.usage = chunk.get("usage") or self.usage
        choices = chunk.get("choices") or []
        if not choices:
            return ""
        choice = choices[0]
        if choice.get("finish_reason"):  # TGI's text completions say "" until the end
            self.finish = finish_of(str(choice["finish_reason"]), stopped_by=stop_string(choice))
        text = str((choice.get("delta") or {}).get("content") or choice.get("text") or "")
        if text:
            self.pieces.append(text)
        return text

    def whole(self) -> tuple[str, FinishReason]:
        """All of it, and how it ended.

        Raises:
            IncompleteError: the stream is over and the answer is not.
        """
        if self.finish is None:
            message = f"the stream ended after {len(self.pieces)} pieces, before the end of the answer"
            raise IncompleteError(message, hint="See why with `zephyr-deploy logs`.")
        return "".join(self.pieces), self.finish


def stop_string(choice: dict[str, Any]) -> object:
    """The stop string that ended an answer, as vLLM or SGLang names it; else nothing, or a token's number."""
    return choice.get("stop_reason") or choice.get("matched_stop")
