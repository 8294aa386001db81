"""What the pieces of a chat answer say, in the dialects of TGI, vLLM, SGLang and llama.cpp. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zephyr_deploy.endpoint.growing import GrowingAnswer, finish_of, stop_string
from zephyr_deploy.endpoint.types import Delta, Generation
from zephyr_deploy.errors import RequestError


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
        finish_reason=finish_of(str(choice.get("finish_reason")), stopped_by=stop_string(choice)),
        prompt_tokens=usage.get("prompt_tokens"),
        generated_tokens=usage.get("completion_tokens"),
    )


@dataclass
class ChatAnswer(GrowingAnswer):
    """An answer that grows chunk by chunk."""

    def take(self, chunk: dict[str, Any]) -> Delta | None:
        """Add one chunk; the text that it brings, None where it brings only a role, a finish reason or the usage."""
        text = self.add(chunk)
        return Delta(text=text) if text else None

    def final(self) -> Delta:
        """The end of the stream.

        Raises:
            IncompleteError: the stream is over and the answer is not.
        """
        text, finish = self.whole()
        generation = Generation(
            text=text,
            finish_reason=finish,
            prompt_tokens=self.usage.get("prompt_tokens"),
            generated_tokens=self.usage.get("completion_tokens"),
        )
        return Delta(text="", final=generation)
