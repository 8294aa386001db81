"""What a look at an AWS account finds; nothing is changed."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from zephyr_deploy.errors import ZephyrError
from zephyr_deploy.providers.aws import find
from zephyr_deploy.providers.aws.errors import POLICY_HINT, changing, reading
from zephyr_deploy.providers.aws.image import find_image
from zephyr_deploy.providers.aws.network import default_network, default_subnet
from zephyr_deploy.providers.aws.quota import in_use, quota, quota_of
from zephyr_deploy.providers.aws.tags import specification, stamp_of, tagged
from zephyr_deploy.providers.clouds import checks as common
from zephyr_deploy.providers.clouds.stamp import Stamp
from zephyr_deploy.providers.clouds.types import AccountCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zephyr_deploy.providers.aws.machines import Family
    from zephyr_deploy.providers.aws.quota import Quota
    from zephyr_deploy.providers.aws.session import AwsSession
    from zephyr_deploy.providers.clouds.types import Offer

ALLOWED = "DryRunOperation"
"""How EC2 answers a call with DryRun that it would have carried out."""
DENIED = "UnauthorizedOperation"
TRIED = "zephyr-deploy-doctor"
SMALLEST = "g4dn.xlarge"
"""Launched in a dry run where no offer is looked at."""
LEAST = 4
"""vCPUs that the smallest machine of a family takes."""
NOBODYS_KEY = base64.b64encode(
    b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
    + bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
)
"""The public key of test 1 in RFC 8032, section 7.1: an import of it is tried, and never made."""


def checks(session: AwsSession, offer: Offer | None) -> list[AccountCheck]:
    """Everything that can be looked at; where the credentials are wrong, only why."""
    region = offer.region if offer else session.region
    identity, date = _identity(session)
    clock = common.clock(date, "AWS")
    if identity.verdict == "failed":
        # A clock that is wrong makes credentials look so.
        return [identity, *([clock] if date else [])]
    looks: tuple[tuple[str, Callable[[], AccountCheck]], ...] = (
        ("image", lambda: common.ok("image", f"{find_image(session, region).id} in {region}")),
        ("network", lambda: _network(session, region)),
        ("key", lambda: _key(session, region)),
        ("permissions", lambda: _permissions(session, region, offer)),
        ("leftovers", lambda: common.leftovers(find.resources(session, None))),
    )
    return [identity, clock, *_quotas(session, region, offer), *common.looked(looks)]


def _identity(session: AwsSession) -> tuple[AccountCheck, str]:
    """Whose the credentials are, and AWS's time, which a refusal says too; empty where nobody answered."""
    try:
        with reading("sts:GetCallerIdentity"):
            found = session.client("sts").get_caller_identity()
    except ZephyrError as error:
        return common.failed("credentials", error), _date(getattr(error.__cause__, "response", {}))
    who = f"account {found['Account']} as {found['Arn'].rpartition(':')[2]}"
    return common.ok("credentials", who), _date(found)


def _date(answer: dict[str, Any]) -> str:
    return str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""))


def _quotas(session: AwsSession, region: str, offer: Offer | None) -> Iterator[AccountCheck]:
    """The limit that stands against the offer; without one, those of both families."""
    if offer is not None:
        yield _quota(session, quota(session, offer), offer.cpus)
        return
    families: tuple[Family, ...] = ("G", "P")
    for family in families:
        found = _quota(session, quota_of(session, region, family), 1)
        # Nobody has asked for such a machine yet.
        mild = {"verdict": "warning", "denied": False}
        yield found.model_copy(update=mild) if found.verdict == "failed" else found


def _quota(session: AwsSession, found: Quota, needed: int) -> AccountCheck:
    name = f"quota {found.code}"
    if found.vcpus is None:
        detail = f"how many {found} are allowed is not known ({found.why})"
        return AccountCheck(name=name, verdict="warning", detail=detail, fix=f"Look there: {found.link}")
    try:
        used = in_use(session, found) if found.vcpus else 0
    except ZephyrError:
        used = 0  # Who may not see machines hears of that by the other checks.
    running = f", {used} of them in use" if used else ""
    if found.vcpus - used >= needed:
        return common.ok(name, f"{found.vcpus:.0f} {found}{running}")
    detail = f"{found.vcpus:.0f} {found}{running}, and the machine takes {needed}" if found.vcpus else f"no {found}"
    fix = found.how_to_raise(max(needed, LEAST))
    return AccountCheck(name=name, verdict="failed", detail=detail, fix=fix, denied=True)


