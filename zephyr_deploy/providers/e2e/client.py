"""Speaks to the MyAccount API: who asks, what for, and whether an answer is one.

What only reads is asked once more where nothing came of it. What changes something is never sent twice: the API has no
token by which it would know a repeated call.
"""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from zephyr_deploy.endpoint.proxy import proxy_for
from zephyr_deploy.errors import AmbiguousError, ConfigError, ThrottledError, UnreachableError, ZephyrError
from zephyr_deploy.providers.clouds.checks import read_date
from zephyr_deploy.providers.e2e.errors import error_of, message_of
from zephyr_deploy.providers.e2e.redact import clean, protect, signing

if TYPE_CHECKING:
    import httpx

    from zephyr_deploy.providers.e2e.credentials import Credentials

BASE_URL = "https://api.e2enetworks.com/myaccount/api/v1"
"""As in e2ectl 0.6.1, ``src/myaccount/transport.ts``."""
OVERRIDE = "ZEPHYR_E2E_BASE_URL"
TIMEOUT_S = 30.0
"""For one answer, in seconds. E2E's own client waits 10 s; creating a node may take longer than that."""
CONNECT_S = 10.0
PAUSE_S = 0.25
"""Before a read is asked once more, in seconds, as in E2E's own client."""
THROTTLE_S = 10.0
"""Longest pause that an answer may ask for, in seconds."""
PER_PAGE = 100
MOST_PAGES = 1000
BROKEN = {408, 500, 502, 503, 504}
"""Nobody knows then what became of the call."""
REFUSED = 400
UNSCOPED = ("/iam/", "/pbac/")
"""Paths that belong to the account, not to a project and a location."""


class Answer(NamedTuple):
    """What the API answered to a call that it carried out."""

    data: Any
    message: str
    body: dict[str, Any]
    date: str
    """Its clock, as in the ``Date`` header; empty where it has none."""


class Lost(NamedTuple):
    """Why there was no answer."""

    why: str
    sent: bool
    """Whether the call may have arrived."""


