"""The provider on real processes: found again, told apart from others, stopped without a rest."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
from datetime import datetime, timezone

import psutil
import pytest

from zephyr_deploy.errors import ConfigError, DeadlineError, EngineFailedError, NotDeployedError
from zephyr_deploy.events import PhaseHandle, silent
from zephyr_deploy.paths import cache_dir, deployment_dir, state_dir
from zephyr_deploy.plan.machine import MachineFacts
from zephyr_deploy.plan.planner import make_plan
from zephyr_deploy.providers.local.folder import Folder, Record
from zephyr_deploy.providers.local.processes import members
from zephyr_deploy.providers.local.provider import LocalProvider
from zephyr_deploy.providers.logs import LogQuery
from zephyr_deploy.spec.deployment import Access, Deployment, Limits, Model

NAME = "mine"
FACTS = MachineFacts(cpus=1, memory_bytes=1 << 33)


def quiet(_seconds):
    pass


def phase():
    return PhaseHandle("test", silent)


@pytest.fixture
def provider(home):
    provider = LocalProvider()
    yield provider
    for service in provider.services():
        provider.stop(service, 0, quiet)


def wish(port=0, **more):
    limits = Limits(parallel=1, max_total_tokens=256)
    return Deployment(name=NAME, access=Access(port=port), limits=limits, **more)


def begin(provider, deployment=None):
    plan = provider.prepare(make_plan(deployment or wish(), FACTS), phase())
    return provider.start(plan, provider.render(plan))


def run(provider, deployment=None):
    return provider.wait_ready(begin(provider, deployment), 60, phase())


@pytest.mark.engine
def test_a_started_service_is_found_ready_and_stopped(provider):
    started = begin(provider)
    assert started.state == "starting"
    assert [s.state for s in provider.services()] == ["starting"]
    ready = provider.wait_ready(started, 60, phase())
    found = provider.services()
    assert [(s.pid, s.state, s.release, s.url) for s in found] == [(ready.pid, "ready", ready.release, ready.url)]
    assert found[0].api_key == ready.api_key
    provider.stop(ready, 10, quiet)
    assert provider.services() == []
    assert not psutil.pid_exists(ready.pid)


@pytest.mark.engine
def test_stop_is_quiet_about_what_is_gone(provider):
    ready = run(provider)
    provider.stop(ready, 10, quiet)
    provider.stop(ready, 10, quiet)


@pytest.mark.engine
def test_a_lost_state_folder_loses_nothing(provider):
    ready = run(provider)
    shutil.rmtree(state_dir())
    found = provider.services()
    assert [(s.pid, s.state, s.model_id, s.api_key) for s in found] == [
        (ready.pid, "ready", ready.model_id, ready.api_key)
    ]
    assert any(" ready: " in line for line in provider.logs(NAME, LogQuery(lines=100, follow=False))), "even its log"
    provider.stop(found[0], 10, quiet)
    assert members(ready.pid, NAME) == []


@pytest.mark.engine
def test_a_killed_service_is_reported_failed_and_leaves_no_engine(provider):
    ready = run(provider)
    processes = members(ready.pid, NAME)
    assert len(processes) == 2
    os.kill(ready.pid, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)
    found = provider.services()
    assert [(s.state, s.pid) for s in found] == [("failed", ready.pid)]
    assert "killed" in found[0].detail
    assert members(ready.pid, NAME) == []
    provider.stop(found[0], 10, quiet)
    assert provider.services() == []


@pytest.mark.engine
def test_a_hung_service_is_killed_after_its_grace(provider):
    ready = run(provider)
    os.kill(ready.pid, signal.SIGSTOP)
    assert [s.state for s in provider.services()] == ["unhealthy"]
    waited = []
    provider.stop(ready, 0.3, waited.append)
    assert waited[-1] < 0.4
    assert members(ready.pid, NAME) == []


@pytest.mark.engine
def test_a_model_spoilt_after_its_check_is_named(provider, tmp_path, model_path):
    own = tmp_path / "own.gguf"
    shutil.copyfile(model_path, own)
    plan = provider.prepare(make_plan(wish(model=Model(id=str(own))), FACTS), phase())
    os.truncate(own, 50_000_000)
    service = provider.start(plan, provider.render(plan))
    with pytest.raises(EngineFailedError, match="cut short") as caught:
        provider.wait_ready(service, 60, phase())
    assert caught.value.hint
    assert any("file bounds" in line for line in caught.value.details["log"])
    assert [s.state for s in provider.services()] == ["failed"]


@pytest.mark.engine
def test_a_wait_has_an_end(provider):
    started = begin(provider)
    with pytest.raises(DeadlineError, match="within 0 s") as caught:
        provider.wait_ready(started, 0, phase())
    assert caught.value.hint == f"zephyr-deploy logs {NAME}"


@pytest.mark.engine
def test_a_taken_port_is_named_with_its_holder(provider):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} is taken by .* \(pid {os.getpid()}\)") as caught:
            begin(provider, wish(port))
    assert "--port 0" in caught.value.hint
    assert provider.services() == []


@pytest.mark.engine
def test_the_service_gets_no_cloud_credentials(provider, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for servers")
    service = begin(provider)
    assert "AWS_SECRET_ACCESS_KEY" not in psutil.Process(service.pid).environ()


@pytest.mark.engine
def test_logs_are_followed_until_the_service_ends(provider):
    ready = run(provider)
    lines = provider.logs(NAME, LogQuery(lines=0, follow=True))
    os.kill(ready.pid, signal.SIGTERM)
    heard = list(lines)
    assert heard[-1].endswith(" stopped")
    assert provider.services()[0].detail.startswith("the service was stopped by a signal")


@pytest.mark.engine
def test_more_tokens_than_the_model_has_are_refused(provider):
    with pytest.raises(ConfigError, match="8193 is more than the model's 8192 positions"):
        make_plan(wish().model_copy(update={"limits": Limits(max_total_tokens=8193)}), FACTS)
    plan = make_plan(wish(), FACTS)  # of a model that no table knows, its file tells
    longer = plan.model_copy(update={"serve": plan.serve.model_copy(update={"max_total_tokens": 8193})})
    with pytest.raises(ConfigError, match="was trained for 8192"):
        provider.prepare(longer, phase())


def note(pid, **more):
    facts = {"name": NAME, "release": "0" * 12, "model_id": "m", "port": 1, "api_key": False}
    folder = Folder(NAME)
    folder.path.mkdir(parents=True)
    folder.write_record(Record(**facts, pid=pid, started_at=datetime.now(timezone.utc), **more))


def test_a_reused_pid_is_neither_believed_nor_touched(provider):
    """The note names a pid that runs, but is somebody else."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        note(other.pid)
        found = provider.services()
        assert [(s.state, s.pid) for s in found] == [("failed", other.pid)]
        provider.stop(found[0], 0, quiet)
        assert other.poll() is None, "it was left alone"
        assert provider.services() == []
        other.communicate(b"\n")
    assert other.returncode == 0


