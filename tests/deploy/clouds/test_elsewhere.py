"""Two laptops name two clouds for one deployment: who orders second is refused, and what is there twice is told."""

from __future__ import annotations

import json

import pytest
from deploy.clouds.calls import NAME, Calls
from emulators.memory import ShowingCloud, offer

from zephyr_deploy import down
from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy.clouds.place import placed
from zephyr_deploy.deploy.journal import Journal
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.deploy.status import status
from zephyr_deploy.errors import AuthError, ConflictError
from zephyr_deploy.events import Phases
from zephyr_deploy.providers import registry
from zephyr_deploy.providers.machines import MachineStatus
from zephyr_deploy.providers.nodes import provider as machines
from zephyr_deploy.spec.deployment import Deployment, Machine


@pytest.fixture
def clouds(quick, monkeypatch):
    """Two of them, by name."""
    found = {"aws": ShowingCloud(), "e2e": ShowingCloud()}
    found["e2e"].name = "e2e"
    found["e2e"].sold = [offer("small", 0.5, provider="e2e")]
    ordinary = registry.provider
    monkeypatch.setattr(registry, "CLOUDS", tuple(found))
    monkeypatch.setattr(registry, "provider", lambda name: found.get(name) or ordinary(name))
    monkeypatch.setattr(machines, "_status", lambda _record, _address: MachineStatus(host="h", state="absent"))
    monkeypatch.setattr(machines, "_look", lambda _record, _address: "it is not looked at")
    return found


@pytest.fixture
def laptop(monkeypatch, tmp_path):
    """One, with its own notes, from now on."""
    return lambda name: monkeypatch.setenv("ZEPHYR_STATE_DIR", str(tmp_path / name))


def up(provider):
    """As `up` gets its machine; what it tells."""
    told = []
    deployment = Deployment(name=NAME, provider=provider, machine=Machine(gpu="a10g"))
    with placed(deployment, RolloutOptions(), Phases(told.append), Journal(NAME), begins=True):
        pass
    return [event.message for event in told if getattr(event, "level", "") == "warning"]


@pytest.fixture
def both(clouds, laptop):
    """A machine in each, the one in aws made from here."""
    laptop("second")
    Calls(clouds["e2e"], []).up()
    laptop("first")
    Calls(clouds["aws"], []).up()
    return clouds


def there(clouds):
    return [len(one.resources()) for one in clouds.values()]


def test_who_orders_second_is_refused(clouds, laptop):
    laptop("first")
    assert up("aws") == []
    laptop("second")
    with pytest.raises(ConflictError, match=r"demo is in aws, not in e2e: aws machine i-1, \$1.00 an hour") as caught:
        up("e2e")
    assert f"zephyr-deploy down {NAME}" in caught.value.hint
    assert clouds["e2e"].resources() == []


def test_who_ordered_at_the_same_time_hears_of_the_other(clouds, laptop, monkeypatch):
    laptop("first")
    real = clouds["aws"].create

    def create(order):
        laptop("second")
        Calls(clouds["e2e"], []).up()
        laptop("first")
        return real(order)

    monkeypatch.setattr(clouds["aws"], "create", create)
    (told,) = up("aws")
    assert told.startswith("another cloud has demo, too: e2e machine i-1, $0.50 an hour; zephyr-deploy down demo")


def test_a_cloud_that_cannot_be_asked_keeps_nobody_from_ordering(clouds, laptop):
    laptop("first")
    clouds["e2e"].fails["instances"] = [AuthError("expired")] * 2
    up("aws")
    assert len(clouds["aws"].instances()) == 1


def test_status_tells_of_the_other(both, capsys):
    assert status(NAME).also_in == ("e2e",)
    main(["status", NAME, "--output", "json"])
    shown = capsys.readouterr()
    assert json.loads(shown.out)["data"]["also_in"] == ["e2e"]
    assert "Warning: e2e has a machine of demo, too, which costs. zephyr-deploy down demo" in shown.err
    both["e2e"].fails["instances"] = [AuthError("expired")]
    assert status(NAME).also_in == ()


def test_ls_tells_of_both(both, capsys):
    assert main(["ls", "--output", "json"]) == 0
    shown = capsys.readouterr()
    assert sorted(one["provider"] for one in json.loads(shown.out)["data"]) == ["aws", "e2e"]
    assert "Warning: e2e has a machine of demo, too" in shown.err


def test_down_takes_both(both):
    removed = [line for line in down(NAME).removed if line.startswith("instance")]
    assert removed == ["instance i-1 (aws here)", "instance i-1 (e2e here)"]
    assert there(both) == [0, 0]


def test_another_cloud_that_cannot_be_asked_does_not_keep_down_from_its_own(both):
    both["e2e"].fails["resources"] = [AuthError("expired")]
    told = []
    down(NAME, listener=told.append)
    assert both["aws"].resources() == []
    notices = [event.message for event in told if hasattr(event, "level")]
    assert "e2e cannot be asked whether it has demo, too: expired" in notices
    both["e2e"].fails.clear()
    down(NAME)
    assert there(both) == [0, 0]
