"""Before a call gets anywhere: whose it is, whether its region is enabled, and where it comes from."""

from __future__ import annotations

from xml.sax.saxutils import escape

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from emulators.aws.account import Account
from emulators.aws.chain import Answer, Call, Onward, Part, refused, said

REFUSED = "AWS was not able to validate the provided access credentials"
BAD = {
    "ec2": ("AuthFailure", REFUSED, 401),
    "sts": ("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
}
OTHERWISE = ("UnrecognizedClientException", "The security token included in the request is invalid.", 400)


def address(account: Account) -> Part:
    """``GET /``, not signed: the caller's own address, as checkip.amazonaws.com says it."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.service:
            return onward(call)
        return Answer(200, f"{account.caller}\n".encode(), {"Content-Type": "text/plain"})

    return part


def credentials(account: Account) -> Part:
    """Only calls that are signed by a key of the account pass."""

    def part(call: Call, onward: Onward) -> Answer:
        secret = account.credentials.get(call.key)
        if secret is None or not _signed_with(call, secret):
            return refused(call, *BAD.get(call.service, OTHERWISE))
        return onward(call)

    return part


def regions(account: Account) -> Part:
    """Regions that are not enabled refuse every call, as those do that one has to opt in to."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.service == "ec2" and call.region not in account.regions:
            return refused(call, "AuthFailure", REFUSED, 401)
        if call.action != "DescribeRegions":
            return onward(call)
        items = "".join(
            f"<item><regionName>{escape(name)}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
            "<optInStatus>opt-in-not-required</optInStatus></item>"
            for name in account.regions
        )
        return said(call, f"<regionInfo>{items}</regionInfo>")

    return part


def _signed_with(call: Call, secret: str) -> bool:
    """Whether the signature (version 4) is the one that this secret gives."""
    fields = dict(
        part.strip().split("=", 1) for part in call.environ["HTTP_AUTHORIZATION"].partition(" ")[2].split(",")
    )
    headers = {
        name: call.environ.get(
            "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}", ""
        )
        for name in fields["SignedHeaders"].split(";")
    }
    url = f"http://{call.environ['HTTP_HOST']}{call.environ['PATH_INFO']}"
    request = AWSRequest(call.environ["REQUEST_METHOD"], url, headers, call.body)
    request.context["timestamp"] = call.environ["HTTP_X_AMZ_DATE"]
    signer = SigV4Auth(Credentials(call.key, secret), call.service, call.region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return bool(signer.signature(text, request) == fields["Signature"])
