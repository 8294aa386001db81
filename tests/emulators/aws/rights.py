"""What a policy of IAM allows, for the calls that this project makes.

Left out: Deny, NotAction, principals, and every condition but StringEquals and StringLike.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from emulators.aws.account import Account
from emulators.aws.chain import Answer, Call, Onward, Part, refused

KINDS = {
    "i": "instance",
    "vol": "volume",
    "eni": "network-interface",
    "sg": "security-group",
    "sir": "spot-instances-request",
    "key": "key-pair",
    "subnet": "subnet",
    "vpc": "vpc",
}
"""By what an id begins with."""
TARGETS = {
    "AuthorizeSecurityGroupIngress": "GroupId",
    "CancelSpotInstanceRequests": "SpotInstanceRequestId",
    "CreateTags": "ResourceId",
    "DeleteKeyPair": "KeyPairId",
    "DeleteNetworkInterface": "NetworkInterfaceId",
    "DeleteSecurityGroup": "GroupId",
    "DeleteVolume": "VolumeId",
    "GetConsoleOutput": "InstanceId",
    "RevokeSecurityGroupIngress": "GroupId",
    "SendSSHPublicKey": "InstanceId",
    "TerminateInstances": "InstanceId",
    "UpdateSecurityGroupRuleDescriptionsIngress": "GroupId",
}
"""The parameter by which a call names what it changes."""
MAKES = {
    "CreateSecurityGroup": ("security-group",),
    "ImportKeyPair": ("key-pair",),
    "RunInstances": ("instance", "network-interface", "volume"),
}


class Need(NamedTuple):
    """What has to be allowed."""

    action: str
    resource: str
    facts: dict[str, str]
    """Condition keys."""


def rights(account: Account) -> Part:
    """Calls that ``account.policy`` does not allow are refused; None: everything is allowed."""

    def part(call: Call, onward: Onward) -> Answer:
        policy = account.policy
        if policy is None or not call.service:
            return onward(call)
        for need in _needs(account, call):
            if not any(allows(statement, need) for statement in policy["Statement"]):
                code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDeniedException"
                return refused(call, code, f"not authorized to perform {need.action} on {need.resource}", 403)
        return onward(call)

    return part


def allows(statement: dict[str, Any], need: Need) -> bool:
    """Whether one statement is enough."""
    return (
        any(fnmatchcase(need.action, one) for one in _listed(statement["Action"]))
        and any(fnmatchcase(need.resource, one) for one in _listed(statement["Resource"]))
        and all(
            key in need.facts and any(_matches(how, need.facts[key], one) for one in _listed(values))
            for how, conditions in statement.get("Condition", {}).items()
            for key, values in conditions.items()
        )
    )


def _needs(account: Account, call: Call) -> Iterator[Need]:
    if call.action in TARGETS:
        parameter = TARGETS[call.action]
        names = call.listed(parameter) or [call.params[parameter]]
        user = {"ec2:osuser": call.params["InstanceOSUser"]} if call.action == "SendSSHPublicKey" else {}
        for name in names:
            tags = _resource_tags(account, call.region, name)
            yield Need(call.named, _arn(account, call, _kind(name), name), {**tags, **user})
    elif call.action in MAKES:
        yield from _making(account, call)
    elif call.action == "GetParameter":
        yield Need(call.named, f"arn:aws:ssm:{call.region}::parameter{call.params['Name']}", {})
    else:
        yield Need(call.named, "*", {})


def _making(account: Account, call: Call) -> Iterator[Need]:
    """The call itself on everything that it makes and uses, and the tagging of what it makes."""
    tags = call.tags()
    spot = call.params.get("InstanceMarketOptions.MarketType") == "spot"
    for kind in (*MAKES[call.action], *(["spot-instances-request"] if spot else [])):
        asked = {f"aws:RequestTag/{key}": text for key, text in tags.get(kind, {}).items()}
        arn = _arn(account, call, kind, "new")
        yield Need(call.named, arn, asked)
        if asked:
            yield Need("ec2:CreateTags", arn, {**asked, "ec2:CreateAction": call.action})
    if call.action == "CreateSecurityGroup":
        yield Need(call.named, _arn(account, call, "vpc", call.params.get("VpcId", "vpc-default")), {})
    if call.action == "RunInstances":
        image = f"arn:aws:ec2:{call.region}::image/{call.params['ImageId']}"
        yield Need(call.named, image, {"ec2:Owner": "amazon"})
        start = "NetworkInterface.1."
        for kind, name in (
            ("subnet", call.params.get(f"{start}SubnetId", "subnet-default")),
            ("key-pair", call.params.get("KeyName", "")),
        ):
            if name:
                yield Need(call.named, _arn(account, call, kind, name), {})
        named = call.params.get(f"{start}SecurityGroupId.1") or call.params.get("SecurityGroupId.1")
        tags = _resource_tags(account, call.region, named) if named else {}
        yield Need(call.named, _arn(account, call, "security-group", named or "sg-default"), tags)


def _resource_tags(account: Account, region: str, name: str) -> dict[str, str]:
    return {f"aws:ResourceTag/{key}": text for key, text in _tags(account, region, name).items()}


def _tags(account: Account, region: str, name: str) -> dict[str, str]:
    if name in account.spot:
        return account.spot[name].tags
    return {tag["key"]: tag["value"] for tag in account.ec2(region).describe_tags(filters={"resource-id": [name]})}


def _arn(account: Account, call: Call, kind: str, name: str) -> str:
    return f"arn:aws:ec2:{call.region}:{account.id}:{kind}/{name}"


def _kind(name: str) -> str:
    return KINDS[name.partition("-")[0]]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _matches(how: str, text: str, wanted: str) -> bool:
    return fnmatchcase(text, wanted) if how == "StringLike" else text == wanted
