"""What else moto leaves out of the calls that this project makes."""

from __future__ import annotations

import base64
from fnmatch import fnmatchcase
from typing import Any
from xml.sax.saxutils import escape

from emulators.aws.account import Account, SpotRequest
from emulators.aws.chain import Answer, Call, Onward, Part, refused, said
from emulators.aws.launch import USER

IMAGES = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-%s/latest/ami-id"
PARAMETERS = {
    IMAGES % "22.04": "ami-0d1a0000000000000",
    IMAGES % "24.04": "ami-0d1a0000000000002",
    "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id": "ami-0c0a0000000000000",
}
"""Public parameters of the Systems Manager, the same in every region."""
IMAGE_GB = 75


def images(account: Account) -> Part:
    """Public parameters that name images; the images are larger than moto's."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.service == "ssm" and call.action == "GetParameter":
            name = call.params["Name"]
            value = account.parameters.get(name)
            if value is None:
                return refused(call, "ParameterNotFound", "")
            return said(call, {"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": 1}})
        answer = onward(call)
        if call.action != "DescribeImages":
            return answer
        size = f"<volumeSize>{IMAGE_GB}</volumeSize>".encode()
        return Answer(answer.status, answer.body.replace(b"<volumeSize>15</volumeSize>", size), answer.headers)

    return part


def dependencies(account: Account) -> Part:
    """Neither a security group that an instance has can be deleted, nor a network interface of one."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.action == "DeleteNetworkInterface":
            name = call.params["NetworkInterfaceId"]
            found = account.ec2(call.region).enis.get(name)
            if found is not None and found.instance is not None:
                return refused(call, "InvalidParameterValue", f"Network interface '{name}' is currently in use.")
            return onward(call)
        if call.action != "DeleteSecurityGroup":
            return onward(call)
        backend, group = account.ec2(call.region), call.params.get("GroupId", "")
        if any(group == one.id for nic in backend.enis.values() for one in nic.group_set):
            return refused(call, "DependencyViolation", f"resource {group} has a dependent object")
        return onward(call)

    return part


def keys(account: Account) -> Part:
    """DeleteKeyPair by id; a key that is not there is fine."""

    def part(call: Call, onward: Onward) -> Answer:
        name = call.params.get("KeyPairId")
        if call.action != "DeleteKeyPair" or name is None:
            return onward(call)
        pairs = account.ec2(call.region).key_pairs
        found = next((pair.key_name for pair in pairs.values() if pair.id == name), None)
        if found is None:
            return said(call, "<return>true</return>")
        return onward(call.but({"KeyPairId": None, "KeyName": found}))

    return part


def console(account: Account) -> Part:
    """GetConsoleOutput, and EC2 Instance Connect's SendSSHPublicKey."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.action not in {"GetConsoleOutput", "SendSSHPublicKey"}:
            return onward(call)
        name = call.params["InstanceId"]
        instance = account.instance(call.region, name)
        if instance is None or name not in account.launched:
            code = "InvalidInstanceID.NotFound" if call.service == "ec2" else "EC2InstanceNotFoundException"
            return refused(call, code, f"The instance ID '{name}' does not exist")
        if call.service == "ec2":
            text = base64.b64encode(account.machines.console(name).encode()).decode()
            return said(call, f"<instanceId>{name}</instanceId><output>{text}</output>")
        if instance.state != "running":
            return refused(call, "EC2InstanceStateInvalidException", "The instance is not running.")
        if call.params["InstanceOSUser"] != USER:
            return refused(call, "InvalidArgsException", "There is no such user.")
        account.machines.admit(name, USER, call.params["SSHPublicKey"])
        return said(call, {"RequestId": "r-1", "Success": True})

    return part


def spot(account: Account) -> Part:
    """The requests behind spot instances."""

    def part(call: Call, onward: Onward) -> Answer:
        requests = [request for request in account.spot.values() if request.region == call.region]
        if call.action == "DescribeSpotInstanceRequests":
            wanted, filters = call.listed("SpotInstanceRequestId"), call.filters()
            found = [one for one in requests if (not wanted or one.id in wanted) and _matches(one, filters)]
            return said(call, f"<spotInstanceRequestSet>{''.join(map(_item, found))}</spotInstanceRequestSet>")
        if call.action == "CancelSpotInstanceRequests":
            return _cancel(account, call)
        if call.action == "CreateTags":
            return _tag(account, call, onward)
        return onward(call)

    return part


def settling(account: Account) -> Part:
    """Lists that lag, and that come in pages."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.service != "ec2":
            return onward(call)
        if call.action == "DescribeInstances" and "InstanceId.1" not in call.params:
            most = min(int(call.params.get("MaxResults", account.page)), account.page)
            call = call.but({"MaxResults": str(most)})
        account.note_births(call.region)
        if call.action.startswith("Describe") and account.lag_s:
            with account.unsettled(call.region):
                return onward(call)
        answer = onward(call)
        account.note_births(call.region)
        return answer

    return part


def _matches(request: SpotRequest, filters: dict[str, list[str]]) -> bool:
    facts = {"state": request.state, "spot-instance-request-id": request.id, "instance-id": request.instance}
    facts.update({f"tag:{name}": text for name, text in request.tags.items()})
    keys = filters.get("tag-key")
    if keys is not None and not set(keys) & set(request.tags):
        return False
    return all(
        any(fnmatchcase(facts.get(name, ""), value) for value in values)
        for name, values in filters.items()
        if name != "tag-key"
    )


def _item(request: SpotRequest) -> str:
    tags = "".join(
        f"<item><key>{escape(name)}</key><value>{escape(text)}</value></item>" for name, text in request.tags.items()
    )
    return (
        f"<item><spotInstanceRequestId>{request.id}</spotInstanceRequestId><state>{request.state}</state>"
        f"<instanceId>{request.instance}</instanceId><type>one-time</type><tagSet>{tags}</tagSet></item>"
    )


def _cancel(account: Account, call: Call) -> Answer:
    items = []
    for name in call.listed("SpotInstanceRequestId"):
        request = account.spot.get(name)
        if request is None:
            text = f"The spot instance request ID '{name}' does not exist"
            return refused(call, "InvalidSpotInstanceRequestID.NotFound", text)
        request.state = "cancelled" if request.state == "active" else request.state
        items.append(f"<item><spotInstanceRequestId>{name}</spotInstanceRequestId><state>cancelled</state></item>")
    return said(call, f"<spotInstanceRequestSet>{''.join(items)}</spotInstanceRequestSet>")


def _tag(account: Account, call: Call, onward: Onward) -> Answer:
    """Tags of requests are kept here, the others by moto."""
    names = call.listed("ResourceId")
    new: dict[str, Any] = {}
    while (key := call.params.get(f"Tag.{len(new) + 1}.Key")) is not None:
        new[key] = call.params.get(f"Tag.{len(new) + 1}.Value", "")
    for name in names:
        if name in account.spot:
            account.spot[name].tags.update(new)
    others = [name for name in names if not name.startswith("sir-")]
    if not others:
        return said(call, "<return>true</return>")
    changed: dict[str, str | None] = {f"ResourceId.{number}": None for number in range(1, len(names) + 1)}
    changed.update({f"ResourceId.{number}": name for number, name in enumerate(others, 1)})
    return onward(call.but(changed))