class E2eClient:
    """Calls in the name of one account.

    Args:
        credentials: Whose calls they are.
        project: What project-scoped calls are about.

    Raises:
        ConfigError: the API's address is not one for secrets.
    """

    def __init__(self, credentials: Credentials, project: str = "") -> None:
        self.credentials = credentials
        self.project = project or credentials.project
        self.base = _base()
        self._http: httpx.Client | None = None
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The time by the API's own clock, as its last answer had it; by this machine's before the first."""
        return datetime.now(timezone.utc) + self._ahead

    def get(self, path: str, *, location: str = "", **query: str) -> Answer:
        """Ask; once more where nothing came of it.

        Raises:
            UnreachableError: there is no answer.
            ThrottledError, AuthError, GoneError, ConfigError: it is refused.
        """
        answer = self._attempt("GET", path, location, query, None)
        if isinstance(answer, (Lost, ThrottledError)):
            time.sleep(_pause(answer))
            answer = self._attempt("GET", path, location, query, None)
        if isinstance(answer, Lost):
            raise UnreachableError(
                f"E2E Networks did not answer GET {path}: {answer.why}", hint=f"curl -sI {self.base}/"
            )
        if isinstance(answer, ZephyrError):
            raise answer
        return answer

    def pages(self, path: str, *, location: str = "") -> list[dict[str, Any]]:
        """All rows of a list, whatever the size of its pages.

        Raises:
            As `get`.
        """
        rows: list[dict[str, Any]] = []
        for number in range(1, MOST_PAGES):
            answer = self.get(path, location=location, page_no=str(number), per_page=str(PER_PAGE))
            rows.extend(row for row in answer.data or [] if isinstance(row, dict))
            if number >= int(answer.body.get("total_page_number") or 1):
                break
        return rows

    def post(self, path: str, body: dict[str, Any], *, location: str = "") -> Answer:
        """Make something, in one call.

        Raises:
            AmbiguousError: it may have been made.
            UnreachableError: it was not, for there was no connection.
            ZephyrError: it was refused; see `zephyr_deploy.providers.e2e.errors`.
        """
        return self._change("POST", path, location, body)

    def put(self, path: str, body: dict[str, Any], *, location: str = "") -> Answer:
        """Change something, in one call.

        Raises:
            As `post`.
        """
        return self._change("PUT", path, location, body)

    def delete(self, path: str, *, location: str = "") -> Answer:
        """Delete something, in one call.

        Raises:
            As `post`.
        """
        return self._change("DELETE", path, location, None)

    def _change(self, method: str, path: str, location: str, body: dict[str, Any] | None) -> Answer:
        answer = self._attempt(method, path, location, {}, body)
        if isinstance(answer, ZephyrError):
            raise answer
        if not isinstance(answer, Lost):
            return answer
        if not answer.sent:
            raise UnreachableError(f"no connection to E2E Networks: {answer.why}", hint=f"curl -sI {self.base}/")
        raise AmbiguousError(
            f"E2E Networks did not say whether it carried out {method} {path}: {answer.why}",
            hint="See what there is: zephyr-deploy ls.",
        )

    def _attempt(
        self, method: str, path: str, location: str, query: dict[str, str], body: dict[str, Any] | None
    ) -> Answer | Lost | ZephyrError:
        """One call. An exception of httpx ends here: none of ours has one behind it."""
        import httpx

        scope = {} if path.startswith(UNSCOPED) else {"project_id": self.project, "location": location}
        try:
            response = self._client().request(method, path, params={**scope, **query}, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.ProxyError) as error:
            return Lost(clean(str(error)) or type(error).__name__, sent=False)
        except httpx.TimeoutException:
            return Lost("it was silent for too long", sent=True)
        except httpx.HTTPError as error:
            return Lost(clean(str(error)) or type(error).__name__, sent=True)
        return self._read(response, f"{method} {path}")

    def _read(self, response: httpx.Response, doing: str) -> Answer | Lost | ZephyrError:
        """An answer is one where none of the six signs of failure is there that E2E's own client knows."""
        self._hear(response.headers.get("Date", ""))
        status, body = response.status_code, _json(clean(response.text))
        if status in BROKEN:
            return Lost(f"status {status}", sent=True)
        failure = _failure(status, body)
        if failure:
            return error_of(failure, body, doing, wait_s=_seconds(response.headers.get("Retry-After", "")))
        if not _is_envelope(body):
            return Lost(f"status {status} with an answer that is not the API's", sent=True)
        return Answer(body.get("data"), message_of(body), body, response.headers.get("Date", ""))

    def _hear(self, date: str) -> None:
        """Note how far the API's clock is ahead of this machine's."""
        theirs = read_date(date)
        if theirs is not None:
            self._ahead = theirs - datetime.now(timezone.utc)

    def _client(self) -> httpx.Client:
        if self._http is None:
            import httpx

            protect(self.credentials)
            # Reading the system's certificates takes a tenth of a second; without TLS nobody asks for them.
            wire = httpx.HTTPTransport(verify=self.base.startswith("https:"), proxy=proxy_for(self.base))
            self._http = httpx.Client(
                base_url=self.base,
                headers={"User-Agent": "zephyr-deploy"},
                timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S),
                transport=signing(wire, self.credentials),
            )
        return self._http


def _base() -> str:
    """The API's address.

    Raises:
        ConfigError: secrets would go there in the clear.
    """
    from zephyr_deploy.endpoint.loopback import is_loopback

    base = (os.environ.get(OVERRIDE) or BASE_URL).rstrip("/")
    if not base.startswith("https://") and not (base.startswith("http://") and is_loopback(base)):
        raise ConfigError(f"{OVERRIDE}={base} is neither https nor on this machine", hint=f"unset {OVERRIDE}")
    return base


def _failure(status: int, body: Any) -> int:
    """The status of a refusal, be it HTTP's or the body's own; 0: it is none."""
    if not 200 <= status < 300:  # noqa: PLR2004 - success, to HTTP
        return status
    if not isinstance(body, dict):
        return 0
    for key in ("code", "status_code"):
        if isinstance(body.get(key), int) and body[key] >= REFUSED:
            return int(body[key])
    return REFUSED if isinstance(body.get("detail"), str) or body.get("errors") is True else 0


def _is_envelope(body: Any) -> bool:
    return isinstance(body, dict) and "data" in body and isinstance(body.get("code"), int)


def _json(text: str) -> Any:
    """What a text says as JSON; None where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _pause(answer: Lost | ThrottledError) -> float:
    asked = answer.details.get("wait_s") if isinstance(answer, ThrottledError) else None
    return min(asked, THROTTLE_S) if isinstance(asked, float) else PAUSE_S


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
