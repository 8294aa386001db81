"""The requests, with TGI's names, types and defaults (``router/src/lib.rs``): unknown members are ignored.

Rules about values are not here: TGI answers those as validation errors (`validation`), and these as plain text.
Where TGI refuses what OpenAI's clients may send (a single string for ``stop``, null for a list), this is lenient.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

U32 = Annotated[int, Field(ge=0, le=2**32 - 1)]
U64 = Annotated[int, Field(ge=0, le=2**64 - 1)]
I32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _listed_or_none(value: Any) -> Any:
    return [] if value is None else _listed(value)


Strings = Annotated[list[str], BeforeValidator(_listed_or_none)]


class Request(BaseModel):
    """Base of all requests: JSON's own types, nothing converted, as serde reads them."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Grammar(Request):
    """What the answer must look like; ``value`` is a schema (or its text) or a regular expression."""

    type: Literal["json", "json_object", "json_schema", "regex"]
    value: Any


class Parameters(Request):
    """Parameters of one generation; None: not said."""

    best_of: U32 | None = None
    temperature: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    top_k: I32 | None = None
    top_p: float | None = None
    typical_p: float | None = None
    do_sample: bool = False
    max_new_tokens: U32 | None = None
    return_full_text: bool | None = None
    stop: Strings = []
    truncate: U32 | None = None
    watermark: bool = False
    details: bool = False
    decoder_input_details: bool = False
    seed: U64 | None = None
    top_n_tokens: U32 | None = None
    grammar: Grammar | None = None
    adapter_id: str | None = None
    ignore_eos: bool = False
    """Not TGI's: answers of exactly so many tokens, for benchmarks; vLLM's and SGLang's name for it."""


def _absent() -> Parameters:
    # TGI's trap: no parameters at all means sampling; parameters without do_sample mean greedy.
    return Parameters(do_sample=True)


class GenerateRequest(Request):
    """Body of ``/generate``, ``/generate_stream`` and ``/tokenize``."""

    inputs: str
    parameters: Parameters = Field(default_factory=_absent)
    add_special_tokens: bool = True


class CompatRequest(GenerateRequest):
    """Body of ``POST /``."""

    stream: bool = False


class Part(Request):
    """A piece of a message; only text can be served."""

    type: str
    text: str = ""


class Message(Request):
    """One turn. Members that are null are dropped before the template sees them."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None


class StreamOptions(Request):
    """Whether the stream ends with a chunk that counts tokens."""

    include_usage: bool = False


class ResponseFormat(Request):
    """OpenAI's or TGI's way to ask for a form: ``json_schema.schema`` or ``value``."""

    type: Literal["text", "json", "json_object", "json_schema", "regex"]
    value: Any = None
    json_schema: dict[str, Any] | None = None


class ChatRequest(Request):
    """Body of ``/v1/chat/completions`` and ``/chat_tokenize``. ``model`` is not looked at: there is one."""

    messages: list[Message]
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: U32 | None = None
    max_tokens: U32 | None = Field(default=None, validation_alias=AliasChoices("max_tokens", "max_completion_tokens"))
    stop: Strings = []
    stream: bool = False
    stream_options: StreamOptions | None = None
    seed: U64 | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    response_format: ResponseFormat | None = None
    ignore_eos: bool = False


class CompletionRequest(Request):
    """Body of ``/v1/completions``; several prompts give several choices."""

    prompt: Annotated[list[str], BeforeValidator(_listed)]
    max_tokens: U32 | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    stop: Strings = []
    stream: bool = False
    seed: U64 | None = None
    temperature: float | None = None
    top_p: float | None = None
    suffix: str | None = None
    ignore_eos: bool = False
