"""The one owner of the text-generation client: callers see our errors and complete results.

Works round the faults of its last release, 0.7.0, each of which ``tests/endpoint/test_client_faults.py`` shows:

* its timeout is 10 s: for the whole answer in the async client, and under TGI's 15 s keep-alive in the sync one;
* an answer that is not TGI's JSON (an empty 401, a text/plain 422, a proxy's page) ends in a parser's error;
* a stream that ends before its last event ends silently, as if it were whole;
* a cut connection, and ``data: [DONE]``, end in the transport's or the parser's own error;
* its chat streams always crash: `zephyr_deploy.endpoint.openai` has ours;
* it refuses ``top_p=1`` and every ``frequency_penalty`` that is not positive;
* it drops the count of prompt tokens;
* its sync half sends the requests to a loopback address through ``HTTP_PROXY``, and lets ``~/.netrc`` replace the key.

The async half has fewer of them and can be cut off at a deadline, so that `TgiClient` runs on it too.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pydantic
import text_generation
from aiohttp.http_exceptions import LineTooLong
from text_generation import errors as theirs

from zephyr_deploy.endpoint.errors import error_for, error_of
from zephyr_deploy.endpoint.faults import CONNECT_S, cut, silent, too_late, unreachable
from zephyr_deploy.endpoint.growing import finish_of
from zephyr_deploy.endpoint.http import DEADLINE_S, SILENCE_S
from zephyr_deploy.endpoint.loop import LoopThread
from zephyr_deploy.endpoint.types import Delta, Generation
from zephyr_deploy.errors import IncompleteError, InvalidRequestError, RequestError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator, Sequence

    from zephyr_deploy.endpoint.types import Endpoint, Message, Params

_REFUSALS: dict[type[Exception], tuple[int | None, str | None]] = {
    theirs.ValidationError: (422, "validation"),
    theirs.GenerationError: (424, "generation"),
    theirs.OverloadedError: (429, "overloaded"),
    theirs.IncompleteGenerationError: (500, "incomplete_generation"),
    theirs.BadRequestError: (400, None),
    theirs.ShardNotReadyError: (424, None),
    theirs.ShardTimeoutError: (504, None),
    theirs.NotFoundError: (404, None),
    theirs.RateLimitExceededError: (429, None),
    theirs.UnknownError: (None, None),
}
"""What the client raises for what the server said, with the status it stands for; it does not keep the real one."""


class AsyncTgiClient:
    """The text-generation client, made dependable. One TCP connection per request: the client keeps none.

    Args:
        endpoint: Whom to speak to; it must have TGI's root route.
        deadline_s: Longest time for one whole request, in seconds.
        silence_s: Longest silence inside a stream, in seconds.
        count_prompt: Ask ``/tokenize`` for the prompt's length after each answer, because the client drops
            what the answer says of it. Without it ``prompt_tokens`` is None.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        deadline_s: float = DEADLINE_S,
        silence_s: float = SILENCE_S,
        count_prompt: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._deadline_s = deadline_s
        self._count_prompt = count_prompt
        total = aiohttp.ClientTimeout(total=deadline_s, sock_connect=CONNECT_S)
        # Without a stream there is no keep-alive: silence lasts as long as the whole answer.
        self._whole = _client(endpoint, total)
        self._streaming = _client(
            endpoint, aiohttp.ClientTimeout(deadline_s, sock_connect=CONNECT_S, sock_read=silence_s)
        )
        self._patience = total

    async def generate(self, prompt: str, params: Params) -> Generation:
        """The whole answer at once; the prompt goes to the model as it is, without a chat template.

        Raises:
            UnreachableError: no connection.
            DeadlineError: no answer in time.
            RequestError: refused or broken; the subclass says which.
        """
        arguments = _arguments(params)
        with self._our_errors():
            answer = await self._whole.generate(prompt, **arguments)
        return Generation(
            text=answer.generated_text,
            finish_reason=finish_of(answer.details.finish_reason.value),
            prompt_tokens=await self._prompt_tokens(prompt),
            generated_tokens=answer.details.generated_tokens,
        )

    async def stream(self, prompt: str, params: Params) -> AsyncGenerator[Delta, None]:
        """The answer token by token; the last `Delta` carries the whole `Generation` and no text of its own.

        Raises:
            UnreachableError: no connection.
            DeadlineError: the stream was silent or took longer than the deadline.
            RequestError: refused, cut or ended early, also after tokens have come.
        """
        arguments, count = _arguments(params), 0
        with self._our_errors():
            async with aclosing(self._streaming.generate_stream(prompt, **arguments)) as events:
                async for event in events:
                    count += 1
                    if not event.token.special:
                        yield Delta(text=event.token.text)
                    if event.details is not None and event.generated_text is not None:
                        final = Generation(
                            text=event.generated_text,
                            finish_reason=finish_of(event.details.finish_reason.value),
                            prompt_tokens=await self._prompt_tokens(prompt),
                            generated_tokens=event.details.generated_tokens,
                        )
                        yield Delta(text="", final=final)
                        # What may follow is `data: [DONE]`, over which the client stumbles.
                        return
        raise IncompleteError(
            f"the stream ended after {count} tokens, before the end of the answer",
            hint="See why with `zephyr-deploy logs`.",
        )

    async def chat(self, messages: Sequence[Message], params: Params) -> Generation:
        """The whole answer to a conversation. The client's chat has neither ``top_k`` nor stop strings.

        Raises:
            UnreachableError: no connection.
            DeadlineError: no answer in time.
            RequestError: refused or broken; the subclass says which.
        """
        if params.stop:
            message = "the text-generation client cannot send stop strings with a chat"
            raise InvalidRequestError(message, hint="Use OpenAIClient.chat.")
        with self._our_errors():
            answer = await self._whole.chat(
                [text_generation.types.Message(role=m.role, content=m.content) for m in messages],
                max_tokens=params.max_new_tokens,
                temperature=params.temperature or 0.0,
                top_p=None if params.greedy else _top_p(params),
                seed=params.seed,
                frequency_penalty=params.frequency_penalty or None,
            )
        usage: dict[str, Any] = answer.usage or {}
        return Generation(
            text=answer.choices[0].message.content or "",
            finish_reason=finish_of(answer.choices[0].finish_reason),
            prompt_tokens=usage.get("prompt_tokens"),
            generated_tokens=usage.get("completion_tokens"),
        )

    async def _prompt_tokens(self, prompt: str) -> int | None:
        """The length of the prompt in tokens, None if not asked for or if the server has no ``/tokenize``."""
        if not self._count_prompt:
            return None
        try:
            async with (
                aiohttp.ClientSession(headers=self._endpoint.headers(), timeout=self._patience) as session,
                session.post(f"{self._endpoint.url.rstrip('/')}/tokenize", json={"inputs": prompt}) as response,
            ):
                tokens = await response.json() if response.ok else None
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError):
            return None
        return len(tokens) if isinstance(tokens, list) else None

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Turn what the client raises in the body into our errors."""
        start = time.monotonic()
        _quiet()
        try:
            yield
        except tuple(_REFUSALS) as error:
            status, error_type = _REFUSALS[type(error)]
            raise error_for(str(error), status=status, error_type=error_type) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise unreachable(self._endpoint.url, error) from error
        except asyncio.TimeoutError as error:
            late = time.monotonic() - start >= self._deadline_s
            raise (too_late(self._deadline_s) if late else silent(self._endpoint.url)) from error
        except aiohttp.ContentTypeError as error:
            raise error_of(error.status, b"") from error
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError) as error:
            raise cut(error) from error
        except aiohttp.ClientError as error:
            raise RequestError(f"the request broke: {error}", error_type="broken") from error
        except LineTooLong as error:
            message = "an event is longer than the text-generation client reads (512 KiB)"
            raise RequestError(message, error_type="malformed") from error
        except (ValueError, LookupError, TypeError) as error:  # what is no UTF-8, no JSON, or not of the form
            raise _foreign(error) from error


class TgiClient:
    """`AsyncTgiClient` for callers who are not asynchronous; the same arguments, except that prompts are counted."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        deadline_s: float = DEADLINE_S,
        silence_s: float = SILENCE_S,
        count_prompt: bool = True,
    ) -> None:
        self._client = AsyncTgiClient(endpoint, deadline_s=deadline_s, silence_s=silence_s, count_prompt=count_prompt)

    def generate(self, prompt: str, params: Params) -> Generation:
        """As `AsyncTgiClient.generate`."""
        with LoopThread() as loop:
            return loop.call(self._client.generate(prompt, params))

    def stream(self, prompt: str, params: Params) -> Generator[Delta, None, None]:
        """As `AsyncTgiClient.stream`; closing the iterator ends the request."""
        with LoopThread() as loop:
            yield from loop.iterate(self._client.stream(prompt, params))

    def chat(self, messages: Sequence[Message], params: Params) -> Generation:
        """As `AsyncTgiClient.chat`."""
        with LoopThread() as loop:
            return loop.call(self._client.chat(messages, params))


