"""Service Quotas: how many vCPUs of a family an account may have. Left out: everything but the two calls below."""

from __future__ import annotations

from emulators.aws.account import Account
from emulators.aws.chain import Answer, Call, Onward, Part, refused, said

NAMES = {
    "L-DB2E81BA": "Running On-Demand G and VT instances",
    "L-3819A6DF": "All G and VT Spot Instance Requests",
    "L-417A185B": "Running On-Demand P instances",
    "L-7212CCBC": "All P Spot Instance Requests",
}
APPLIED = {"L-DB2E81BA": 64.0, "L-3819A6DF": 64.0, "L-417A185B": 192.0}
"""Of this account; what is missing has AWS's default value, which is 0."""


def quotas(account: Account) -> Part:
    """GetServiceQuota, which knows only what was ever raised, and GetAWSDefaultServiceQuota."""

    def part(call: Call, onward: Onward) -> Answer:
        if call.service != "servicequotas":
            return onward(call)
        code = call.params["QuotaCode"]
        value = {**APPLIED, **account.quotas}.get(code) if call.action == "GetServiceQuota" else 0.0
        if call.params["ServiceCode"] != "ec2" or code not in NAMES or value is None:
            return refused(call, "NoSuchResourceException", f"The request failed because {code} does not exist.")
        facts = {"ServiceCode": "ec2", "QuotaCode": code, "QuotaName": NAMES[code], "Value": value, "Unit": "None"}
        return said(call, {"Quota": facts})

    return part
