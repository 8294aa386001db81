"""From a conversation to a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zephyr_deploy.engines.llamacpp.gateway.errors import failed, invalid, no_tools, template_failed
from zephyr_deploy.engines.llamacpp.gateway.openai import sampled
from zephyr_deploy.engines.llamacpp.gateway.schema import GenerateRequest, Grammar, Message, Parameters
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from zephyr_deploy.engines.llamacpp.gateway.schema import ChatRequest, ResponseFormat
    from zephyr_deploy.engines.llamacpp.upstream import Upstream

PRESENCE_SHIFT = 2.0
"""TGI makes a repetition penalty of a presence penalty by adding this (``router/src/lib.rs``)."""


async def render(upstream: Upstream, chat: ChatRequest) -> str:
    """Render a conversation with the model's template.

    Raises:
        ApiError: No messages, content that is not text, tools, or a template that refuses (422); no engine (424).
    """
    if not chat.messages:
        raise invalid("`messages` cannot be empty")
    messages = [_plain(message) for message in chat.messages]
    try:
        if chat.tools and chat.tool_choice != "none":
            supported = (await upstream.props()).supports_tools
            raise no_tools(
                "tools are not passed on to the llama.cpp engine"
                if supported
                else "the chat template of this model has no tools"
            )
        return await upstream.apply_template(messages)
    except RequestError as error:
        raise failed(error.message) if error.status is None else template_failed(error.message) from error


async def to_generate(upstream: Upstream, chat: ChatRequest) -> GenerateRequest:
    """Make one generation out of a chat, as TGI does: no special tokens added, the template brings its own.

    Raises:
        ApiError: As `render`.
    """
    penalty = chat.presence_penalty
    parameters = Parameters(
        **sampled(chat.temperature),
        repetition_penalty=None if penalty is None else penalty + PRESENCE_SHIFT,
        frequency_penalty=chat.frequency_penalty,
        top_p=_below_one(chat.top_p),
        max_new_tokens=chat.max_tokens,
        stop=chat.stop,
        details=bool(chat.logprobs),
        seed=chat.seed,
        top_n_tokens=chat.top_logprobs,
        grammar=_grammar(chat.response_format),
        ignore_eos=chat.ignore_eos,
    )
    return GenerateRequest(inputs=await render(upstream, chat), parameters=parameters, add_special_tokens=False)


def _plain(message: Message) -> dict[str, Any]:
    content = message.content
    if isinstance(content, list):
        other = next((part.type for part in content if part.type != "text"), None)
        if other is not None:
            raise invalid(f"{other} modality is not supported")
        content = "".join(part.text for part in content)
    plain: dict[str, Any] = {"role": message.role, "content": content or ""}
    return plain | ({"name": message.name} if message.name is not None else {})


def _below_one(top_p: float | None) -> float | None:
    # TGI refuses 1.0, which OpenAI's clients send to say "off"; it means the same as not saying it.
    return None if top_p == 1.0 else top_p


def _grammar(form: ResponseFormat | None) -> Grammar | None:
    if form is None or form.type == "text":
        return None
    value = form.json_schema if form.value is None else form.value
    if value is None and form.type == "json_object":
        value = {"type": "object", "properties": {}}
    return Grammar(type=form.type, value=value)
