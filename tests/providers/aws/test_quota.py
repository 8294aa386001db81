"""What an account may have."""

import pytest

from zephyr_deploy.errors import QuotaError
from zephyr_deploy.providers.aws import session as sessions
from zephyr_deploy.providers.aws.offers import sold
from zephyr_deploy.providers.aws.quota import Quotas, quota, quota_of
from zephyr_deploy.providers.aws.session import AwsSession


@pytest.fixture
def session(aws):
    return AwsSession()


@pytest.mark.parametrize(
    ("family", "spot", "code", "vcpus"),
    [
        ("G", False, "L-DB2E81BA", 64),
        ("G", True, "L-3819A6DF", 64),
        ("P", False, "L-417A185B", 192),
        ("P", True, "L-7212CCBC", 0),
    ],
)
def test_each_family_has_its_own(session, family, spot, code, vcpus):
    found = quota_of(session, "us-east-1", family, spot=spot)
    assert (found.code, found.vcpus, found.why) == (code, vcpus, "")


def test_one_that_was_raised(aws, session):
    aws.account.quotas["L-7212CCBC"] = 96
    assert quota_of(session, "us-east-1", "P", spot=True).vcpus == 96


def test_where_it_is_raised(session):
    found = quota_of(session, "ap-south-1", "G")
    assert found.link == "https://ap-south-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-DB2E81BA"
    assert str(found) == "on-demand vCPUs of G and VT instances in ap-south-1 (L-DB2E81BA)"


def test_who_may_not_know_it_is_told_so(aws, session):
    aws.fault("GetServiceQuota", "AccessDeniedException", service="servicequotas", times=None)
    found = quota_of(session, "us-east-1", "G")
    assert (found.vcpus, found.why) == (None, "AccessDeniedException")


def test_a_service_that_cannot_be_reached_stops_nothing(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(sessions, "READ_ATTEMPTS", 1)
    found = quota_of(AwsSession(), "us-east-1", "G")
    assert found.vcpus is None
    assert found.why.startswith("AWS cannot be reached")


def test_the_one_that_stands_against_an_offer(session):
    offers = {(one.machine_type, one.spot): one for one in sold(session, "us-east-1").offers}
    assert quota(session, offers["g6.xlarge", False]).code == "L-DB2E81BA"
    assert quota(session, offers["g6.xlarge", True]).code == "L-3819A6DF"
    assert quota(session, offers["p4d.24xlarge", False]).code == "L-417A185B"


@pytest.fixture
def offer(session):
    def find(machine_type):
        found = sold(session, "us-east-1").offers
        return next(one for one in found if one.machine_type == machine_type and not one.spot)

    return find


def test_a_machine_that_is_too_large_for_the_account_is_refused_before_anything_is_made(aws, session, offer):
    large, quotas = offer("g5.48xlarge"), Quotas(session)
    with pytest.raises(QuotaError, match=r"AWS allows 64 on-demand vCPUs.*g5\.48xlarge takes 192") as refused:
        quotas.require(large)
    assert "room for 192 more" in refused.value.hint
    assert refused.value.hint.endswith("/quotas/L-DB2E81BA")
    quotas.require(offer("g6.xlarge"))
    assert aws.wire.actions().count("servicequotas:GetServiceQuota") == 1


def test_one_that_is_not_known_refuses_nothing(aws, session, offer):
    large = offer("g5.48xlarge")
    aws.fault("GetServiceQuota", "AccessDeniedException", service="servicequotas", times=None)
    Quotas(session).require(large)


def test_a_quota_that_is_used_up_is_named_with_the_place_where_it_is_raised(session, offer):
    small, quotas = offer("g6.xlarge"), Quotas(session)
    with pytest.raises(QuotaError, match="4 vCPUs") as refused, quotas.explaining(small):
        raise QuotaError("4 vCPUs are too many", hint="generic", details={"code": "VcpuLimitExceeded"})
    assert refused.value.hint.endswith("/quotas/L-DB2E81BA")
    with pytest.raises(QuotaError) as refused, quotas.explaining(small):
        raise QuotaError("volumes", hint="generic", details={"code": "VolumeLimitExceeded"})
    assert refused.value.hint == "generic"
