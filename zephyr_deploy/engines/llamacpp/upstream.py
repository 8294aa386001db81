"""The gateway's one way to llama.cpp: its own HTTP server, on this machine's loopback."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from types import TracebackType

CONNECT_S = 5.0
"""Longest wait for a connection, in seconds; the server is on loopback."""
HEALTH_S = 5.0
TOKEN_S = 5.0
"""Longest time for a token of an answer that comes whole, in seconds, with a large model on few processors."""
LONG_TEXT = 100_000
"""Characters from which a text is a long one to split: it takes the engine seconds, and memory."""
LONG_TEXTS = 2
"""Long texts that are split at once: TGI's default number of validation workers."""
LONG_ANSWER = 1_000_000
"""Bytes from which an answer is parsed beside the event loop."""
CALL_S = 60.0
"""Longest wait for a short answer (tokenize, template), in seconds; the engine may be busy with prompts."""
SILENCE_S = 180.0
"""Longest silence within a generation, in seconds: the engine pings every second, but not while it reads a prompt."""
MAX_LINE = 8 * 1024 * 1024
"""Longest line of an answer, in bytes: the last one repeats the whole prompt."""


@dataclass(frozen=True)
class Piece:
    """One token of a tokenized text and the bytes it stands for (a part of a character, sometimes)."""

    id: int
    data: bytes


