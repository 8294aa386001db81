"""The rendered scripts, run by a real shell with a `docker` that only writes down what it was told."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from release.conftest import ODD, lock_of, plan_of, program, release_for, wish

from zephyr_deploy.engines.registry import engine as engine_spec
from zephyr_deploy.release.render import render

FAKE = Path(__file__).with_name("fake_docker.sh")
RELEASE = "0123456789ab"
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), min_size=1)


def told(record):
    """The calls that `fake_docker.sh` wrote down."""
    words = iter(record.decode().split("\0")[:-1])
    for count in words:
        yield [next(words) for _ in range(int(count))]


@pytest.fixture
def run(tmp_path):
    """Run a script of a release; what `docker` was called with, call by call."""
    tools, record = tmp_path / "bin", tmp_path / "record"
    tools.mkdir()
    (tools / "docker").symlink_to(FAKE)

    def call(script, *words, inspected="", ports=3):
        path = tmp_path / "script.sh"
        path.write_bytes(script.encode())
        record.write_bytes(b"")
        names = ["ZEPHYR_PORT", *(f"ZEPHYR_PORT_{place}" for place in range(1, ports))]
        env = {name: str(18000 + place) for place, name in enumerate(names)}
        env |= {"PATH": f"{tools}:/usr/bin:/bin", "RECORD": str(record), "INSPECTED": inspected}
        done = subprocess.run(
            ["/bin/sh", path, *words], env=env, capture_output=True, text=True, timeout=30, check=False
        )
        return done, list(told(record.read_bytes()))

    return call


def started(calls):
    (run,) = [words for words in calls if words[0] == "run"]
    return run


def after_image(words):
    (place,) = [i for i, word in enumerate(words) if "@sha256:" in word]
    return words[place + 1 :]


def test_the_shell_reads_every_script(release):
    for path, text in release.files.items():
        if path.endswith(".sh"):
            subprocess.run(["/bin/sh", "-n"], input=text.encode(), check=True, timeout=30)


def test_shellcheck(release, tmp_path):
    shellcheck = program("shellcheck", "make setup")
    scripts = [path for path in release.files if path.endswith(".sh")]
    for path in scripts:
        (tmp_path / path).write_text(release.files[path])
    done = subprocess.run([shellcheck, *scripts], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_docker_is_told_the_engines_arguments_word_for_word(run, release):
    about = json.loads(release.files["release.json"])
    spec = engine_spec(about["engine"])
    done, calls = run(release.files["engine.sh"], RELEASE, ports=about["ports"])
    assert done.returncode == 0, done.stderr
    words = started(calls)
    ports = [word for place, flag in enumerate(spec.port_flags) for word in (flag, str(18000 + place))]
    assert after_image(words)[-len(ports) :] == ports
    assert f"zephyr-{about['name']}-{RELEASE}" == words[words.index("--name") + 1]


def test_odd_arguments_arrive_as_they_are(run):
    _, calls = run(release_for(wish("vllm")).files["engine.sh"], RELEASE)
    words = after_image(started(calls))
    assert words[words.index("--chat-template-kwargs") + 1] == ODD


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_no_argument_leaves_its_quotes(run, arguments):
    plan = plan_of(wish("vllm", engine={"name": "vllm"}))
    plan = plan.model_copy(update={"serve": plan.serve.model_copy(update={"extra_args": tuple(arguments)})})
    done, calls = run(render(plan, lock_of(plan)).files["engine.sh"], RELEASE, ports=1)
    assert done.returncode == 0, done.stderr
    assert len(calls) == 3, "inspect, rm, run, and nothing that an argument made"
    assert after_image(started(calls))[-2 - len(arguments) : -2] == arguments


def test_a_container_that_outlived_docker_is_followed_and_not_replaced(run):
    done, calls = run(release_for(wish()).files["engine.sh"], RELEASE, inspected="true 18000")
    assert done.returncode == 0
    assert calls[1:] == [["attach", "--no-stdin", f"zephyr-zephyr-{RELEASE}"]]


@pytest.mark.parametrize("inspected", ["false 18000", "true 18010", "true <no value>", ""])
def test_any_other_container_of_that_name_is_replaced(run, inspected):
    _, calls = run(release_for(wish()).files["engine.sh"], RELEASE, inspected=inspected)
    assert [words[0] for words in calls] == ["inspect", "rm", "run"]


def test_a_container_is_not_removed_by_docker_itself(run, release):
    """With --rm, Docker 20.10 ends what lives when its daemon starts again, live-restore or not."""
    _, calls = run(release.files["engine.sh"], RELEASE)
    words = started(calls)
    assert "--rm" not in words[: words.index("--env-file")]


def gateway(release, tmp_path):
    """The gateway's script with its two folders below ``tmp_path``; nothing else of it is changed."""
    text = release.files["gateway.sh"]
    return text.replace("/run/zephyr-deploy/", f"{tmp_path}/run/").replace("/opt/zephyr-deploy/", f"{tmp_path}/opt/")


def test_the_gateway_without_its_key_does_not_start_and_says_why(run, tmp_path):
    done, calls = run(gateway(release_for(wish()), tmp_path))
    assert done.returncode == 78
    assert "zephyr-deploy up" in done.stderr
    assert calls == []
    assert "RestartPreventExitStatus=78\n" in release_for(wish()).files["gateway.service"]


def test_the_gateway_with_its_key_tells_docker_only_where_it_is(run, tmp_path):
    (tmp_path / "run/zephyr").mkdir(parents=True)
    (tmp_path / "run/zephyr/api_key").write_text("verysecret")
    done, calls = run(gateway(release_for(wish()), tmp_path))
    assert done.returncode == 0, done.stderr
    assert "verysecret" not in str(calls)
    assert (tmp_path / "run/zephyr").stat().st_mode & 0o777 == 0o700
    assert after_image(started(calls))[-2:] == ["--adapter", "caddyfile"]


def test_the_gateway_needs_no_key_where_none_is_asked_for(run, tmp_path):
    done, calls = run(gateway(release_for(wish("no-key")), tmp_path))
    assert done.returncode == 0, done.stderr
    assert started(calls)
    assert list((tmp_path / "run/open").iterdir()) == []
