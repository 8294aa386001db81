"""A conversation: what has been said, and what is said next. Knows nothing of terminals."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.endpoint.errors import is_too_long
from zephyr_deploy.endpoint.types import Message
from zephyr_deploy.errors import InvalidRequestError, RequestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from zephyr_deploy.endpoint.types import Delta, Params


class ChatClient(Protocol):
    """Whoever can stream an answer to messages."""

    def stream(self, messages: Sequence[Message], params: Params) -> Generator[Delta, None, None]:
        """The answer in pieces; the last one carries the whole."""
        ...


class Conversation:
    """Questions and answers, oldest first, under one system prompt.

    Args:
        client: Who answers.
        params: Sampling of every answer.
        system: The system prompt; None: the chat template's own, if it has one.
    """

    def __init__(self, client: ChatClient, params: Params, *, system: str | None = None) -> None:
        self._client = client
        self._params = params
        self.system = system
        self.turns: list[Message] = []

    def clear(self) -> None:
        """Forget what was said; the system prompt stays."""
        self.turns.clear()

    def ask(self, question: str) -> Generator[Delta, None, None]:
        """The answer in pieces. An answer that is broken off counts with what came of it; a refused question does not.

        Raises:
            UsageError: the question is empty.
            InvalidRequestError: the endpoint refuses it; the hint says so when the conversation is too long.
            UnreachableError, DeadlineError, RequestError: as `OpenAIClient.stream`.
        """
        if not question.strip():
            raise UsageError("the question is empty", hint='Ask something: zephyr-deploy chat "Why is the sky blue?"')
        asked = Message(role="user", content=question)
        pieces: list[str] = []
        try:
            with closing(self._client.stream(self._messages(asked), self._params)) as deltas:
                for delta in deltas:
                    pieces.append(delta.text)
                    yield delta
        except RequestError as error:
            if is_too_long(error):
                raise self._too_long(error) from error
            raise
        finally:
            if any(pieces):
                self.turns += [asked, Message(role="assistant", content="".join(pieces))]

    def _messages(self, asked: Message) -> list[Message]:
        first = [Message(role="system", content=self.system)] if self.system else []
        return [*first, *self.turns, asked]

    def _too_long(self, error: RequestError) -> InvalidRequestError:
        """We forget nothing by ourselves: an answer that silently lacks the beginning is worse than none."""
        if not self.turns:
            hint = "Send a shorter question or a smaller --max-new-tokens."
            return InvalidRequestError(
                f"the question is too long: {error.message}", status=error.status, error_type="too_long", hint=hint
            )
        return InvalidRequestError(
            f"the conversation has become too long: {error.message}",
            status=error.status,
            error_type="too_long",
            hint="Begin anew with /clear.",
        )
