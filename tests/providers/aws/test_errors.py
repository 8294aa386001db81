"""What AWS's refusals mean."""

import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from zephyr_deploy import errors as ours
from zephyr_deploy.providers.aws.errors import changing, reading


def refused(code, status=400, message="said AWS"):
    error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(error, "RunInstances")


def translated(error, how=changing):
    with pytest.raises(ours.ZephyrError) as failed, how("ec2:RunInstances"):
        raise error
    assert failed.value.hint
    return failed.value


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InsufficientInstanceCapacity", 500, ours.NoCapacityError),
        ("InsufficientFreeAddressesInSubnet", 400, ours.NoCapacityError),
        ("Unsupported", 400, ours.NoCapacityError),
        ("SpotMaxPriceTooLow", 400, ours.NoCapacityError),
        ("VcpuLimitExceeded", 400, ours.QuotaError),
        ("MaxSpotInstanceCountExceeded", 400, ours.QuotaError),
        ("RequestLimitExceeded", 503, ours.ThrottledError),
        ("ThrottlingException", 400, ours.ThrottledError),
        ("AuthFailure", 401, ours.AuthError),
        ("ExpiredToken", 400, ours.AuthError),
        ("RequestExpired", 400, ours.AuthError),
        ("UnauthorizedOperation", 403, ours.AuthError),
        ("OptInRequired", 401, ours.AuthError),
        ("PendingVerification", 400, ours.AuthError),
        ("Blocked", 400, ours.AuthError),
        ("IdempotentParameterMismatch", 400, ours.ConflictError),
        ("InvalidKeyPair.Duplicate", 400, ours.ConflictError),
        ("DependencyViolation", 400, ours.InUseError),
        ("IncorrectInstanceState", 400, ours.InUseError),
        ("InvalidInstanceID.NotFound", 400, ours.GoneError),
        ("InvalidSubnetID.NotFound", 400, ours.GoneError),
        ("InvalidAMIID.Unavailable", 400, ours.GoneError),
        ("InternalError", 500, ours.AmbiguousError),
        ("Unavailable", 503, ours.AmbiguousError),
        ("500", 500, ours.AmbiguousError),
        ("InvalidParameterValue", 400, ours.ConfigError),
    ],
)
def test_a_code(code, status, kind):
    error = translated(refused(code, status))
    assert type(error) is kind
    assert code in error.message
    assert error.details["code"] == code


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "ExpiredToken", "AuthFailure"])
def test_what_aws_says_of_signatures_is_not_repeated(code):
    quoted = "The Canonical String for this request should have been 'POST / AKIASECRET'"
    assert "AKIASECRET" not in translated(refused(code, 403, quoted)).message


def test_a_denial_names_the_call_and_leaves_the_blob_out():
    blob = "You are not authorized to perform this operation. Encoded authorization failure message: 7Qx9" + "x" * 500
    error = translated(refused("UnauthorizedOperation", 403, blob))
    assert "ec2:RunInstances" in error.message
    assert "7Qx9" not in error.message
    assert "examples/aws-iam-policy.json" in error.hint


UNSENT = [
    boto.EndpointConnectionError(endpoint_url="https://ec2"),
    boto.ConnectTimeoutError(endpoint_url="https://ec2"),
]
UNANSWERED = [
    boto.ReadTimeoutError(endpoint_url="https://ec2"),
    boto.ConnectionClosedError(endpoint_url="https://ec2"),
    boto.ResponseStreamingError(error="cut"),
    ResponseParserError("no XML"),
    boto.SSLError(endpoint_url="https://ec2", error="broken while the answer came"),
]


@pytest.mark.parametrize("error", UNSENT, ids=lambda error: type(error).__name__)
def test_what_was_never_sent_is_not_ambiguous(error):
    assert type(translated(error)) is ours.UnreachableError


@pytest.mark.parametrize("error", UNANSWERED, ids=lambda error: type(error).__name__)
def test_what_was_not_answered_is_ambiguous_where_it_changes_something(error):
    assert type(translated(error)) is ours.AmbiguousError
    assert type(translated(error, reading)) is ours.UnreachableError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (boto.NoCredentialsError(), ours.AuthError),
        (boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), ours.AuthError),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), ours.AuthError),
        (boto.ProfileNotFound(profile="work"), ours.ConfigError),
        (boto.ParamValidationError(report="no such parameter"), ours.ConfigError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_settings(error, kind):
    assert type(translated(error)) is kind
