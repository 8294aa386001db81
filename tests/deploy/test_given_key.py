"""A key that is given, on this machine: it is asked for, replaced when it changes, and kept in no file."""

import pytest

from zephyr_deploy import down, up
from zephyr_deploy.errors import CredentialsError
from zephyr_deploy.paths import state_dir
from zephyr_deploy.spec.deployment import Access, Deployment, Limits
from zephyr_deploy.spec.secret import Secret

WISH = Deployment(
    name="given",
    access=Access(port=0, api_key_from="env:GIVEN_KEY"),
    limits=Limits(parallel=1, max_total_tokens=256),
)
FIRST, SECOND = "first-key-first-key", "second-key-second-key"


def files_with(text):
    return [path for path in state_dir().rglob("*") if path.is_file() and text in path.read_text(errors="replace")]


@pytest.mark.engine
def test_it_holds_and_is_replaced(home, monkeypatch):
    try:
        monkeypatch.setenv("GIVEN_KEY", FIRST)
        assert up(WISH).service.api_key == Secret(FIRST)
        assert not up(WISH).changed
        monkeypatch.setenv("GIVEN_KEY", SECOND)
        again = up(WISH)
        assert (again.changed, again.service.api_key) == (True, Secret(SECOND))
        assert files_with(FIRST) == files_with(SECOND) == []
    finally:
        down("given", grace_s=5)


def test_where_there_is_none_nothing_is_begun(home):
    with pytest.raises(CredentialsError, match="GIVEN_KEY is not set"):
        up(WISH)
    assert not (state_dir() / "deployments" / "given").exists()
