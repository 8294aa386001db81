"""Who counts tokens: each engine's own routes, or a tokenizer here. None of it is for the time of a measurement."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from zephyr_deploy.endpoint.naming import model_name
from zephyr_deploy.errors import DeadlineError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zephyr_deploy.bench.prompts.vocabulary import CountedBy
    from zephyr_deploy.endpoint.plain import Ask
    from zephyr_deploy.endpoint.types import Endpoint

PLENTY = 16
"""How many whole prompts are counted where that costs the server next to nothing."""


class Counter(Protocol):
    """Knows the model's tokens."""

    by: CountedBy
    prompts: int
    """How many whole prompts may be counted: few where each is an answer that the server has to begin."""

    def ids(self, text: str) -> list[int]:
        """The tokens of ``text`` by itself, special ones included."""

    def whole(self, text: str) -> int:
        """Tokens of the prompt that the model is given for ``text``: with the chat template and special tokens."""


class Asked:
    """The endpoint, asked one thing at a time until a deadline.

    Args:
        ask: What asks it.
        endpoint: Whose dialect is spoken.
        deadline_s: Longest time for all questions together, in seconds; the last one may take a read's timeout more.
    """

    def __init__(self, ask: Ask, endpoint: Endpoint, deadline_s: float) -> None:
        self._ask, self.model = ask, model_name(endpoint)
        self._deadline_s, self._end = deadline_s, time.monotonic() + deadline_s

    def post(self, path: str, **body: Any) -> Any:
        """The JSON of its answer.

        Raises:
            ZephyrError: refused, out of time, or no answer.
        """
        if time.monotonic() > self._end:
            raise DeadlineError(f"the tokens were not counted within {self._deadline_s:g} s")
        return self._ask(path, body)

    def usage(self, text: str) -> int:
        """Tokens of a chat's prompt, by what an answer of one token says of it."""
        from zephyr_deploy.endpoint.openai import CHAT

        messages = _user(text)
        said = self.post(CHAT, model=self.model, messages=messages, max_tokens=1, temperature=0.0, stream=False)
        return _number(_member(said, "usage"), "prompt_tokens")


class ServerCounter:
    """Asks the server; each engine has its own routes.

    Args:
        asked: The endpoint.
        chat: Whether the prompt of a chat is counted, with its template; else a text.
    """

    by: CountedBy = "server"
    prompts = PLENTY

    def __init__(self, asked: Asked, *, chat: bool) -> None:
        self._asked, self._chat = asked, chat

    def ids(self, text: str) -> list[int]:
        """As `Counter.ids`."""
        raise NotImplementedError

    def whole(self, text: str) -> int:
        """As `Counter.whole`."""
        return self._of_chat(text) if self._chat else len(self.ids(text))

    def _of_chat(self, text: str) -> int:
        raise NotImplementedError


class TgiCounter(ServerCounter):
    """TGI's ``/tokenize`` and ``/chat_tokenize``; the gateway of the embedded engine has both."""

    def ids(self, text: str) -> list[int]:
        """As `Counter.ids`."""
        return _ids(self._asked.post("/tokenize", inputs=text), lambda token: token["id"])

    def _of_chat(self, text: str) -> int:
        said = self._asked.post("/chat_tokenize", model=self._asked.model, messages=_user(text))
        return len(_ids(_member(said, "tokenize_response"), lambda token: token["id"]))


class LlamaCounter(ServerCounter):
    """llama.cpp's own server: ``/tokenize``, and ``/apply-template`` before it."""

    def ids(self, text: str) -> list[int]:
        """As `Counter.ids`."""
        said = self._asked.post("/tokenize", content=text, add_special=True, parse_special=True)
        return _ids(_member(said, "tokens"), int)

    def _of_chat(self, text: str) -> int:
        return len(self.ids(str(_member(self._asked.post("/apply-template", messages=_user(text)), "prompt"))))


class VllmCounter(ServerCounter):
    """vLLM's ``/tokenize``, which takes texts and conversations."""

    def ids(self, text: str) -> list[int]:
        """As `Counter.ids`."""
        return _ids(_member(self._asked.post("/tokenize", model=self._asked.model, prompt=text), "tokens"), int)

    def _of_chat(self, text: str) -> int:
        return _number(self._asked.post("/tokenize", model=self._asked.model, messages=_user(text)), "count")


class SglangCounter(VllmCounter):
    """SGLang's ``/tokenize``, which takes texts alone: what a template adds is known by answers of one token."""

    def __init__(self, asked: Asked, *, chat: bool) -> None:
        super().__init__(asked, chat=chat)
        self.prompts = 2 if chat else PLENTY

    def _of_chat(self, text: str) -> int:
        return self._asked.usage(text)


class LocalCounter:
    """A tokenizer here; what a chat template adds is known by answers of one token."""

    by: CountedBy = "tokenizer"

    def __init__(self, encode: Callable[[str], list[int]], asked: Asked, *, chat: bool) -> None:
        self.ids = encode
        self._asked, self._chat = asked, chat
        self.prompts = 2 if chat else PLENTY

    def whole(self, text: str) -> int:
        """As `Counter.whole`."""
        return self._asked.usage(text) if self._chat else len(self.ids(text))


def _user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _member(said: Any, name: str) -> Any:
    try:
        return said[name]
    except (TypeError, LookupError) as error:
        raise RequestError(f"the server's answer has no {name}", error_type="malformed") from error


def _number(said: Any, name: str) -> int:
    found = _member(said, name)
    if not isinstance(found, int) or found < 1:
        raise RequestError(f"the server's {name} is no number of tokens", error_type="malformed")
    return found


def _ids(said: Any, number: Callable[[Any], int]) -> list[int]:
    try:
        return [number(token) for token in said]
    except (TypeError, LookupError, ValueError) as error:
        raise RequestError("the server's tokens are in no known form", error_type="malformed") from error
