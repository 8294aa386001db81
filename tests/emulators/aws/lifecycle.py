"""Instances follow their machines, and machines their instances."""

from __future__ import annotations

import time
from typing import Any

from emulators.aws.account import Account
from emulators.aws.chain import Answer, Call, Onward, Part, refused, said
from emulators.machines import Power
from moto.ec2.models.instances import StateReason

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
STATES: dict[Power, str] = {"booting": "pending", "on": "running"}


def lifecycle(account: Account) -> Part:
    """TerminateInstances, StopInstances and StartInstances; before every other call, a look at the machines."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.service != "ec2":
            return onward(call)
        follow(account, call.region)
        if call.action == "TerminateInstances":
            return _terminate(account, call)
        answer = onward(call)
        if answer.status == 200 and call.action in {"StopInstances", "StartInstances"}:
            switch = account.machines.power_off if call.action == "StopInstances" else account.machines.power_on
            for name in call.listed("InstanceId"):
                switch(name)
        return answer

    return part


def follow(account: Account, region: str) -> None:
    """Bring every instance of the region to the state its machine is in."""
    for name in [name for name, where in account.launched.items() if where == region]:
        instance = account.instance(region, name)
        if name in account.ending:
            if time.monotonic() >= account.ending[name]:
                _end(account, instance)
            continue
        power = account.machines.power(name)
        if power != "off":
            _set(instance, STATES[power])
            instance.nics[0].public_ip = account.machines.address(name)
        elif instance.instance_initiated_shutdown_behavior == "terminate":
            _begin_end(account, instance, "Client.InstanceInitiatedShutdown")
        else:
            _set(instance, "stopped")
            instance.nics[0].public_ip = None


def _terminate(account: Account, call: Call) -> Answer:
    """Fine for an instance that was terminated before, as in EC2."""
    items = []
    for name in call.listed("InstanceId"):
        instance = account.instance(call.region, name)
        if instance is None:
            return refused(call, "InvalidInstanceID.NotFound", f"The instance ID '{name}' does not exist")
        before = instance.state
        if before != "terminated" and name not in account.ending:
            _begin_end(account, instance, "Client.UserInitiatedShutdown")
        now = "terminated" if before == "terminated" else "shutting-down"
        states = _state("currentState", now) + _state("previousState", before)
        items.append(f"<item><instanceId>{name}</instanceId>{states}</item>")
    return said(call, f"<instancesSet>{''.join(items)}</instancesSet>")


def take_back(account: Account, region: str, name: str) -> None:
    """What EC2 does to an interruptible instance, two minutes after it gave notice of that."""
    _begin_end(account, account.instance(region, name), "Server.SpotInstanceTermination")


def _begin_end(account: Account, instance: Any, reason: str) -> None:
    _set(instance, "shutting-down")
    instance.state_reason = StateReason(reason, reason)
    account.machines.delete(instance.id)
    account.ending[instance.id] = time.monotonic() + account.ending_s
    for request in account.spot.values():
        if request.instance == instance.id:
            request.state = "closed"


def _end(account: Account, instance: Any) -> None:
    """Its network interface and volumes go with it, where they were made so."""
    del account.ending[instance.id]
    del account.launched[instance.id]
    reason = instance.state_reason
    instance.terminate()
    instance.state_reason = reason  # moto's would always be a user


def _set(instance: Any, state: str) -> None:
    instance._state.name, instance._state.code = state, CODES[state]


def _state(name: str, state: str) -> str:
    return f"<{name}><code>{CODES[state]}</code><name>{state}</name></{name}>"
