import subprocess
import sys

import pytest

from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV
from zephyr_deploy.engines.llamacpp.spec import SERVICE_MODULE
from zephyr_deploy.paths import state_dir
from zephyr_deploy.providers.local.processes import alive, find, holder_of, members


@pytest.fixture
def pretend(home):
    """Start a process with an argv of our choice that does nothing."""
    started = []

    def start(*words, key="k"):
        # The interpreter stops reading options at -c's argument: what follows is only argv.
        command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", *words]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={API_KEY_ENV: key}, start_new_session=True
        )
        process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.communicate()


def words(name="a", folder=None):
    options = {"--port": "81", "--model": "m", "--name": name, "--release": "r"}
    pairs = [word for option in options.items() for word in option]
    return ["-m", SERVICE_MODULE, *pairs, "--settings", str((folder or state_dir()) / "x" / "service.json")]


def test_a_service_is_what_its_argv_says(pretend):
    process = pretend(*words())
    found = find()
    assert [(s.pid, s.name, s.release, s.port, s.model_id, s.url) for s in found] == [
        (process.pid, "a", "r", 81, "m", "http://127.0.0.1:81")
    ]
    assert found[0].api_key.get_secret_value() == "k"
    assert "'k'" not in repr(found[0])
    assert find("b") == []


def test_another_state_folder_is_another_world(pretend, tmp_path):
    pretend(*words(folder=tmp_path / "elsewhere"))
    assert find() == []


def test_other_programs_are_not_services(pretend):
    pretend("--name", "a", SERVICE_MODULE)
    pretend("-m", "http.server", "--name", "a")
    pretend(*words()[:4])
    assert find() == []


def test_members_are_of_that_session_only(pretend):
    one, two = pretend(*words()), pretend(*words())
    assert [p.pid for p in members(one.pid, "a")] == [one.pid]
    assert [p.pid for p in members(two.pid, "a")] == [two.pid]
    assert members(one.pid, "b") == []


def test_a_zombie_is_not_alive(pretend):
    process = pretend(*words())
    found = find("a")[0].process
    assert alive(found)
    process.kill()
    while find("a"):
        pass
    assert not alive(found)


def test_nobody_holds_a_free_port():
    assert holder_of(1) is None
