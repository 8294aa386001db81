"""Chat over the OpenAI-compatible routes that every engine has.

Our own few lines and not a library: the text-generation client crashes on every chat stream (measured with
0.7.0, sync and async), and an error inside a stream that began with 200 has to end as an error.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from zephyr_deploy.endpoint.chunks import ChatAnswer, generation_of
from zephyr_deploy.endpoint.errors import error_in
from zephyr_deploy.endpoint.http import DEADLINE_S, ask, open_client, stream
from zephyr_deploy.endpoint.naming import model_name
from zephyr_deploy.endpoint.sse import DONE
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from zephyr_deploy.endpoint.types import Delta, Endpoint, Generation, Message, Params

CHAT = "/v1/chat/completions"


def chat_body(endpoint: Endpoint, messages: Sequence[Message], params: Params) -> dict[str, Any]:
    """The request without ``stream``; a field that is not set is left out.

    ``top_k`` is sent although OpenAI does not know it: vLLM, SGLang and llama.cpp do; TGI's chat route ignores it.
    """
    return {
        "model": model_name(endpoint),
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        "max_tokens": params.max_new_tokens,
        **sampling(params),
    }


def sampling(params: Params) -> dict[str, Any]:
    """The sampling fields of a request."""
    fields: dict[str, Any] = {"temperature": params.temperature or 0.0, "seed": params.seed}
    if not params.greedy:
        fields["top_k"] = params.top_k
        # TGI refuses 1.0, which means "off".
        fields["top_p"] = params.top_p if params.top_p is not None and params.top_p < 1 else None
    fields["frequency_penalty"] = params.frequency_penalty or None
    fields["stop"] = list(params.stop) or None
    return {name: value for name, value in fields.items() if value is not None}


class OpenAIClient:
    """Speaks to one endpoint; a connection is kept between requests. Use it as a context manager.

    Args:
        endpoint: Whom to speak to.
        deadline_s: Longest time for one whole request, in seconds.
    """

    def __init__(self, endpoint: Endpoint, *, deadline_s: float = DEADLINE_S) -> None:
        self._endpoint = endpoint
        self._deadline_s = deadline_s
        self._http = open_client(endpoint, read_s=deadline_s)

    def __enter__(self) -> OpenAIClient:
        """Return the client itself."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the connections."""
        self._http.close()

    def chat(self, messages: Sequence[Message], params: Params) -> Generation:
        """The whole answer at once.

        Raises:
            UnreachableError: no connection.
            DeadlineError: no answer in time.
            RequestError: refused or broken; the subclass says which.
        """
        answer = ask(self._http, CHAT, chat_body(self._endpoint, messages, params))
        if not isinstance(answer, dict):
            raise RequestError("the endpoint answered without a choice", error_type="malformed")
        return generation_of(answer)

    def stream(self, messages: Sequence[Message], params: Params) -> Generator[Delta, None, None]:
        """The answer in pieces; the last one carries the whole `Generation`. Closing the iterator ends the request.

        Raises:
            UnreachableError: no connection.
            DeadlineError: the stream was silent for `SILENCE_S` or took longer than the deadline.
            RequestError: refused, broken off or ended early, also after pieces of the answer have come.
        """
        body = {
            **chat_body(self._endpoint, messages, params),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        answer = ChatAnswer()
        with closing(stream(self._http, CHAT, body, deadline_s=self._deadline_s)) as events:
            for data in events:
                if data == DONE:
                    break
                chunk = parsed(data)
                failure = error_in(chunk)
                if failure is not None:
                    raise failure
                delta = answer.take(chunk)
                if delta is not None:
                    yield delta
        yield answer.final()


def parsed(text: str) -> dict[str, Any]:
    """The JSON object in an answer or event.

    Raises:
        RequestError: it is none.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise RequestError(f"the answer is not JSON: {text[:80]!r}", error_type="malformed") from error
    if not isinstance(data, dict):
        raise RequestError(f"the answer is not an object: {text[:80]!r}", error_type="malformed")
    return data
