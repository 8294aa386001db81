"""``zephyr-deploy doctor`` as it is typed, where a cloud is meant."""

from __future__ import annotations

import json

import pytest
from emulators.memory import MemoryCloud, only_cloud

from zephyr_deploy.cli import doctor as command
from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy.results import Check
from zephyr_deploy.providers.clouds.types import AccountCheck


class Cloud(MemoryCloud):
    verdict = "ok"

    def checks(self, offer=None):
        failed = self.verdict == "failed"
        return [AccountCheck(name="quota", verdict=self.verdict, detail="as it is", denied=failed)]


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    made = Cloud()
    only_cloud(made, monkeypatch)
    monkeypatch.setattr(command, "_here", lambda: [Check(name="python", verdict="ok", detail="3")])
    return made


def run(capsys, *words):
    code = main(["doctor", *words])
    shown = capsys.readouterr()
    return code, shown.out


def test_an_account(capsys, cloud):
    code, out = run(capsys, "--provider", "aws")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["CHECK", "FOUND"], ["ok", "quota"], ["ok", "machine"]]
    cloud.verdict = "failed"
    code, out = run(capsys, "--provider", "aws", "--output", "quiet")
    assert (code, out) == (4, "quota\n")


def test_the_gpu_and_the_region_are_those_that_were_asked_for(capsys):
    code, out = run(capsys, "--provider", "aws", "--gpu", "h100", "--region", "here", "--output", "json")
    data = {check["name"]: check for check in json.loads(out)["data"]}
    assert code == 3
    assert "not with h100" in data["machine"]["detail"]
    assert data["machine"]["host"] == "aws"


def test_without_credentials_the_exit_code_is_theirs(capsys, cloud, monkeypatch):
    monkeypatch.setattr(cloud, "configured", lambda: False)
    code, out = run(capsys, "--provider", "aws", "--output", "json")
    (check,) = json.loads(out)["data"]
    assert (code, check["name"], check["denied"]) == (4, "credentials", True)


def test_a_file_that_names_a_cloud_has_this_machine_and_the_account_checked(capsys, tmp_path):
    (tmp_path / "zephyr.toml").write_text('provider = "aws"\n')
    code, out = run(capsys)
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["here", "ok", "python"],
        ["aws", "ok", "quota"],
        ["aws", "ok", "machine"],
    ]


def test_a_file_that_names_none_has_this_machine_checked(capsys):
    code, out = run(capsys)
    assert (code, out.splitlines()[1].split()) == (0, ["ok", "python", "3"])


def test_settings_that_cannot_be_read_hide_no_other_check(capsys, tmp_path):
    (tmp_path / "zephyr.toml").write_text('provider = "moon"\n')
    code, out = run(capsys, "--output", "json")
    checks = {check["name"]: check for check in json.loads(out)["data"]}
    assert code == 3
    assert set(checks) == {"python", "settings"}
    assert "moon" in checks["settings"]["detail"]
