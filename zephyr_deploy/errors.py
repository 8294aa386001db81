"""Every error that a caller can meet, and the exit code the command line gives it.

::

    ZephyrError                    1  internal
    ├── UsageError                 2  usage
    │   └── DeclinedError          2  a question was answered with no
    ├── ConfigError                3  configuration
    │   └── ConflictError          3  the cloud has something in the way: a name that is taken, two machines for one
    ├── CredentialsError           4  credentials or quota
    │   ├── AuthError              4  the cloud does not know these credentials, or does not let them do this
    │   ├── QuotaError             4  the account may not have (so many of) these machines
    │   └── CreditError            4  the account has not enough credit
    ├── CapacityError              5  no capacity
    │   └── NoCapacityError        5  the cloud has no such machine left there now
    ├── UnreachableError           6  node unreachable or host key
    │   ├── HostKeyError           6  it shows a host key that is not the right one, or that nobody knows
    │   ├── ThrottledError         6  the cloud asks for fewer calls
    │   └── AmbiguousError         6  a call to the cloud may or may not have been carried out
    ├── UnhealthyError             7  unhealthy
    │   ├── NotDeployedError       7  there is no such service
    │   ├── GoneError              7  the cloud has no such thing (any more)
    │   ├── EngineFailedError      7  the engine ended or never became ready
    │   ├── DeadlineError          7  a named wait ran out
    │   └── RequestError           7  the endpoint refused or broke one request
    │       ├── UnauthorizedError  4  the API key is missing or wrong
    │       ├── InvalidRequestError 2 the endpoint says the request is not valid
    │       ├── OverloadedError    7  no room for one more request now
    │       └── IncompleteError    7  an answer that stopped before its end
    ├── GateError                  8  a gate failed
    │   └── HookError              8  a hook of the user does not want it, or cannot be run
    ├── LockedError                9  someone else is at work on this deployment
    └── LeftoversError            10  something could not be taken away
        └── InUseError            10  the cloud does not delete it yet, because something else uses it

Every error carries a ``hint``: the next thing to type or to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AmbiguousError",
    "AuthError",
    "CapacityError",
    "ConfigError",
    "ConflictError",
    "CredentialsError",
    "CreditError",
    "DeadlineError",
    "DeclinedError",
    "EngineFailedError",
    "GateError",
    "GoneError",
    "HookError",
    "HostKeyError",
    "InUseError",
    "IncompleteError",
    "InvalidRequestError",
    "LeftoversError",
    "LockedError",
    "NoCapacityError",
    "NotDeployedError",
    "OverloadedError",
    "QuotaError",
    "RequestError",
    "ThrottledError",
    "UnauthorizedError",
    "UnhealthyError",
    "UnreachableError",
    "UsageError",
    "ZephyrError",
]


class ZephyrError(Exception):
    """Base of every error this package raises on purpose.

    Args:
        message: What went wrong, in one sentence, with the name of the thing.
        hint: What to type or look at next; shown on a line of its own.
        details: Machine-readable facts for ``--output json``; never a secret.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, object] = dict(details or {})


class UsageError(ZephyrError):
    """The command was called in a way that cannot be carried out."""

    exit_code, code = 2, "usage"


class DeclinedError(UsageError):
    """The user was asked, and does not want it; nothing was done."""

    code = "declined"


class ConfigError(ZephyrError):
    """What the user wants is contradictory, unknown or impossible."""

    exit_code, code = 3, "config"


class ConflictError(ConfigError):
    """The cloud has something that is in the way: a name that is taken, two machines where there is to be one."""

    code = "conflict"


class CredentialsError(ZephyrError):
    """A credential is missing or wrong, or a quota stands in the way."""

    exit_code, code = 4, "credentials"


class AuthError(CredentialsError):
    """The cloud does not know these credentials, or does not let them do this."""

    code = "auth"


class QuotaError(CredentialsError):
    """The account may not have such machines, or not so many of them."""

    code = "quota"


class CreditError(CredentialsError):
    """The account has not enough credit."""

    code = "credit"


class CapacityError(ZephyrError):
    """Nobody has the machine that was asked for, or this machine lacks room."""

    exit_code, code = 5, "capacity"


class NoCapacityError(CapacityError):
    """The cloud has no such machine left there now."""

    code = "no_capacity"


class UnreachableError(ZephyrError):
    """A machine or host does not answer, or answers with another key."""

    exit_code, code = 6, "unreachable"


class HostKeyError(UnreachableError):
    """A machine shows a host key that is not the right one, or that nobody knows."""

    code = "host_key"


class ThrottledError(UnreachableError):
    """The cloud asks for fewer calls, and went on to do so for as long as it was waited."""

    code = "throttled"


class AmbiguousError(UnreachableError):
    """Nobody can say whether a call to the cloud was carried out: its answer was lost, or was no answer."""

    code = "ambiguous"


class UnhealthyError(ZephyrError):
    """The service is not able to do its work."""

    exit_code, code = 7, "unhealthy"


class NotDeployedError(UnhealthyError):
    """There is no service of that name."""

    code = "not_deployed"


class GoneError(UnhealthyError):
    """The cloud has no such thing, or has it no more."""

    code = "gone"


class EngineFailedError(UnhealthyError):
    """The engine ended by itself or never became ready."""

    code = "engine_failed"


class DeadlineError(UnhealthyError):
    """A wait ran out; the message names the wait and its length."""

    code = "deadline"


class RequestError(UnhealthyError):
    """One request failed; ``status`` is the HTTP status, or None where there was none."""

    code = "request_failed"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_type: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details={"status": status, "error_type": error_type})
        self.status = status
        self.error_type = error_type


class UnauthorizedError(RequestError):
    """The API key is missing or wrong (401)."""

    exit_code, code = 4, "unauthorized"


class InvalidRequestError(RequestError):
    """The endpoint says that the request is not valid (400, 413, 415, 422)."""

    exit_code, code = 2, "invalid_request"


class OverloadedError(RequestError):
    """The endpoint has no room for one more request now (429)."""

    code = "overloaded"


class IncompleteError(RequestError):
    """The answer stopped before its end."""

    code = "incomplete"


class GateError(ZephyrError):
    """A measured figure is worse than its threshold, or shows what the machine that measured can do."""

    exit_code, code = 8, "gate"


class HookError(GateError):
    """A hook of the user ended with an error, did not end, or cannot be run."""

    code = "hook"


class LockedError(ZephyrError):
    """Someone else is at work on this deployment."""

    exit_code, code = 9, "locked"


class LeftoversError(ZephyrError):
    """Something that should be gone is still there."""

    exit_code, code = 10, "leftovers"


class InUseError(LeftoversError):
    """The cloud does not delete it yet, because something else uses it."""

    code = "in_use"
