"""The doctor looks at a cloud's account for the machine that would be ordered."""

from __future__ import annotations

import pytest
from emulators.memory import MemoryCloud, offer

from zephyr_deploy.deploy.doctor_account import doctor_account
from zephyr_deploy.errors import AuthError, QuotaError, ThrottledError
from zephyr_deploy.providers.clouds.types import AccountCheck
from zephyr_deploy.spec.deployment import Deployment, Machine


class Cloud(MemoryCloud):
    asked_of = "nothing"
    has_key = True

    def configured(self):
        return self.has_key

    def checks(self, offer=None):
        self._before("checks")
        self.asked_of = offer.machine_type if offer else None
        return [AccountCheck(name="quota", verdict="failed", detail="none", fix="ask for more")]


def look(cloud, **machine):
    deployment = Deployment(provider="aws", machine=Machine(**machine))
    return {check.name: check for check in doctor_account(cloud, deployment)}


@pytest.fixture
def cloud():
    made = Cloud()
    made.sold = [offer("dear", 3.0), offer("cheap", 1.0), offer("p4d", 22.0, gpu="a100-40", gpus=8)]
    return made


def test_the_machine_that_would_be_ordered_is_what_the_account_is_checked_for(cloud):
    found = look(cloud)
    assert cloud.asked_of == "cheap"
    assert found["machine"].detail == "cheap in here: 1 x a10g, $1.00 an hour"
    assert (found["quota"].verdict, found["quota"].fix, found["quota"].host) == ("failed", "ask for more", "aws")
    assert look(cloud, gpu="a100")["machine"].detail == "p4d in here: 8 x a100-40, $22.00 an hour"
    assert cloud.asked_of == "p4d"


def test_the_account_is_checked_even_where_no_machine_fits(cloud):
    found = look(cloud, gpu="h100")
    assert cloud.asked_of is None
    assert found["machine"].verdict == "failed"
    assert "3 are not with h100" in found["machine"].detail
    assert "\n" not in found["machine"].detail
    assert found["machine"].fix
    assert "quota" in found
    assert "no GPU is known as h1000" in look(cloud, gpu="h1000")["machine"].detail


def test_without_credentials_nobody_is_asked(cloud):
    cloud.has_key = False
    (found,) = look(cloud).values()
    assert (found.name, found.verdict, found.fix) == ("credentials", "failed", "Set MEMORY_KEY.")
    assert cloud.calls == []


def test_wrong_credentials_are_said_once(cloud):
    cloud.fails["account"] = [AuthError("expired")]
    assert list(look(cloud)) == ["quota"], "what the account's own checks say of it"


def test_an_account_that_cannot_be_looked_at(cloud):
    cloud.fails["checks"] = [ThrottledError("slow down"), QuotaError("no more")]
    found = look(cloud)
    assert (found["account"].verdict, found["account"].detail) == ("failed", "slow down")
    assert not found["account"].denied
    assert look(cloud)["account"].denied
    assert found["machine"].verdict == "ok"