@dataclass(frozen=True)
class Prob:
    """A token that was or might have been chosen; ``logprob`` is the natural logarithm, before the samplers."""

    id: int
    text: str
    logprob: float
    top: tuple[Prob, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """One event of a running completion, as llama.cpp sends it."""

    text: str
    """New text; empty for special tokens."""
    ids: tuple[int, ...]
    predicted: int
    """Tokens generated so far: it jumps where several tokens make up one character."""
    prob: Prob | None
    stop: bool
    stop_type: str = ""
    """``limit``, ``eos`` or ``word`` in the last event."""


@dataclass(frozen=True)
class Answer:
    """A completion that came whole; ``text`` ends with the stop sequence that ended it."""

    text: str
    ids: tuple[int, ...]
    predicted: int
    """Tokens generated."""
    probs: tuple[Prob, ...]
    """In the order of ``ids``, but only of tokens that end a character and are not within a stop sequence."""
    stop_type: str
    """``limit``, ``eos`` or ``word``."""


@dataclass(frozen=True)
class Props:
    """What the engine says of the model it has loaded."""

    supports_tools: bool
    slots: int


def parse_prob(raw: Mapping[str, Any]) -> Prob:
    """Read one entry of ``completion_probabilities``, alternatives included."""
    top = tuple(parse_prob(entry) for entry in raw.get("top_logprobs", ()))
    return Prob(raw["id"], raw["token"], raw["logprob"], top)


def parse_chunk(raw: Mapping[str, Any]) -> Chunk:
    """Read one event of ``POST /completion`` with ``stream: true``.

    Raises:
        RequestError: The event is an error, or not of the known form.
    """
    if "error" in raw:
        error = raw["error"]
        raise RequestError(error.get("message", "unknown"), status=error.get("code"), error_type=error.get("type"))
    try:
        probs = raw.get("completion_probabilities") or ()
        return Chunk(
            text=raw["content"],
            ids=tuple(raw["tokens"]),
            predicted=raw["tokens_predicted"],
            prob=parse_prob(probs[-1]) if probs else None,
            stop=raw["stop"],
            stop_type=raw.get("stop_type", ""),
        )
    except (KeyError, TypeError) as error:
        raise RequestError(f"The engine sent an event of unknown form ({error!r}).") from error


def parse_answer(raw: Mapping[str, Any]) -> Answer:
    """Read the answer of ``POST /completion`` without ``stream``.

    Raises:
        RequestError: It is not of the known form.
    """
    try:
        return Answer(
            text=raw["content"] + raw["stopping_word"],
            ids=tuple(raw["tokens"]),
            predicted=raw["tokens_predicted"],
            probs=tuple(parse_prob(entry) for entry in raw.get("completion_probabilities") or ()),
            stop_type=raw["stop_type"],
        )
    except (KeyError, TypeError) as error:
        raise RequestError(f"The engine sent an answer of unknown form ({error!r}).") from error


class Upstream:
    """A llama.cpp server; an asynchronous context manager.

    Every method raises `RequestError`: with the engine's own status and text where it answered, with status None
    where it did not answer, broke off or took longer than the deadlines above.
    """

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._session: aiohttp.ClientSession | None = None
        self._texts: dict[tuple[int, ...], str] = {}
        self._special: dict[int, bool] = {}
        self._props: Props | None = None
        self._long_texts = asyncio.Semaphore(LONG_TEXTS)

    async def __aenter__(self) -> Upstream:
        # The engine's HTTP server gives every idle kept-alive connection a thread of its small pool and closes it
        # after 5 s, in the middle of a request if need be. A new connection on loopback costs less than that.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S),
            read_bufsize=MAX_LINE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def healthy(self) -> bool:
        """Whether the engine answers its health check within `HEALTH_S`; this generates nothing."""
        try:
            async with self._open("GET", "/health", timeout=aiohttp.ClientTimeout(total=HEALTH_S)) as response:
                return response.status == 200  # noqa: PLR2004
        except RequestError:
            return False

    async def props(self) -> Props:
        """Facts of the loaded model; asked once."""
        if self._props is None:
            raw = await self._json("GET", "/props")
            caps = raw.get("chat_template_caps", {})
            self._props = Props(supports_tools=bool(caps.get("supports_tools")), slots=raw["total_slots"])
        return self._props

    async def tokenize(self, text: str, *, add_special: bool = True) -> list[Piece]:
        """Split ``text`` into tokens; ``add_special`` adds the model's own (BOS, where it has one)."""
        raw = await self._split(text, add_special=add_special, with_pieces=True)
        return [Piece(entry["id"], _piece_bytes(entry["piece"])) for entry in raw["tokens"]]

    async def token_ids(self, text: str, *, add_special: bool = True, parse_special: bool = True) -> list[int]:
        """The tokens' ids alone: a tenth of the work, for long texts."""
        raw = await self._split(text, add_special=add_special, parse_special=parse_special)
        ids: list[int] = raw["tokens"]
        return ids

    async def _split(self, text: str, **options: bool) -> dict[str, Any]:
        body = {"content": text, "parse_special": True, **options}
        if len(text) < LONG_TEXT:
            return await self._json("POST", "/tokenize", body)
        async with self._long_texts:
            return await self._json("POST", "/tokenize", body)

    async def text_of(self, *tokens: int) -> str:
        """The text of tokens, special ones included; U+FFFD where a character is not complete. Cached."""
        if tokens not in self._texts:
            raw = await self._json("POST", "/detokenize", {"tokens": list(tokens)})
            self._texts[tokens] = raw["content"]
        return self._texts[tokens]

    async def is_special(self, token: int) -> bool:
        """Whether a token stands for no text of its own (BOS, end of turn). Cached.

        llama.cpp has no route for this, but only special tokens need ``parse_special`` to be read back.
        """
        if token not in self._special:
            text = await self.text_of(token)
            read = await self.token_ids(text, add_special=False)
            plain = await self.token_ids(text, add_special=False, parse_special=False)
            self._special[token] = read == [token] != plain
        return self._special[token]

    async def apply_template(self, messages: list[dict[str, Any]]) -> str:
        """Render a conversation with the model's own chat template, ready for the assistant's turn."""
        raw = await self._json("POST", "/apply-template", {"messages": messages})
        prompt: str = raw["prompt"]
        return prompt

    async def completion(self, payload: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Run ``POST /completion`` and yield its events; closing the iterator frees the engine's slot."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        async with self._open("POST", "/completion", {**payload, "stream": True}, timeout=timeout) as response:
            await _raise_for_status(response)
            async for line in response.content:
                if line.startswith(b"data: "):
                    yield parse_chunk(_object(line[6:]))

    async def complete(self, payload: Mapping[str, Any]) -> Answer:
        """Run ``POST /completion`` to its end; cancelling frees the engine's slot.

        It may take `SILENCE_S` and `TOKEN_S` for each token asked for.
        """
        timeout = aiohttp.ClientTimeout(total=SILENCE_S + TOKEN_S * payload["n_predict"], sock_connect=CONNECT_S)
        return parse_answer(await self._json("POST", "/completion", {**payload, "stream": False}, timeout=timeout))

    async def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> dict[str, Any]:
        async with self._open(method, path, body, timeout=timeout) as response:
            await _raise_for_status(response)
            raw = await response.read()
            return _object(raw) if len(raw) < LONG_ANSWER else await asyncio.to_thread(_object, raw)

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise RequestError("The connection to the engine is not open.")
        try:
            response = await self._session.request(
                method,
                self._base_url + path,
                data=None if body is None else io.BytesIO(json.dumps(body).encode()),  # as a file: sent in pieces
                headers={"Content-Type": "application/json"},
                timeout=timeout or self._session.timeout,
            )
            try:
                yield response
            finally:
                response.close()  # at once, finished or not: this is what stops a generation nobody reads
        except asyncio.TimeoutError as error:  # another class than TimeoutError before Python 3.11
            raise RequestError(f"The engine gave no answer to {path} in time.") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise RequestError(f"The engine does not answer ({type(error).__name__}).") from error


def _piece_bytes(piece: str | list[int]) -> bytes:
    """llama.cpp writes a piece as text where it is valid UTF-8 and as a list of bytes where not."""
    return piece.encode() if isinstance(piece, str) else bytes(piece)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(raw)
    except ValueError as error:
        raise RequestError("The engine sent something that is not JSON.") from error
    return value


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:  # noqa: PLR2004
        return
    try:
        error = json.loads(await response.read())["error"]
        message, kind = error["message"], error.get("type")
    except (ValueError, KeyError, TypeError):
        message, kind = f"HTTP {response.status}", None
    raise RequestError(message, status=response.status, error_type=kind)
