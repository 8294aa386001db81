"""What the smoke test looks at: one endpoint, with a client of each kind and one question."""

from __future__ import annotations

from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zephyr_deploy.endpoint.errors import error_in
from zephyr_deploy.endpoint.http import ask, open_client, stream
from zephyr_deploy.endpoint.openai import OpenAIClient, parsed
from zephyr_deploy.endpoint.types import Message, Params
from zephyr_deploy.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Generator

    from zephyr_deploy.endpoint.tgi import TgiClient
    from zephyr_deploy.endpoint.types import Endpoint

QUESTION = "What is the capital of Japan?"
SAID = (
    Message(role="system", content="You are a helpful assistant."),
    Message(role="user", content=QUESTION),
)
PLAIN_PROMPT = "The capital of Japan is"
"""For a server that does not render its chat template for us: what any language model goes on with."""
GREEDY = Params(max_new_tokens=32)

TGI_ROUTES = frozenset({"tgi", "llamacpp"})


class Skip(Exception):  # noqa: N818
    """A check that does not apply here; the text says why."""


class Subject:
    """What the checks look at: the endpoint, its clients, and the prompt. A context manager."""

    def __init__(self, endpoint: Endpoint, deadline_s: float) -> None:
        self.endpoint = endpoint
        self.deadline_s = deadline_s
        self.http = open_client(endpoint, read_s=deadline_s)
        self.openai = OpenAIClient(endpoint, deadline_s=deadline_s)

    def __enter__(self) -> Subject:
        """Return the subject itself."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the connections."""
        self.http.close()
        self.openai.__exit__()

    @cached_property
    def tgi(self) -> TgiClient:
        """The text-generation client, which takes a third of a second to import."""
        from zephyr_deploy.endpoint.tgi import TgiClient

        return TgiClient(self.endpoint, deadline_s=self.deadline_s)

    @cached_property
    def prompt(self) -> str:
        """The question in the model's own chat template where the server renders it, else in plain words."""
        if self.endpoint.engine not in TGI_ROUTES:
            return PLAIN_PROMPT
        try:
            return self.templated()
        except RequestError:
            return PLAIN_PROMPT

    def templated(self) -> str:
        """The question as the server's chat template renders it.

        Raises:
            RequestError: the server cannot.
        """
        body = {"messages": [{"role": m.role, "content": m.content} for m in SAID]}
        answer = ask(self.http, "/chat_tokenize", body)
        if not isinstance(answer, dict) or not isinstance(answer.get("templated_text"), str):
            raise RequestError("/chat_tokenize answered without the text", error_type="malformed")
        # The server begins every prompt with it; a template that does so too would double it.
        return str(answer["templated_text"]).removeprefix("<s>")

    def native_body(self) -> dict[str, Any]:
        """A request in TGI's own form."""
        parameters = {"max_new_tokens": GREEDY.max_new_tokens, "details": True, "return_full_text": False}
        return {"inputs": self.prompt, "parameters": parameters}

    def needs_tgi(self) -> None:
        """Skip the check unless the server has TGI's own routes."""
        if self.endpoint.engine not in TGI_ROUTES:
            raise Skip(f"{self.endpoint.engine} does not have this route")

    def events(self, path: str, body: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """The events of a stream, each an object and none of them an error."""
        with closing(stream(self.http, path, body, deadline_s=self.deadline_s)) as data:
            for text in data:
                event = parsed(text)
                failure = error_in(event)
                if failure is not None:
                    raise failure
                yield event
