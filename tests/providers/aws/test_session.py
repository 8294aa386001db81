"""Whose credentials, without a call; and clients that do not try again what makes something."""

import subprocess
import sys

import pytest

from zephyr_deploy.errors import AuthError, ConfigError, UnreachableError
from zephyr_deploy.providers.aws.session import SIGNS, AwsSession, configured


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """No credentials; where the files would be."""
    for name in {name for names in SIGNS for name in names}:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    return tmp_path / ".aws"


def test_without_anything_it_is_not_configured(nobody):
    assert not configured()


@pytest.mark.parametrize("names", SIGNS, ids=lambda names: names[0])
def test_variables_are_enough(nobody, monkeypatch, names):
    for name in names:
        assert not configured()
        monkeypatch.setenv(name, "something")
    assert configured()


@pytest.mark.parametrize(
    ("file", "text", "enough"),
    [
        ("credentials", "[default]\naws_access_key_id = AKIA\naws_secret_access_key = x\n", True),
        ("config", "[default]\nsso_session = work\n", True),
        ("config", "[profile x]\nrole_arn = arn:aws:iam::1:role/x\n", True),
        ("config", "[default]\nregion = eu-west-1\n", False),
        ("credentials", "", False),
    ],
)
def test_files_are_enough_where_credentials_stand_in_them(nobody, file, text, enough):
    (nobody / file).write_text(text)
    assert configured() is enough


def test_files_may_be_elsewhere(nobody, monkeypatch, tmp_path):
    elsewhere = tmp_path / "mine"
    elsewhere.write_text("[default]\naws_access_key_id = AKIA\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(elsewhere))
    assert configured()


def test_a_profile_that_is_not_there_is_said(nobody, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    with pytest.raises(ConfigError, match="work"):
        AwsSession().client("ec2", "us-east-1")


def test_the_region_is_the_users_else_one_that_everybody_has(nobody, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert AwsSession().region == "us-east-1"
    (nobody / "config").write_text("[default]\nregion = eu-west-1\n")
    assert AwsSession().region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert AwsSession().region == "eu-west-2"


def test_what_changes_something_is_sent_once_and_everything_has_an_end(aws):
    session = AwsSession()
    once, often = (session.ec2("us-east-1", once=once).meta.config for once in (True, False))
    assert once.retries["total_max_attempts"] == 1
    assert often.retries["total_max_attempts"] > 1
    for config in (once, often):
        assert config.connect_timeout <= 10
        assert config.read_timeout <= 60


@pytest.mark.parametrize("action", ["sts:GetCallerIdentity", "ec2:DescribeRegions", "ssm:GetParameter"])
@pytest.mark.parametrize("page", [b"<html>Log in to this network</html>", b"Log in", b""])
def test_a_page_of_a_proxy_is_no_answer(cloud, action, page):
    order = cloud.order()
    cloud.wire.fault(action, status=200, body=page, headers={"Content-Type": "text/html"}, times=None)
    another = cloud.another()

    def look():
        another.account()
        another.regions()
        another.ready(order, cloud.notes)

    with pytest.raises(UnreachableError, match=action):
        look()


def test_clients_are_kept(aws):
    session = AwsSession()
    assert session.ec2("us-east-1") is session.ec2("us-east-1")
    assert session.ec2("us-east-1") is not session.ec2("us-west-2")


def test_boto3_is_imported_when_it_is_used():
    program = (
        "import sys; from zephyr_deploy.providers.registry import provider; provider('aws').configured();"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class TestEverywhere:
    """Of what is looked for in every region."""

    @staticmethod
    def look(refusing, denied=True):
        def look(region):
            if region in refusing:
                raise AuthError(f"not in {region}", hint="", details={"denied": denied})
            return [region]

        return look

    def test_all_are_asked(self, aws):
        assert AwsSession().everywhere(self.look(())) == ["us-east-1", "ap-south-1", "us-west-2"]

    def test_one_that_a_policy_closes_is_passed_over(self, aws):
        assert AwsSession().everywhere(self.look({"ap-south-1"})) == ["us-east-1", "us-west-2"]

    @pytest.mark.parametrize("refusing", [{"us-east-1"}, {"us-east-1", "ap-south-1", "us-west-2"}])
    def test_the_users_own_must_answer(self, aws, refusing):
        with pytest.raises(AuthError, match="us-east-1"):
            AwsSession().everywhere(self.look(refusing))

    def test_wrong_credentials_are_no_policy(self, aws):
        with pytest.raises(AuthError, match="us-west-2"):
            AwsSession().everywhere(self.look({"us-west-2"}, denied=False))
