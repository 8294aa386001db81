"""One attempt to post: whether it arrived, and in words without the address why not.

httpx's client would log the address, and its errors may hold it; so the request is given to a transport, no error of
ours has one of httpx behind it, and what httpcore logs of answers, where a redirect would repeat it, is dropped.
"""

from __future__ import annotations

import logging
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zephyr_deploy.endpoint.proxy import proxy_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from zephyr_deploy.spec.secret import Secret

AGAIN = {408, 425, 429, 500, 502, 503, 504}
"""Answers after which it may go well a little later."""
LONGEST_S = 10.0
"""The longest pause that an answer may ask for, in seconds."""
LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")
_here = threading.local()


class NotTaken(Exception):  # noqa: N818 - it never leaves this package
    """It did not arrive, as far as anybody knows.

    Args:
        why: In words that hold nothing of the address.
        passing: Whether it may go well a little later.
        wait_s: The pause that was asked for, in seconds.
    """

    def __init__(self, why: str, *, passing: bool, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.passing = passing
        self.wait_s = wait_s


def post(address: Secret, body: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
    """Post JSON, and look at the status of the answer alone; nobody is followed elsewhere.

    Raises:
        NotTaken: see there.
    """
    import httpx

    url = address.get_secret_value()
    try:
        request = httpx.Request(
            "POST",
            url,
            content=body,
            headers={"Content-Type": "application/json", "User-Agent": "zephyr-deploy", **headers},
            extensions={"timeout": httpx.Timeout(timeout_s).as_dict()},
        )
        with _unlogged(), httpx.HTTPTransport(verify=request.url.scheme != "http", proxy=proxy_for(url)) as wire:
            response = wire.handle_request(request)
            response.close()
    except httpx.TimeoutException:
        raise NotTaken(f"it was silent for {timeout_s:g} s", passing=True) from None
    except httpx.HTTPError as error:
        raise _lost(error) from None
    except (httpx.InvalidURL, ValueError):  # a host that is no name, a proxy of an unknown kind
        raise NotTaken("it cannot be posted to: the address, or the proxy, is none", passing=False) from None
    except OSError as error:  # certificates that cannot be read
        raise NotTaken(f"nothing can be posted from here: {error.strerror}", passing=False) from None
    if not response.is_success:
        raise _refused(response)


class _Unlogged(logging.Filter):
    """Passes what other threads log."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return not getattr(_here, "posts", False)


_filter = _Unlogged()


@contextmanager
def _unlogged() -> Iterator[None]:
    """What the body does in this thread, httpcore does not log."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)  # one that is there already is not added again
    _here.posts = True
    try:
        yield
    finally:
        _here.posts = False


def _refused(response: httpx.Response) -> NotTaken:
    status, asked = response.status_code, response.headers.get("Retry-After", "")
    where = ", elsewhere" if response.is_redirect else ""
    wait_s = min(float(asked), LONGEST_S) if asked.isdecimal() else None
    return NotTaken(f"it answered {status}{where}", passing=status in AGAIN, wait_s=wait_s)


def _lost(error: httpx.HTTPError) -> NotTaken:
    """What happened by the kind of the error: its words may hold the name of the host."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # e.g. "self-signed certificate"; that of a wrong name has the name behind a comma
            why = (cause.verify_message or "no reason given").partition(",")[0].lower()
            return NotTaken(f"its certificate is not good: {why}", passing=False)
        if isinstance(cause, ssl.SSLError):
            return NotTaken("it speaks no TLS that is understood", passing=False)
        cause = cause.__cause__ or cause.__context__
    return NotTaken(f"the connection failed ({type(error).__name__})", passing=True)
