"""zephyr.lock without machines: what is written of those that are looked at, and what is refused of others."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from release.conftest import lock_of, wish

from zephyr_deploy.cli.main import main
from zephyr_deploy.deploy import locked, wanted
from zephyr_deploy.deploy import redeploy as redeploying
from zephyr_deploy.deploy.fleet import Fleet
from zephyr_deploy.deploy.honoured import Honoured
from zephyr_deploy.deploy.lockplace import found_lock, lock_path
from zephyr_deploy.deploy.rollout import RolloutOptions
from zephyr_deploy.deploy.up import up
from zephyr_deploy.errors import ConfigError, NotDeployedError, UnreachableError
from zephyr_deploy.events import Notice, Phases
from zephyr_deploy.node.address import NodeAddress
from zephyr_deploy.node.knownhosts import HostKey
from zephyr_deploy.plan.assumed import assumed_node
from zephyr_deploy.plan.model.table import known_model
from zephyr_deploy.providers.ssh.provider import SshProvider
from zephyr_deploy.release.lockfile import FileMachine
from zephyr_deploy.release.render import render
from zephyr_deploy.spec.deployment import Deployment, Limits, Machine

KEY = HostKey(type="ssh-ed25519", base64="AAAAC3NzaC1lZDI1NTE5AAAAIGVjaG8gbm8gcmVhbCBrZXkgYXQgYWxsIGhlcmUgISE=")
TOML = 'provider = "ssh"\n\n[machine]\nhost = "gpu1"\n'


class Node:
    """A machine as it was looked at; ``asked`` has what it was asked."""

    def __init__(self, fleet, address):
        self.fleet, self.address, self.name = fleet, address, str(address)
        self.connection = SimpleNamespace(host_key=KEY)
        self.facts, self.lock, self.asked = assumed_node(wish()), "", []
        self.found = SimpleNamespace()
        self.allowed, self.caller, self.is_gateway, self.trial = "", "192.0.2.7", False, None

    def call(self, verb, request, **_options):
        self.asked.append((verb, request))
        if self.fleet.gone:
            raise ConfigError("it cannot be pulled: manifest unknown", hint="Check engine.image.")
        return {"digests": {}}


class Machines:
    """Stands for `Fleet`."""

    def __init__(self, deployment=None, told=None):
        self.provider, self.gateway, self.gone = "ssh", None, False
        self.told = [] if told is None else told
        self.phases = Phases(self.told.append)
        self.members = [Node(self, address) for address in SshProvider().nodes(deployment or wish())]

    @property
    def machines(self):
        return [*self.members, *((self.gateway,) if self.gateway else ())]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def connect(self, _trust):
        pass

    def look(self):
        pass

    def digests(self, images):
        return dict.fromkeys(images, "")


@pytest.fixture
def fleet(monkeypatch):
    """The machine gpu1; nothing serves there."""
    machines = Machines()
    monkeypatch.setattr(Fleet, "wanted", lambda *_: machines)
    return machines


@pytest.fixture
def lookups(monkeypatch):
    """Counts what is looked up at the hub and in the registry; each time the image is another."""
    found = []

    def resolve(plan, _digests, _token):
        found.append(plan.image)
        engine = lock_of(plan).engine.model_copy(update={"digest": f"sha256:{len(found):064x}"})
        return lock_of(plan, engine=engine)

    monkeypatch.setattr(wanted, "resolve", resolve)
    monkeypatch.setattr(locked, "model_of_fleet", lambda *_args, **_options: known_model(wish().model.id))
    monkeypatch.setattr(wanted, "hub_token", lambda _source: None)
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "zephyr.lock"


@pytest.mark.usefixtures("fleet")
def test_where_nothing_serves_it_is_looked_up(path, lookups):
    result = locked.lock(wish(), path)
    assert (len(lookups), result.written, result.begun) == (1, True, True)
    assert result.lock == found_lock(path)
    assert result.lock.machines["gpu1"].host_key == KEY.fingerprint
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("fleet")
def test_a_second_time_nothing_is_looked_up_or_written(path, lookups):
    locked.lock(wish(), path)
    path.chmod(0o444)
    again = locked.lock(wish(), path)
    assert (len(lookups), again.written, again.begun, again.changes) == (1, False, False, ())


@pytest.mark.usefixtures("fleet")
def test_another_setting_keeps_the_image(path, lookups):
    first = locked.lock(wish(), path).lock
    second = locked.lock(wish(limits={"max_total_tokens": 2048}), path).lock
    assert (len(lookups), second.engine, second.release != first.release) == (1, first.engine, True)


@pytest.mark.usefixtures("fleet")
def test_an_upgrade_looks_anew_and_says_what_is_new(path, lookups):
    locked.lock(wish(), path)
    result = locked.lock(wish(), path, upgrade=True)
    assert len(lookups) == 2
    assert [change.what for change in result.changes] == ["engine.digest", "release"]
    assert found_lock(path) == result.lock


@pytest.mark.usefixtures("fleet")
def test_a_dry_run_writes_nothing(path, lookups):
    assert locked.lock(wish(), path, dry_run=True).written is False
    assert lookups
    assert not path.exists()


def test_what_serves_goes_before_the_file(fleet, path, lookups):
    first = locked.lock(wish(), path).lock
    serving = first.pins.model_copy(update={"commit": "5e" * 20})
    fleet.members[0].lock = serving.model_dump_json()
    result = locked.lock(wish(), path)
    assert (len(lookups), result.lock.pins) == (1, serving)
    assert {change.what for change in result.changes} == {"model.commit", "release"}


@pytest.mark.usefixtures("lookups")
def test_what_is_on_trial_is_told(fleet, path):
    fleet.members[0].trial = SimpleNamespace(by="ann on laptop")
    assert locked.lock(wish(), path).written
    assert any("on trial (ann on laptop)" in event.message for event in fleet.told if isinstance(event, Notice))


def test_a_file_that_is_no_lock_is_replaced_and_it_is_said(fleet, path, lookups):
    path.write_text("<<<<<<< ours\n")
    told = []
    assert locked.lock(wish(), path, listener=told.append).written
    assert any("written anew" in event.message for event in told if isinstance(event, Notice))
    assert found_lock(path)


def test_where_it_is(tmp_path):
    toml = tmp_path / "zephyr.toml"
    assert lock_path(toml, None, tmp_path / "x") == tmp_path / "zephyr.lock"
    assert lock_path(toml, "large", tmp_path) == tmp_path / "zephyr.large.lock"
    assert lock_path(toml, "eu/large x", tmp_path) == tmp_path / "zephyr.eu-large-x.lock"
    assert lock_path(tmp_path / "prod.toml", None, tmp_path) == tmp_path / "prod.lock"
    assert lock_path(None, None, tmp_path) == tmp_path / "zephyr.lock"


def test_this_machine_has_nothing_to_lock(path):
    with pytest.raises(ConfigError, match="provider local has nothing to lock"):
        locked.lock(Deployment(), path)


@pytest.mark.parametrize("wanted", [Deployment(provider="aws"), Deployment(machine=Machine(gpu="a10g"))])
def test_a_cloud_without_a_machine_cannot_be_asked(path, monkeypatch, wanted):
    monkeypatch.setattr(locked, "known", lambda _name: None)
    monkeypatch.setattr(locked, "where_noted", lambda deployment: deployment)
    with pytest.raises(NotDeployedError, match="on no machine of a cloud yet"):
        locked.lock(wanted, path)


@pytest.fixture
def honoured(fleet, path, lookups):
    """A lock of the plain wish."""
    return Honoured(path, locked.lock(wish(), path).lock)


def test_what_was_locked_is_honoured(honoured, fleet):
    honoured.require_wish(wish())
    honoured.require_machines(fleet)
    plan = wanted.plan_of_fleet(fleet, wish(), honoured.pins.model)
    honoured.require_release(plan, render(plan, honoured.pins))
    honoured.require_images(fleet, fleet.members)
    ((verb, request),) = fleet.members[0].asked
    assert (verb, request["unless_here"]) == ("digests", True)
    assert request["images"] == [honoured.pins.engine.reference, honoured.pins.gateway.reference]


def test_another_wish_is_refused_before_anything_is_asked(honoured):
    options = RolloutOptions(locked=honoured)
    with pytest.raises(ConfigError, match=r"zephyr\.lock cannot be honoured:\n  limits\.max_total_tokens"):
        up(wish(limits=Limits(max_total_tokens=2048)), rollout_options=options)


def test_this_machine_honours_no_lock(honoured):
    with pytest.raises(ConfigError, match="nothing to lock"):
        up(Deployment(), rollout_options=RolloutOptions(locked=honoured))


def with_driver(fleet, driver):
    facts = fleet.members[0].facts
    gpu = facts.gpus[0].model_copy(update={"driver": driver})
    fleet.members[0].facts = facts.model_copy(update={"gpus": (gpu,)})


def test_an_older_driver_is_refused_and_a_newer_one_told(honoured, fleet):
    was = honoured.lock.machines["gpu1"].driver
    with_driver(fleet, "1.0")
    with pytest.raises(ConfigError, match=f"its driver is 1.0, older than {was}"):
        honoured.require_machines(fleet)
    with_driver(fleet, "9999.1")
    honoured.require_machines(fleet)
    (notice,) = [event for event in fleet.told if isinstance(event, Notice) and "driver" in event.message]
    assert "9999.1, newer than" in notice.message


def test_another_release_is_refused(honoured, fleet):
    plan = wanted.plan_of_fleet(fleet, wish(), honoured.pins.model)
    other = plan.model_copy(update={"gpus": 2})
    with pytest.raises(ConfigError, match="release: it would be"):
        honoured.require_release(other, render(other, honoured.pins))


@pytest.fixture
def apart(fleet):
    """The gateway's own machine, in front of gpu1; nothing of it is there."""
    fleet.gateway = Node(fleet, NodeAddress.parse("ann@edge:2222"))
    fleet.gateway.is_gateway, fleet.gateway.front = True, None
    return fleet.gateway


