"""What AWS's refusals mean.

Codes: "Error codes for the Amazon EC2 API" in EC2's API reference, and the "Common errors" of the other services.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from zephyr_deploy.errors import (
    AmbiguousError,
    AuthError,
    ConfigError,
    ConflictError,
    GoneError,
    InUseError,
    NoCapacityError,
    QuotaError,
    ThrottledError,
    UnreachableError,
    ZephyrError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.exceptions import ClientError

CREDENTIALS_HINT = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; see: aws sts get-caller-identity"
POLICY_HINT = "Let this identity do it: examples/aws-iam-policy.json has all that is needed."
SERVER_ERROR = 500
SHOWN = 120
"""Characters of an answer that is none: it may be a whole page."""


class _Meaning(NamedTuple):
    kind: type[ZephyrError]
    hint: str
    says: str = ""
    """Instead of AWS's own words, which may quote what was sent."""


_UNKNOWN = _Meaning(AuthError, CREDENTIALS_HINT, "AWS does not know these credentials")
_EXPIRED = _Meaning(
    AuthError, "Get new ones (aws sso login), and see that this machine's clock is right.", "the credentials expired"
)
_DENIED = _Meaning(AuthError, POLICY_HINT)
_ACCOUNT = _Meaning(AuthError, "Open https://console.aws.amazon.com/billing: the account wants something of you.")
_CAPACITY = _Meaning(NoCapacityError, "Another zone, region or type may have one: zephyr-deploy offers")
_QUOTA = _Meaning(
    QuotaError,
    "Ask for more at https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas; zephyr-deploy doctor has "
    "the quota's code.",
)
_THROTTLED = _Meaning(ThrottledError, "Try again in a minute; something else may be calling with this account.")
_CONFLICT = _Meaning(ConflictError, "See what is there: zephyr-deploy ls --orphans")
_IN_USE = _Meaning(InUseError, "It goes as soon as what uses it is gone: zephyr-deploy down, again.")
_GONE = _Meaning(GoneError, "See what is there: zephyr-deploy ls")

_CODES: dict[_Meaning, str] = {
    _UNKNOWN: "AuthFailure InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch IncompleteSignature "
    "InvalidSignatureException MissingAuthenticationToken InvalidAccessKeyId",
    _EXPIRED: "ExpiredToken ExpiredTokenException RequestExpired",
    _DENIED: "UnauthorizedOperation AccessDenied AccessDeniedException",
    _ACCOUNT: "OptInRequired PendingVerification Blocked",
    _CAPACITY: "InsufficientInstanceCapacity InsufficientHostCapacity InsufficientReservedInstanceCapacity "
    "InsufficientCapacity InsufficientCapacityOnHost UnfulfillableCapacity InsufficientFreeAddressesInSubnet "
    "Unsupported SpotMaxPriceTooLow",
    _QUOTA: "VcpuLimitExceeded InstanceLimitExceeded MaxSpotInstanceCountExceeded VolumeLimitExceeded "
    "MaxIOPSLimitExceeded SecurityGroupLimitExceeded RulesPerSecurityGroupLimitExceeded ResourceLimitExceeded",
    _THROTTLED: "RequestLimitExceeded Throttling ThrottlingException ThrottledException RequestThrottled "
    "RequestThrottledException TooManyRequestsException EC2ThrottledException SlowDown",
    _CONFLICT: "IdempotentParameterMismatch IdempotentInstanceTerminated InvalidKeyPair.Duplicate "
    "InvalidGroup.Duplicate",
    _IN_USE: "DependencyViolation IncorrectInstanceState IncorrectState VolumeInUse InvalidGroup.InUse "
    "InvalidNetworkInterface.InUse",
    _GONE: "ParameterNotFound InvalidAMIID.Unavailable EC2InstanceNotFoundException",
}
_BY_CODE = {code: meaning for meaning, codes in _CODES.items() for code in codes.split()}


def error_of(error: ClientError, operation: str, *, changes: bool) -> ZephyrError:
    """Our error for a refusal of AWS's.

    Args:
        error: As botocore raised it.
        operation: As IAM calls it, e.g. ec2:RunInstances.
        changes: Whether the call makes or changes something: then an answer that is none leaves that open.
    """
    code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = _BY_CODE.get(code) or _by_words(code, said)
    details = {"code": code, "status": status}
    if meaning is not None:
        # A denial ends with a blob of hundreds of characters that only AWS can read.
        text = meaning.says or f"{operation}: {said.split(' Encoded authorization')[0]}"
        return meaning.kind(f"{text} ({code})", hint=meaning.hint, details={**details, "denied": meaning is _DENIED})
    if status >= SERVER_ERROR:
        return _no_answer(operation, f"AWS answers {status} {code}".strip(), changes=changes, details=details)
    hint = "This is likely to be a setting of the deployment; zephyr-deploy doctor looks at the account."
    return ConfigError(f"AWS refuses {operation}: {said} ({code})", hint=hint, details=details)


def _by_words(code: str, said: str) -> _Meaning | None:
    """Where the code alone does not say it: a network interface in use is an ``InvalidParameterValue``."""
    if code.endswith(".NotFound"):
        return _GONE
    return _IN_USE if "currently in use" in said else None


@contextmanager
def reading(operation: str) -> Iterator[None]:
    """Turn what botocore raises into our errors, for a call that changes nothing."""
    with _translated(operation, changes=False):
        yield


@contextmanager
def changing(operation: str) -> Iterator[None]:
    """Likewise, for a call that makes or changes something and was sent once."""
    with _translated(operation, changes=True):
        yield


@contextmanager
def _translated(operation: str, *, changes: bool) -> Iterator[None]:
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    unsent = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)
    credentials = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)
    try:
        yield
    except boto.ClientError as error:
        raise error_of(error, operation, changes=changes) from error
    except credentials as error:
        raise AuthError(f"there are no credentials for AWS: {error}", hint=CREDENTIALS_HINT) from error
    except (boto.TokenRetrievalError, boto.SSOError) as error:
        raise AuthError(f"the credentials for AWS expired: {error}", hint="aws sso login") from error
    except (boto.ProfileNotFound, boto.ConfigParseError, boto.InvalidRegionError, boto.NoRegionError) as error:
        raise ConfigError(f"{operation}: {error}", hint="Look at AWS_PROFILE, AWS_REGION and ~/.aws/config.") from error
    except unsent as error:
        raise UnreachableError(f"AWS cannot be reached for {operation}: {error}", hint="Is there a network?") from error
    except (boto.HTTPClientError, boto.IncompleteReadError, boto.SSLError, ResponseParserError) as error:
        raise _no_answer(operation, str(error)[:SHOWN], changes=changes) from error
    except boto.BotoCoreError as error:
        raise ConfigError(f"{operation}: {error}", hint="Look at the AWS_… variables and ~/.aws/config.") from error


def _no_answer(operation: str, why: str, *, changes: bool, details: Mapping[str, object] | None = None) -> ZephyrError:
    if not changes:
        hint = "Try again in a minute."
        return UnreachableError(f"{operation} got no answer: {why}", hint=hint, details=details)
    hint = "The same command again looks at what came of it."
    return AmbiguousError(f"{operation} may or may not have been carried out: {why}", hint=hint, details=details)
