import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from zephyr_deploy.engines.llamacpp.engine import ENGINE_MODULE, Engine, engine_env, how_it_ended
from zephyr_deploy.engines.llamacpp.settings import API_KEY_ENV, ServiceSettings
from zephyr_deploy.errors import DeadlineError, EngineFailedError


def settings(path, **more):
    return ServiceSettings(
        model_path=str(path), model_id="m", model_sha256="0" * 64, parallel=1, max_total_tokens=256, **more
    )


def engines(name):
    """Engines of that name under this process; the shared service of the tests has one of another name."""
    ours = [p for p in psutil.Process().children(recursive=True) if p.status() != "zombie"]
    return [p for p in ours if ENGINE_MODULE in p.cmdline() and name in p.cmdline()]


@pytest.mark.engine
def test_it_loads_answers_only_with_its_key_and_ends(model_path):
    async def life():
        engine = await Engine.start(settings(model_path), "life", 60)
        async with httpx.AsyncClient(base_url=engine.url, trust_env=False) as client:
            health = await client.get("/health")
            without = await client.get("/props")
            key = {"Authorization": f"Bearer {engine.api_key}"}
            props = await client.get("/props", headers=key)
        process = engines("life")[0]
        told = " ".join(process.cmdline()) + str(process.environ())
        await engine.stop(5)
        return engine, health, without, props.json(), told

    engine, health, without, props, told = asyncio.run(life())
    assert (health.status_code, without.status_code) == (200, 401)
    assert props["total_slots"] == 1
    assert props["default_generation_settings"]["n_ctx"] == 256
    assert engine.api_key not in told
    assert engines("life") == []


@pytest.mark.engine
def test_a_file_that_is_no_model_ends_it_with_the_reason_in_the_log(tmp_path, capfd):
    (tmp_path / "m.gguf").write_bytes(b"hello, I am no model")
    with pytest.raises(EngineFailedError, match="ended with code 1 before it had loaded"):
        asyncio.run(Engine.start(settings(tmp_path / "m.gguf"), "bad", 60))
    assert "invalid magic characters" in capfd.readouterr().err


@pytest.mark.engine
def test_a_start_that_takes_too_long_is_ended(model_path):
    with pytest.raises(DeadlineError, match=r"did not load the model within 0\.01 s"):
        asyncio.run(Engine.start(settings(model_path), "slow", 0.01))
    assert engines("slow") == []


@pytest.mark.engine
def test_how_it_ended_is_told(model_path):
    async def killed():
        engine = await Engine.start(settings(model_path), "killed", 60)
        engines("killed")[0].kill()
        return await asyncio.wait_for(engine.ended(), 30)

    assert asyncio.run(killed()) == "the engine was killed by signal 9 (SIGKILL)"
    assert how_it_ended(3) == "the engine ended with code 3"


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_it_dies_with_its_parent_even_while_it_cannot_look(tmp_path):
    """Between its order and its answer the engine watches nothing: the kernel must do it."""
    child = "import time; from zephyr_deploy.engines.llamacpp.engine import _die_with_parent as d; d()"
    child += "; print('armed', flush=True); time.sleep(60)"
    code = f"import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=sys.stdout)"
    code += "; print(p.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        said = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        pid = int(next(word for word in said if word.isdigit()))
        assert "armed" in said
        parent.kill()
    assert gone(pid)


def gone(pid, within_s=10):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_its_environment_has_no_service_key_and_the_users_word_last(monkeypatch):
    monkeypatch.setenv(API_KEY_ENV, "secret")
    env = engine_env(settings("m"))
    assert API_KEY_ENV not in env
    assert env["OMP_WAIT_POLICY"] == "passive"
    assert env["PATH"] == os.environ["PATH"]
    assert engine_env(settings("m", engine_env={"OMP_WAIT_POLICY": "active"}))["OMP_WAIT_POLICY"] == "active"


def test_the_module_starts_without_the_gateway():
    """The engine's process must not pay for, or fail with, what it does not use."""
    heavy = {"starlette", "uvicorn", "httpx", "aiohttp"}
    code = f"import sys, {ENGINE_MODULE}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path("/"))
    assert done.stdout.strip() == "[]"
