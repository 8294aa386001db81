"""Keeps both secrets out of what is written: the API wants one of them in every URL."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from zephyr_deploy.spec.secret import REDACTED

if TYPE_CHECKING:
    import httpx

    from zephyr_deploy.providers.e2e.credentials import Credentials

LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")
"""By which httpx and httpcore tell what they do, with the headers of answers, where a redirect would repeat the URL."""

_secrets: set[str] = set()


class _Cleaner(logging.Filter):
    """Lets every record pass, cleaned."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = clean(record.getMessage()), None
        return True


_cleaner = _Cleaner()


def protect(credentials: Credentials) -> None:
    """See from now on that nothing has these secrets in it that the HTTP libraries log, or that `clean` returns."""
    for secret in (credentials.api_key, credentials.auth_token):
        _secrets.update({secret.get_secret_value(), quote(secret.get_secret_value(), safe="")})
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_cleaner)


def clean(text: str) -> str:
    """The text without secrets."""
    for secret in _secrets:
        text = text.replace(secret, REDACTED)
    return text


def signing(inner: httpx.BaseTransport, credentials: Credentials) -> httpx.BaseTransport:
    """Adds both secrets where a request leaves, so that httpx's own requests, errors and logs have never had them."""
    import httpx

    class Signing(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            signed = httpx.Request(
                request.method,
                request.url.copy_add_param("apikey", credentials.api_key.get_secret_value()),
                headers={**request.headers, "Authorization": f"Bearer {credentials.auth_token.get_secret_value()}"},
                stream=request.stream,
                extensions=request.extensions,
            )
            return inner.handle_request(signed)

        def close(self) -> None:
            inner.close()

    return Signing()
