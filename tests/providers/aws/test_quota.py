"""What an account may have."""

import boto3
import pytest

from zephyr_deploy.providers.aws.quota import quota


@pytest.fixture
def session(aws):
    return boto3.Session()


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
    found = quota(session, "us-east-1", family, spot=spot)
    assert (found.code, found.vcpus, found.why) == (code, vcpus, "")


def test_one_that_was_raised(aws, session):
    aws.account.quotas["L-7212CCBC"] = 96
    assert quota(session, "us-east-1", "P", spot=True).vcpus == 96


def test_where_it_is_raised(session):
    found = quota(session, "ap-south-1", "G")
    assert found.link == "https://ap-south-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-DB2E81BA"
    assert str(found) == "on-demand vCPUs of G and VT instances in ap-south-1 (L-DB2E81BA)"


def test_who_may_not_know_it_is_told_so(aws, session):
    aws.fault("GetServiceQuota", "AccessDeniedException", service="servicequotas", times=None)
    found = quota(session, "us-east-1", "G")
    assert (found.vcpus, found.why) == (None, "AccessDeniedException")


def test_a_service_that_cannot_be_reached_stops_nothing(session, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert quota(boto3.Session(), "us-east-1", "G").why == "EndpointConnectionError"
