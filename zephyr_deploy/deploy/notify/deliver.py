"""Brings a message to every channel, side by side, again where that may help, and within one deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

from zephyr_deploy.deploy.notify.channel import CHANNELS
from zephyr_deploy.deploy.notify.payload import payload
from zephyr_deploy.deploy.notify.post import NotTaken, post
from zephyr_deploy.deploy.notify.signature import signed
from zephyr_deploy.errors import CredentialsError, UnreachableError

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from zephyr_deploy.deploy.notify.channel import Channel
    from zephyr_deploy.deploy.notify.message import Message
    from zephyr_deploy.spec.deployment import Notify

HINT = "What was done is done. See what [notify] of zephyr.toml points to; docs/guides/notify.md."


@dataclass(frozen=True)
class Patience:
    """How much is done for a message; times are in seconds."""

    tries: int = 3
    timeout_s: float = 8.0
    """For one answer; Slack's mostly come within one."""
    pause_s: float = 0.5
    """Before the second attempt; it doubles with each further one."""
    deadline_s: float = 30.0
    """For all of it."""


def deliver(message: Message, notify: Notify, patience: Patience = Patience()) -> None:
    """Bring a message wherever it is wanted; nothing where it is not.

    Raises:
        CredentialsError, UnreachableError: it did not arrive somewhere; where it could, it has.
    """
    if message.event != "test" and message.event not in notify.events:
        return
    channels, failures = [], dict[str, str]()
    for name, find in CHANNELS.items():
        try:
            channels.append(find(notify))
        except CredentialsError as error:
            failures[name] = error.message
    unknown = bool(failures)
    failures.update(_side_by_side([one for one in channels if one], message, patience))
    if failures:
        kind = CredentialsError if unknown else UnreachableError
        said = "; ".join(f"{name} was not told: {why}" for name, why in failures.items())
        raise kind(said, hint=HINT, details={"channels": sorted(failures)})


def _side_by_side(channels: list[Channel], message: Message, patience: Patience) -> dict[str, str]:
    """Why a channel did not take it; nothing of those that did.

    Threads, because a server may send an endless answer a byte at a time, in which no timeout of a socket ends; one
    that still waits when the time is over is left behind, and does not keep the program.
    """
    failures: dict[str, str] = {channel.name: f"no answer within {patience.deadline_s:g} s" for channel in channels}

    def work(channel: Channel) -> None:
        try:
            _bring(channel, message, patience)
        except NotTaken as error:
            failures[channel.name] = str(error)
        else:
            failures.pop(channel.name)

    threads = [Thread(target=work, args=(channel,), daemon=True) for channel in channels]
    until = time.monotonic() + patience.deadline_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return dict(failures)


def _bring(channel: Channel, message: Message, patience: Patience) -> None:
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay

    body = payload(channel.name, message)

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, NotTaken) else None
        doubled: float = patience.pause_s * 2 ** (state.attempt_number - 1)
        return doubled if asked is None else asked

    trying = Retrying(
        stop=stop_after_attempt(patience.tries) | stop_after_delay(patience.deadline_s),
        wait=pause,
        retry=retry_if_exception(lambda error: isinstance(error, NotTaken) and error.passing),
        reraise=True,
    )
    for attempt in trying:
        with attempt:
            headers = signed(body, message.id, int(time.time()), channel.signing) if channel.name == "webhook" else {}
            post(channel.address, body, headers, patience.timeout_s)
