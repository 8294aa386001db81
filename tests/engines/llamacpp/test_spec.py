import pytest

from zephyr_deploy.engines.base import ModelShape, ServeSettings, diagnose
from zephyr_deploy.engines.llamacpp.causes import DRAINING, MILESTONES
from zephyr_deploy.engines.llamacpp.spec import REFUSALS, SPEC


def test_argv_and_env_are_the_settings_and_nothing_else():
    settings = ServeSettings(model_id="a/b", port=8080, extra_env={"GGML_X": "1"})
    assert SPEC.argv(settings) == ["-m", "zephyr_deploy.engines.llamacpp.service", "--port", "8080", "--model", "a/b"]
    assert SPEC.env(settings) == {"GGML_X": "1"}


def test_good_settings_have_no_problem():
    assert SPEC.problems(ServeSettings(model_id="m", max_input_tokens=10, max_total_tokens=20), None) == []


VALUES = {
    "quantize": "awq",
    "dtype": "float16",
    "kv_cache_dtype": "fp8_e5m2",
    "cuda_graphs": (0,),
    "memory_fraction": 0.5,
}


@pytest.mark.parametrize("field", REFUSALS)
def test_what_it_cannot_do_is_refused_by_its_name_in_the_file(field):
    found = SPEC.problems(ServeSettings.model_validate({"model_id": "m", field: VALUES.get(field, 2)}), None)
    assert [problem.setting.rpartition(".")[2] for problem in found] == [field]
    assert found[0].fix


def test_arguments_and_keys_are_refused():
    settings = ServeSettings(model_id="m", extra_args=("--x",), extra_env={"ZEPHYR_API_KEY": "k"})
    assert [p.setting for p in SPEC.problems(settings, None)] == ["engine.args", "engine.env.ZEPHYR_API_KEY"]
    assert SPEC.problems(ServeSettings(model_id="m", extra_args=("--no-done",)), None) == []


@pytest.mark.parametrize(("longest", "refused"), [(19, []), (20, ["limits.max_input_tokens"])])
def test_a_prompt_must_leave_room(longest, refused):
    settings = ServeSettings(model_id="m", max_input_tokens=longest, max_total_tokens=20)
    assert [p.setting for p in SPEC.problems(settings, None)] == refused


def test_more_than_the_models_positions_is_refused():
    shape = ModelShape(heads=1, kv_heads=1, head_dim=1, max_positions=100)
    settings = ServeSettings(model_id="m", max_total_tokens=101)
    assert [p.setting for p in SPEC.problems(settings, shape)] == ["limits.max_total_tokens"]


LINES = {
    "ImportError: libgomp.so.1: cannot open shared object file: No such file or directory": "libgomp.so.1 is missing",
    "ModuleNotFoundError: No module named 'xllamacpp'": "not installed",
    "failed: port 8080 is taken (Address already in use)": "another program listens",
    "E gguf_init_from_file: failed to open GGUF file '/x.gguf' (No such file or directory)": "file is gone",
    "E gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'": "not a GGUF file",
    "E llama_model_load: tensor 'x' data is not within the file bounds, model is corrupted": "cut short",
    "error loading model: unknown model architecture: 'mystery'": "does not know the model's architecture",
    "ggml_aligned_malloc: failed to allocate 9000.00 MB": "not enough memory",
    "failed: the engine was killed by signal 4 (SIGILL)": "AVX2",
    "failed: the engine was killed by signal 9 (SIGKILL)": "signal 9",
    "failed: the engine was killed by signal 11 (SIGSEGV)": "killed by a signal",
    "failed: the engine did not load the model within 600 s": "in time",
    "2026-11-23T08:00:00Z stopped": "stopped by a signal",
}


@pytest.mark.parametrize("line", LINES)
def test_every_line_has_its_cause_and_its_fix(line):
    found = diagnose(SPEC.causes, ["2026-11-23T08:00:00Z starting: release 0 on port 1, pid 2", line])
    assert LINES[line] in found.cause
    assert found.fix


def test_every_cause_is_tried_here():
    seen = {diagnose(SPEC.causes, [line]).cause for line in LINES}
    assert seen == {cause.cause for cause in SPEC.causes}


def test_a_quiet_log_has_no_cause():
    assert diagnose(SPEC.causes, ["2026-11-23T08:00:00Z ready: http://127.0.0.1:8080"]) is None


def test_milestones_are_passed_in_order():
    log = ["Z model loaded", "Z first answer generated", "Z ready: http://x", "Z draining: 1 running, up to 30 s"]
    passed = [next(i for i, line in enumerate(log) if pattern.search(line)) for pattern in MILESTONES.values()]
    assert passed == [0, 1, 2]
    assert DRAINING.search(log[3])


def test_the_drain_bound_includes_the_engine():
    assert SPEC.drain.bound_s(30) == 35


def test_the_open_paths_are_the_gateways():
    from zephyr_deploy.engines.llamacpp.gateway.app import ROUTES
    from zephyr_deploy.engines.llamacpp.gateway.auth import PROTECTED

    assert set(SPEC.auth.open_paths) == {route.path for route in ROUTES} - PROTECTED
