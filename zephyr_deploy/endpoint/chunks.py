"""What the pieces of a chat answer say, in the dialects of TGI, vLLM, SGLang and llama.cpp. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zephyr_deploy.endpoint.types import Delta, Generation
from zephyr_deploy.errors import IncompleteError, RequestError

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


def generation_of(answer: dict[str, Any]) -> Generation:
    """The `Generation` in a whole chat or text completion.

    Raises:
        RequestError: it holds no answer.
    """
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise RequestError("the endpoint answered without a choice", error_type="malformed")
    choice, usage = choices[0], answer.get("usage") or {}
    text = choice["text"] if "text" in choice else (choice.get("message") or {}).get("content")
    return Generation(
        text=text or "",
        finish_reason=finish_of(str(choice.get("finish_reason")), stopped_by=_stop_string(choice)),
        prompt_tokens=usage.get("prompt_tokens"),
        generated_tokens=usage.get("completion_tokens"),
    )


@dataclass
class ChatAnswer:
    """An answer that grows chunk by chunk."""

    pieces: list[str] = field(default_factory=list)
    finish: FinishReason | None = None
    usage: dict[str, Any] = field(default_factory=dict)

    def take(self, chunk: dict[str, Any]) -> Delta | None:
        """Add one chunk; the text that it brings, None where it brings only a role, a finish reason or the usage."""
        self.usage = chunk.get("usage") or self.usage
        choices = chunk.get("choices") or []
        if not choices:
            return None
        choice = choices[0]
        if choice.get("finish_reason"):  # TGI's text completions say "" until the end
            self.finish = finish_of(str(choice["finish_reason"]), stopped_by=_stop_string(choice))
        text = (choice.get("delta") or {}).get("content") or choice.get("text") or ""
        if not text:
            return None
        self.pieces.append(text)
        return Delta(text=text)

    def final(self) -> Delta:
        """The end of the stream.

        Raises:
            IncompleteError: the stream is over and the answer is not.
        """
        if self.finish is None:
            message = f"the stream ended after {len(self.pieces)} pieces, before the end of the answer"
            raise IncompleteError(message, hint="See why with `zephyr-deploy logs`.")
        generation = Generation(
            text="".join(self.pieces),
            finish_reason=self.finish,
            prompt_tokens=self.usage.get("prompt_tokens"),
            generated_tokens=self.usage.get("completion_tokens"),
        )
        return Delta(text="", final=generation)


def _stop_string(choice: dict[str, Any]) -> object:
    return choice.get("stop_reason") or choice.get("matched_stop")