@pytest.mark.usefixtures("lookups")
def test_a_gateway_apart_has_no_card_and_needs_its_image_alone(apart, fleet, path):
    wanted = wish(machine={"host": "gpu1", "gateway": "ann@edge:2222"})
    found = locked.lock(wanted, path).lock
    assert found.machines["[edge]:2222"] == FileMachine(host_key=KEY.fingerprint)
    keeping = Honoured(path, found)
    keeping.require_wish(wanted)
    keeping.require_machines(fleet)
    keeping.require_images(fleet, fleet.members)
    assert [request["images"] for _verb, request in apart.asked] == [[found.pins.gateway.reference]]
    with pytest.raises(ConfigError, match=r"machine \[edge\]:2222: it is in the lock and not wanted"):
        keeping.require_wish(wish())


def test_a_digest_that_is_gone_is_refused(honoured, fleet):
    fleet.gone = True
    with pytest.raises(ConfigError, match="manifest unknown") as caught:
        honoured.require_images(fleet, fleet.members)
    assert "lock --upgrade" in caught.value.message


def test_a_registry_that_does_not_answer_is_no_lack_of_the_lock(honoured, fleet, monkeypatch):
    def silent(*_args, **_options):
        raise UnreachableError("the registry did not answer", hint="again")

    monkeypatch.setattr(fleet.members[0], "call", silent)
    with pytest.raises(UnreachableError):
        honoured.require_images(fleet, fleet.members)