def _network(session: AwsSession, region: str) -> AccountCheck:
    network = default_network(session, region)
    default_subnet(session, region, network, "")
    return common.ok("network", f"{network} in {region}")


def _key(session: AwsSession, region: str) -> AccountCheck:
    with reading("ec2:DescribeKeyPairs"):
        pairs = session.ec2(region).describe_key_pairs()["KeyPairs"]
    ours = sum(1 for pair in pairs if stamp_of(pair))
    return common.ok("key", f"{len(pairs)} in {region}, {ours} of them made by zephyr-deploy")


def _permissions(session: AwsSession, region: str, offer: Offer | None) -> AccountCheck:
    """Whether what `up` makes may be made, by calls that EC2 does not carry out."""
    group = _group_of_ours(session, region)
    denied, unclear = [], []
    for action, call in _dry_runs(session, region, offer, group):
        code = _answer(action, call)
        if code == DENIED:
            denied.append(f"ec2:{action}")
        elif code != ALLOWED:
            unclear.append(f"ec2:{action} ({code})")
    if denied == ["ec2:RunInstances"] and group is None:
        # A policy may let machines be only where our tag is, as that in examples/ does.
        detail = "a key and a security group may be made; whether a machine may in such a group, it takes one to tell"
        fix = "zephyr-deploy up makes one, and says what is refused."
        return AccountCheck(name="permissions", verdict="warning", detail=detail, fix=fix)
    if denied:
        detail = f"not allowed: {', '.join(denied)}"
        return AccountCheck(name="permissions", verdict="failed", detail=detail, fix=POLICY_HINT, denied=True)
    if unclear:
        detail = f"cannot be told: {', '.join(unclear)}"
        return AccountCheck(name="permissions", verdict="warning", detail=detail, fix="Mend what else is named here.")
    return common.ok("permissions", "a machine, a key and a security group may be made, with tags")


def _group_of_ours(session: AwsSession, region: str) -> str | None:
    """The id of a security group with our stamp."""
    with reading("ec2:DescribeSecurityGroups"):
        groups = session.ec2(region).describe_security_groups(Filters=tagged(None))["SecurityGroups"]
    return next((str(group["GroupId"]) for group in groups if stamp_of(group)), None)


def _dry_runs(
    session: AwsSession, region: str, offer: Offer | None, group: str | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Calls that make something, with the tags that they would have: a policy may insist on them."""
    ec2 = session.ec2(region, once=True)
    stamp = Stamp(deployment=TRIED, run="00000000", expires=datetime.now(timezone.utc))
    tags = partial(specification, stamp)
    yield (
        "RunInstances",
        lambda: ec2.run_instances(
            DryRun=True,
            ImageId=find_image(session, region).id,
            InstanceType=offer.machine_type if offer else SMALLEST,
            MinCount=1,
            MaxCount=1,
            **({"SecurityGroupIds": [group]} if group else {}),
            TagSpecifications=tags("instance", "volume", "network-interface"),
        ),
    )
    public = f"ssh-ed25519 {NOBODYS_KEY.decode()}".encode()
    yield (
        "ImportKeyPair",
        lambda: ec2.import_key_pair(
            DryRun=True, KeyName=TRIED, PublicKeyMaterial=public, TagSpecifications=tags("key-pair")
        ),
    )
    yield (
        "CreateSecurityGroup",
        lambda: ec2.create_security_group(
            DryRun=True, GroupName=TRIED, Description=TRIED, TagSpecifications=tags("security-group")
        ),
    )


def _answer(action: str, call: Callable[[], object]) -> str:
    """The code of what EC2 says to a dry run."""
    try:
        with changing(f"ec2:{action}"):
            call()
    except ZephyrError as error:
        return str(error.details.get("code") or error.message)
    return "it was carried out"