def test_a_broken_note_is_no_service(provider):
    note(1)
    (deployment_dir(NAME) / "record.json").write_text("{")
    assert provider.services() == []


def test_forget_leaves_nothing(provider):
    note(1)
    (cache_dir() / "models").mkdir(parents=True)
    (cache_dir() / "models" / "m.gguf").write_bytes(b"x" * 2_000_000)
    assert provider.forget(NAME, purge=True) == [
        f"state and logs in {deployment_dir(NAME)}",
        "downloaded models (2 MB)",
    ]
    assert not cache_dir().exists()
    assert not deployment_dir(NAME).parent.exists()
    assert provider.forget(NAME, purge=True) == []


def test_without_purge_the_models_stay(provider):
    note(1)
    (cache_dir() / "models").mkdir(parents=True)
    (cache_dir() / "models" / "m.gguf").write_bytes(b"x")
    provider.forget(NAME, purge=False)
    assert (cache_dir() / "models" / "m.gguf").exists()


def test_logs_of_nobody(provider):
    with pytest.raises(NotDeployedError):
        provider.logs("nobody", LogQuery(lines=10, follow=False))


@pytest.mark.engine
def test_a_start_that_cannot_be_noted_leaves_nothing_running(provider, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Folder, "write_record", full)
    with pytest.raises(OSError, match="No space left"):
        begin(provider)
    assert provider.services() == []