def _client(endpoint: Endpoint, patience: aiohttp.ClientTimeout) -> text_generation.AsyncClient:
    # It joins url and path as they are: a trailing slash makes //v1/chat/completions.
    client = text_generation.AsyncClient(endpoint.url.rstrip("/"), headers=endpoint.headers())
    # Its argument can set only the total.
    client.timeout = patience
    return client


def _arguments(params: Params) -> dict[str, Any]:
    """The client's arguments for ``params``, without those that it refuses although they mean "off".

    Raises:
        InvalidRequestError: a frequency penalty below 0, which the server takes and the client does not.
    """
    penalty = params.frequency_penalty or None
    if penalty is not None and penalty < 0:
        message = "the text-generation client cannot send a frequency penalty below 0"
        raise InvalidRequestError(message, hint="Use OpenAIClient.")
    common = {
        "max_new_tokens": params.max_new_tokens,
        "stop_sequences": list(params.stop),
        "seed": params.seed,
        "frequency_penalty": penalty,
        "return_full_text": False,
    }
    if params.greedy:
        return {**common, "do_sample": False}
    sampling = {"temperature": params.temperature, "top_k": params.top_k, "top_p": _top_p(params)}
    return {**common, "do_sample": True, **sampling}


def _top_p(params: Params) -> float | None:
    return params.top_p if params.top_p is not None and params.top_p < 1 else None


def _foreign(error: Exception) -> RequestError:
    """The server's answer is not in TGI's form; the client keeps neither its text nor its status."""
    message = f"the endpoint did not answer in TGI's form ({type(error).__name__})"
    return RequestError(message, error_type="malformed", hint="See what it serves with `zephyr-deploy smoke`.")


def _quiet() -> None:
    """Silence the one warning that the client's every request raises: it calls pydantic's old ``dict()``.

    Set again before each request, because tests and applications reset the filters; Python keeps one of equal filters.
    """
    warnings.filterwarnings("ignore", category=pydantic.PydanticDeprecatedSince20, module=r"text_generation\.client")