def test_a_redeploy_means_the_cards_that_were_locked_too(honoured, monkeypatch):
    """Where zephyr.toml leaves open how many, as it did not when it was locked."""
    serving = honoured.lock.serving.model_copy(update={"shards": 4})
    machines = {"aws": FileMachine(gpus=("NVIDIA A10G",) * 4, driver="570.1")}
    locked = honoured.lock.model_copy(update={"provider": "aws", "machines": machines, "serving": serving})
    meant = []
    monkeypatch.setattr(redeploying, "rollout", lambda deployment, *_args, **_options: meant.append(deployment))
    redeploying.redeploy(Deployment(provider="aws"), RolloutOptions(locked=Honoured(honoured.path, locked)))
    assert [(one.provider, one.machine.gpus) for one in meant] == [("aws", 4)]


def test_a_cloud_and_card_that_were_locked_are_those_that_are_meant(honoured):
    machine = FileMachine(gpus=("NVIDIA A10G",), driver="570.1")
    cloudy = Honoured(honoured.path, honoured.lock.model_copy(update={"provider": "aws", "machines": {"aws": machine}}))
    placed = cloudy.placed(Deployment())
    assert (placed.provider, placed.machine.gpu) == ("aws", "a10g")
    assert cloudy.placed(Deployment(machine=Machine(gpu="l4"))).machine.gpu == "l4"
    serving = honoured.lock.serving.model_copy(update={"shards": 4})
    several = Honoured(honoured.path, cloudy.lock.model_copy(update={"serving": serving}))
    assert several.placed(Deployment(machine=Machine(gpu="a10g"))).machine.gpus == 4
    assert cloudy.placed(Deployment(provider="e2e")).provider == "e2e"
    assert honoured.placed(Deployment()).provider == "local"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a zephyr.toml, where the user is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zephyr.toml").write_text(TOML)
    return tmp_path


