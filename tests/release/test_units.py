"""systemd's own judgement of the rendered units."""

import subprocess

import pytest
from release.conftest import program, release_for, wish


def verify(release, name, folder):
    """Install the units as the node's program does, and have systemd read them; what it says."""
    systemd_analyze = program("systemd-analyze", "apt-get install systemd")
    units = {
        f"zephyr-{name}@{release.id}.service": release.files["engine.service"],
        f"zephyr-{name}-gateway.service": release.files["gateway.service"],
        "docker.service": "[Service]\nExecStart=/bin/true\n",
    }
    home = folder / "home"
    (home / "ports").mkdir(parents=True)
    (home / "ports" / f"{release.id}.env").write_text("ZEPHYR_PORT=18000\n")
    for script in (home / "releases" / release.id / "engine.sh", home / "gateway" / "gateway.sh"):
        script.parent.mkdir(parents=True)
        script.write_text("#!/bin/sh\n")
        script.chmod(0o755)
    paths = []
    for unit, text in units.items():
        paths.append(folder / unit)
        paths[-1].write_text(text.replace(f"/opt/zephyr-deploy/{name}/", f"{home}/"))
    command = [systemd_analyze, "verify", "--man=no", "--recursive-errors=no", *paths[:2]]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={"SYSTEMD_UNIT_PATH": f"{folder}:"}
    )
    return done.returncode, "\n".join(line for line in done.stderr.splitlines() if "zephyr-" in line)


@pytest.mark.parametrize("kind", ["tgi", "vllm", "no-key"])
def test_systemd_reads_the_units(kind, tmp_path):
    release = release_for(wish(kind))
    assert verify(release, wish(kind).name, tmp_path) == (0, "")


def test_a_mistake_would_be_seen(tmp_path):
    release = release_for(wish())
    files = {
        **release.files,
        "engine.service": release.files["engine.service"].replace("Restart=always", "Restart=maybe"),
    }
    _, said = verify(release.model_copy(update={"files": files}), "zephyr", tmp_path)
    assert "maybe" in said


def test_a_percent_sign_is_no_specifier():
    text = release_for(wish(model={"id": "some/model%n"})).files["engine.service"]
    assert "serves some/model%%n (release %i)" in text


def test_no_value_adds_a_line():
    text = release_for(wish("vllm", model={"id": "some/model\nExecStartPre=/bin/false"})).files["engine.service"]
    assert not any(line.startswith("ExecStartPre") for line in text.splitlines())


@pytest.mark.parametrize("unit", ["engine.service", "gateway.service"])
def test_what_ends_without_being_asked_is_started_again(unit):
    text = release_for(wish()).files[unit]
    assert "Restart=always\n" in text
    assert "Requires=" not in text, "a restart of Docker would stop what outlives it"
