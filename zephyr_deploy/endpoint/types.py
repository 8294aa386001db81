"""A running endpoint, and what it says: the words that chat, smoke test and benchmark share."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from zephyr_deploy.spec.base import EngineName, Frozen
from zephyr_deploy.spec.secret import SecretField

FinishReason = Literal["length", "eos_token", "stop_sequence"]
Role = Literal["system", "user", "assistant"]


class Endpoint(Frozen):
    """Where a service is reached and how to speak to it; ``url`` has no trailing slash."""

    name: str
    url: str
    engine: EngineName
    model_id: str
    api_key: SecretField | None = None
    release: str | None = None
    """What serves there; None: it is not ours, and nobody knows."""
    ends_at: datetime | None = None
    """When its machine ends, whoever uses it; None: not by itself, as far as anybody knows."""
    trouble: str = ""
    """What was wrong with it when it was found, e.g. that its cloud takes it back; empty: nothing."""

    def headers(self) -> dict[str, str]:
        """The HTTP headers that authorize a request; empty where the endpoint asks for none."""
        return {"Authorization": f"Bearer {self.api_key.get_secret_value()}"} if self.api_key else {}


class Message(Frozen):
    """One turn of a conversation."""

    role: Role
    content: str


class Params(Frozen):
    """Sampling of one request. None: the server's default. Greedy when ``temperature`` is 0 or None.

    A greedy request sends no ``top_k`` and no ``top_p``: TGI samples as soon as one of them is there.
    """

    max_new_tokens: int = 256
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    """1 or more means: off."""
    frequency_penalty: float | None = None
    """From -2 to 2; 0 means: off."""
    stop: tuple[str, ...] = ()
    seed: int | None = None

    @property
    def greedy(self) -> bool:
        """Whether always the likeliest token is taken."""
        return not self.temperature


class Token(Frozen):
    """One generated token; ``logprob`` is None where the engine does not report it."""

    id: int
    text: str
    logprob: float | None
    special: bool


class Generation(Frozen):
    """A complete answer. Token counts are the server's own; None where it does not report them."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None
    generated_tokens: int | None


class Delta(Frozen):
    """A piece of a streamed answer as it arrives; the last one carries the whole `Generation`."""

    text: str
    final: Generation | None = None