def typed(capsys, *words, code=0):
    assert main(list(words)) == code, capsys.readouterr().err
    return capsys.readouterr()


@pytest.mark.usefixtures("fleet", "lookups")
def test_as_it_is_typed(folder, capsys):
    said = typed(capsys, "lock")
    assert "gpu1" in said.out
    assert "commit it" in said.err
    release = found_lock(folder / "zephyr.lock").release
    assert typed(capsys, "lock", "--check", "--output", "quiet").out.strip() == release
    assert "so already" in typed(capsys, "lock").err
    said = typed(capsys, "lock", "--upgrade")
    assert "engine.digest" in said.out
    assert "BEFORE" in said.out
    data = json.loads(typed(capsys, "lock", "--output", "json").out)
    assert (data["kind"], data["data"]["written"], data["data"]["lock"]["format"]) == ("lock", False, 1)


@pytest.mark.usefixtures("fleet", "lookups")
def test_a_check_that_fails_says_each_reason(folder, capsys):
    typed(capsys, "lock")
    (folder / "zephyr.toml").write_text(TOML + '\n[access]\nport = 9000\n\n[engine]\nimage = "example.org/tgi:4"\n')
    for words in (("lock", "--check"), ("redeploy", "--locked"), ("up", "--locked")):
        said = typed(capsys, *words, code=3).err
        assert "access.port: it is 9000, and 8080 is locked" in said
        assert "engine.image: it is" in said
        assert "zephyr-deploy lock" in said


@pytest.mark.usefixtures("fleet", "lookups")
def test_a_lock_that_cannot_be_read_is_written_anew_and_stops_all_else(folder, capsys):
    (folder / "zephyr.lock").write_text("<<<<<<< ours\n")
    for words in (("lock", "--check"), ("redeploy", "--locked"), ("redeploy",)):
        assert "merge that was not settled" in typed(capsys, *words, code=3).err
    assert "written anew" in typed(capsys, "lock").err
    typed(capsys, "lock", "--check")


def test_without_a_lock(folder, capsys):
    for words in (("lock", "--check"), ("redeploy", "--locked")):
        assert "there is no zephyr.lock" in typed(capsys, *words, code=3).err


@pytest.mark.parametrize(
    "words",
    [
        ("redeploy", "--locked", "--upgrade"),
        ("up", "--locked", "--upgrade"),
        ("up", "--locked", "--dry-run"),
        ("lock", "--check", "--upgrade"),
        ("lock", "--check", "--dry-run"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_does_not_go_together(capsys, words):
    assert "Next:" in typed(capsys, *words, code=2).err
