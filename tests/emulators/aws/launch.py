"""RunInstances as EC2 does it: checked, once for a token, everything tagged; then a machine is switched on."""

from __future__ import annotations

import base64
import gzip
import re
import secrets
from dataclasses import replace
from typing import Any

from emulators.aws.account import Account, SpotRequest
from emulators.aws.chain import Answer, Call, Onward, Part, refused
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
from moto.ec2.utils import filter_dict_attribute_mapping

USER = "ubuntu"
USER_DATA_LIMIT = 16384
filter_dict_attribute_mapping["client-token"] = "client_token"


def launch(account: Account) -> Part:
    """See the module."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.action != "RunInstances":
            return onward(call)
        token = call.params.get("ClientToken", "")
        used = (call.region, _subnet(call), token)
        params = {name: text for name, text in call.params.items() if name != "Version"}
        if token and used in account.tokens:
            first, answer, name = account.tokens[used]
            if params != first:
                text = "The request uses the same client token as a previous, but non-identical request."
                return refused(call, "IdempotentParameterMismatch", text)
            if _is_over(account, call.region, name):
                return refused(call, "IdempotentInstanceTerminated", f"Instance {name} of this token was terminated.")
            return answer
        if refusal := _refusal(account, call):
            return refusal
        answer = onward(call)
        if answer.status == 200 and (found := re.search(rb"<instanceId>(i-[0-9a-f]+)", answer.body)):
            name = found.group(1).decode()
            _mend(account, call, account.instance(call.region, name))
            # A new instance has no public address yet; moto makes one up.
            answer = replace(answer, body=re.sub(rb"<(ipAddress|dnsName)>[^<]*</\1>", b"", answer.body))
            account.tokens[used] = (params, answer, name)
        return answer

    return part


def _unpacked(user_data: bytes) -> bytes:
    """As cloud-init reads it."""
    return gzip.decompress(user_data) if user_data.startswith(b"\x1f\x8b") else user_data


def _is_over(account: Account, region: str, name: str) -> bool:
    instance = account.instance(region, name)
    return instance is None or instance.state == "terminated" or name in account.ending


def _subnet(call: Call) -> str:
    return str(call.params.get("NetworkInterface.1.SubnetId") or call.params.get("SubnetId") or "")


def _refusal(account: Account, call: Call) -> Answer | None:
    """What moto does not look at."""
    if len(base64.b64decode(call.params.get("UserData", ""))) > USER_DATA_LIMIT:
        return refused(call, "InvalidParameterValue", "User data is limited to 16384 bytes")
    backend, subnet, machine_type = account.ec2(call.region), _subnet(call), call.params.get("InstanceType", "")
    groups = call.listed("NetworkInterface.1.SecurityGroupId")
    for group in groups:
        if backend.get_security_group_from_id(group) is None:
            return refused(call, "InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    zone = _zone(backend, subnet)
    sold = {
        offer["Location"]
        for offer in INSTANCE_TYPE_OFFERINGS["availability-zone"].get(call.region, [])
        if offer["InstanceType"] == machine_type
    }
    if sold and zone and zone not in sold:
        text = (
            f"Your requested instance type ({machine_type}) is not supported in your requested Availability Zone "
            f"({zone}). Please retry your request by not specifying an Availability Zone or choosing "
            f"{', '.join(sorted(sold))}."
        )
        return refused(call, "Unsupported", text)
    return None


def _zone(backend: Any, subnet: str) -> str:
    found = [subnets[subnet] for subnets in backend.subnets.values() if subnet in subnets]
    return str(found[0].availability_zone) if found else ""


def _mend(account: Account, call: Call, instance: Any) -> None:
    """Do with a new instance what moto leaves undone, and switch its machine on."""
    tags = call.tags()
    for nic in instance.nics.values():
        nic.add_tags(tags.get("network-interface", {}))
    for device in instance.block_device_mapping.values():
        volume = instance.ec2_backend.get_volume(device.volume_id)
        volume.iops = int(call.params.get("BlockDeviceMapping.1.Ebs.Iops", 3000))
        volume.throughput = int(call.params.get("BlockDeviceMapping.1.Ebs.Throughput", 125))
    if call.params.get("InstanceMarketOptions.MarketType") == "spot":
        request = SpotRequest(
            f"sir-{secrets.token_hex(4)}", call.region, instance.id, tags.get("spot-instances-request", {})
        )
        account.spot[request.id] = request
        instance.spot_instance_request_id = request.id
    pair = instance.ec2_backend.key_pairs.get(instance.key_name)
    account.launched[instance.id] = call.region
    account.machines.launch(
        instance.id,
        user=USER,
        keys=[" ".join(pair.public_key.split()[:2])] if pair else [],
        user_data=_unpacked(base64.b64decode(call.params.get("UserData", ""))).decode(),
    )
    instance._state.name, instance._state.code = "pending", 0
    for nic in instance.nics.values():
        nic.public_ip = None
