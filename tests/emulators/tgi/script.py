"""What a test tells the server to do: the answer, its pace, its limits and its faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from emulators.tgi.wire import REFUSALS, Answer, Refusal, prompt_tokens, tokens_wanted

Fault = Literal[
    "none",
    "unauthorized",  # 401, empty body, also without a key in the script
    "overloaded",  # 429 JSON; in a stream 200 and an error event
    "validation",  # 422 JSON; in a stream 200 and an error event
    "generation",  # 424 JSON, CUDA out of memory; in a stream after `fault_after` tokens
    "plain_422",  # axum's own refusal: text/plain
    "html_502",  # a proxy in front of a dead router
    "json_without_error",  # a JSON refusal in another server's form
    "truncated",  # the stream ends cleanly, without its last event
    "cut",  # the connection is dropped inside the answer
    "malformed",  # an event that is not JSON
    "not_utf8",  # an event whose bytes are no text
    "done",  # the stream of tokens ends in `data: [DONE]`, as TGI's main branch does
    "hung",  # keep-alive comments, and never a token
    "silent",  # not one byte
]
BREAKS_STREAMS: frozenset[Fault] = frozenset({"truncated", "cut", "generation", "malformed", "not_utf8"})


@dataclass
class Script:
    """How to answer; times in seconds."""

    tokens: list[str] = field(default_factory=lambda: ["The", " capital", " of", " Japan", " is", " Tokyo", "."])
    finish: Literal["length", "eos_token", "stop_sequence"] = "eos_token"
    """Unless `max_new_tokens` cuts the answer first: then `length`."""
    ttft_s: float = 0.0
    itl_s: float = 0.0
    keep_alive_s: float = 15.0
    """Silence before a keep-alive comment in a stream."""
    api_key: str | None = None
    model_id: str = "HuggingFaceH4/zephyr-7b-beta"
    max_input_tokens: int = 100
    max_total_tokens: int = 200
    health: int = 200
    health_s: float = 0.0
    """How long `/health` takes to answer: without limit behind a hung shard."""
    final_text: str | None = None
    """`generated_text` of a stream's last event, where it shall differ from the tokens."""
    turn_start: str = ""
    """Rendered before each turn of a chat; TGI puts blank lines there for Zephyr's own template."""
    fault: Fault = "none"
    fault_after: int = 2
    """How many tokens of a stream come before a fault inside it."""

    def lets_in(self, authorization: str) -> bool:
        """Whether this header is the key. TGI compares in lower case, so that a key in the wrong case passes."""
        if self.fault == "unauthorized":
            return False
        return self.api_key is None or authorization.lower() == f"bearer {self.api_key}".lower()

    def refusal(self, body: dict[str, Any]) -> Refusal | None:
        """The answer to a request that gets no tokens; `generation` breaks a stream only after some."""
        if self.fault in {"overloaded", "validation", "generation"}:
            return REFUSALS[self.fault]
        problem = self._problem(body)
        return (422, {"error": f"Input validation error: {problem}", "error_type": "validation"}) if problem else None

    def _problem(self, body: dict[str, Any]) -> str | None:
        given, limit, total = prompt_tokens(body), self.max_input_tokens, self.max_total_tokens
        wanted = tokens_wanted(body) or 1
        top_p = (body.get("parameters") or {}).get("top_p", body.get("top_p"))
        if body.get("inputs") == "":
            return "`inputs` cannot be empty"
        if top_p is not None and not 0 < top_p < 1:
            return "`top_p` must be > 0.0 and < 1.0"
        if given > limit:
            return f"`inputs` must have less than {limit} tokens. Given: {given}"
        if given + min(wanted, 1024) > total:
            return (
                f"`inputs` tokens + `max_new_tokens` must be <= {total}. "
                f"Given: {given} `inputs` tokens and {wanted} `max_new_tokens`"
            )
        return None

    def answer(self, body: dict[str, Any]) -> Answer:
        """The tokens, as many of them as are wanted."""
        wanted = tokens_wanted(body)
        if wanted is not None and wanted < len(self.tokens):
            return Answer(self.tokens[:wanted], "length", prompt_tokens(body))
        return Answer(self.tokens, self.finish, prompt_tokens(body))

    def final(self, answer: Answer) -> Answer:
        """What a stream's last event says the answer was."""
        return answer if self.final_text is None else Answer([self.final_text], answer.finish, answer.prompt_tokens)
