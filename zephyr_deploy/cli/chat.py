"""``zephyr-deploy chat``."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from zephyr_deploy.cli.address import ApiKeyEnvOpt, UrlOpt, endpoint_for
from zephyr_deploy.cli.answer import answer
from zephyr_deploy.cli.completion import deployment_names
from zephyr_deploy.cli.session import Session
from zephyr_deploy.cli.terminal import utf8
from zephyr_deploy.cli.verb import LOOK, verb
from zephyr_deploy.errors import UsageError

if TYPE_CHECKING:
    from zephyr_deploy.cli.output import Output
    from zephyr_deploy.endpoint.chat import Conversation
    from zephyr_deploy.endpoint.types import Params

STDIN = "-"


@verb(
    panel=LOOK,
    examples=[
        ('zephyr-deploy chat "Why is the sky blue?"', "One question, answered as it is written"),
        ("zephyr-deploy chat", "A conversation; /help lists its commands"),
        ("zephyr-deploy chat - < question.txt", "The question from a file"),
        ('zephyr-deploy chat "Name three rivers." --temperature 0 --output json', "The answer and its numbers as JSON"),
    ],
)
def chat(
    session: Session,
    question: Annotated[
        str | None, typer.Argument(help="What to ask; - reads it from standard input; unset: a conversation.")
    ] = None,
    *,
    name: Annotated[str | None, typer.Option(help="Name of the deployment.", autocompletion=deployment_names)] = None,
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0: always the likeliest token.", min=0, max=10)] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same answer.", min=0)] = None,
    url: UrlOpt = None,
    api_key_env: ApiKeyEnvOpt = None,
) -> None:
    """Talk to the endpoint: one question, or a conversation. The answer appears as it is generated."""
    asked = _question(session, question)
    params = _params(session, temperature, max_new_tokens, seed)
    from zephyr_deploy.endpoint.chat import Conversation
    from zephyr_deploy.endpoint.openai import OpenAIClient

    with endpoint_for(session, name, url, api_key_env) as endpoint, OpenAIClient(endpoint) as client:
        talk = Conversation(client, params, system=system)
        if asked is None:
            from zephyr_deploy.cli.repl import Repl

            Repl(talk, session.out).run()
        elif session.out.mode == "json":
            _as_json(session.out, talk, asked, endpoint.model_id)
        else:
            answer(session.out, talk, asked)


def _as_json(out: Output, talk: Conversation, asked: str, model_id: str) -> None:
    start, first_s, final = time.monotonic(), None, None
    with closing(talk.ask(asked)) as deltas:
        for delta in deltas:
            first_s = first_s if first_s is not None else time.monotonic() - start
            final = delta.final or final
    if final is None:
        raise RuntimeError("a stream without an end got past the client")
    data = {
        "model_id": model_id,
        **final.model_dump(),
        "first_token_s": first_s,
        "seconds": time.monotonic() - start,
    }
    out.result("chat", data, table=lambda: final.text, quiet=final.text)


def _question(session: Session, given: str | None) -> str | None:
    """What to ask; None: hold a conversation on the terminal.

    Standard input is read only where it is meant: beside a question it may be anything, and never end.
    """
    if given is not None and given != STDIN:
        return given
    if given == STDIN or not sys.stdin.isatty():
        return _standard_input()
    if session.out.mode == "json":
        hint = 'Ask one question: zephyr-deploy chat "Why is the sky blue?" --output json'
        raise UsageError("A conversation has no JSON.", hint=hint)
    return None


def _standard_input() -> str:
    """All of it; how bytes that are not UTF-8 are met depends on the locale: at once, or as surrogates."""
    try:
        return utf8(sys.stdin.read(), "Standard input")
    except UnicodeDecodeError:
        raise UsageError("Standard input is not UTF-8 text.", hint="iconv turns other encodings into UTF-8.") from None


def _params(session: Session, temperature: float | None, max_new_tokens: int | None, seed: int | None) -> Params:
    """The sampling of the user's file, which is Zephyr's by default, under the flags."""
    from zephyr_deploy.endpoint.types import Params

    sampling = session.load().deployment.sampling
    return Params(
        max_new_tokens=max_new_tokens or sampling.max_new_tokens,
        temperature=sampling.temperature if temperature is None else temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        seed=seed,
    )
