"""Every check passes on a sound server, and each fails on the fault that it is for."""

import pytest
from pydantic import SecretStr

from zephyr_deploy.endpoint.smoke import smoke
from zephyr_deploy.events import PhaseFinished, PhaseStarted


def by_name(report):
    return {check.name: check for check in report.checks}


def failed(report):
    return {check.name for check in report.checks if check.outcome == "failed"}


STREAMS = {"generate, streamed", "TGI client, streamed", "chat, streamed"}
GENERATING = STREAMS | {"generate", "TGI client", "TGI client, chat", "chat", "completion"}


def test_a_sound_server(tgi, endpoint):
    report = smoke(endpoint)
    assert report.passed
    assert failed(report) == set()
    checks = by_name(report)
    assert {name for name, check in checks.items() if check.outcome == "passed"} >= GENERATING
    assert checks["wrong key"].detail == "the endpoint asks for no key"
    assert checks["generate, streamed"].detail == "'The capital of Japan is Tokyo.' in 7 pieces"
    assert {"/", "/generate", "/generate_stream", "/v1/chat/completions", "/v1/completions", "/tokenize"} <= {
        request.path for request in tgi.requests if request.method == "POST"
    }


def test_a_wrong_answer_fails_and_is_quoted(tgi, endpoint):
    tgi.script.tokens = ["Kyo", "to", "!"]
    report = smoke(endpoint)
    assert not report.passed
    assert failed(report) == GENERATING
    assert by_name(report)["chat"].detail == "asked for the capital of Japan, it said 'Kyoto!'"


def test_an_empty_answer_fails(tgi, endpoint):
    tgi.script.tokens = []
    assert failed(smoke(endpoint)) == GENERATING


@pytest.mark.parametrize("fault", ["truncated", "cut", "malformed"])
def test_broken_streams_fail_and_nothing_else_does(tgi, endpoint, fault):
    tgi.script.fault = fault
    assert failed(smoke(endpoint)) == STREAMS


def test_a_stream_that_says_other_than_its_end(tgi, endpoint):
    tgi.script.final_text = "The capital of Japan is Tokyo, I think."
    report = smoke(endpoint)
    assert failed(report) == {"generate, streamed", "TGI client, streamed"}
    assert "its end says" in by_name(report)["generate, streamed"].detail


def test_overload_is_told(tgi, endpoint):
    tgi.script.fault = "overloaded"
    report = smoke(endpoint)
    assert failed(report) == GENERATING
    assert {by_name(report)[name].detail for name in GENERATING} == {"Model is overloaded"}


def test_out_of_memory_passes_health_and_fails_here(tgi, endpoint):
    tgi.script.fault = "generation"
    report = smoke(endpoint)
    assert by_name(report)["health"].outcome == "passed"
    assert failed(report) == GENERATING


def test_limits_without_room(tgi, endpoint):
    tgi.script.max_input_tokens = tgi.script.max_total_tokens = 100
    assert "info" in failed(smoke(endpoint))


def test_the_wrong_key_is_refused(tgi, endpoint):
    tgi.script.api_key = "sesame"
    report = smoke(endpoint.model_copy(update={"api_key": SecretStr("sesame")}))
    assert report.passed
    assert by_name(report)["wrong key"].detail == "a wrong key is refused with 401"


def test_a_key_that_protects_nothing(endpoint):
    report = smoke(endpoint.model_copy(update={"api_key": SecretStr("sesame")}))
    assert failed(report) == {"wrong key"}


def test_our_key_is_wrong(tgi, endpoint):
    tgi.script.api_key = "sesame"
    report = smoke(endpoint)
    assert failed(report) >= GENERATING
    assert "does not accept the API key" in by_name(report)["chat"].detail


def test_an_engine_without_tgis_routes(endpoint):
    report = smoke(endpoint.model_copy(update={"engine": "vllm"}))
    assert report.passed
    skipped = {check.name: check.detail for check in report.checks if check.outcome == "skipped"}
    assert skipped["generate"] == "vllm does not have this route"
    assert GENERATING - skipped.keys() == {"chat", "chat, streamed", "completion"}


def test_stray_blank_lines_are_told(tgi, endpoint):
    """TGI renders Zephyr's own chat template with blank lines between the turns."""
    tgi.script.turn_start = "\n\n"
    check = by_name(smoke(endpoint))["chat template"]
    assert (check.outcome, "blank lines" in check.detail) == ("passed", True)


def test_nobody_there_is_said_once(endpoint, unused_port):
    report = smoke(endpoint.model_copy(update={"url": f"http://127.0.0.1:{unused_port}"}))
    assert not report.passed
    assert failed(report) == {"health"}
    assert {check.outcome for check in report.checks[1:]} == {"skipped"}


def test_another_server_altogether(serve_json, endpoint):
    report = smoke(endpoint.model_copy(update={"url": serve_json({})}))
    assert failed(report) >= GENERATING


def test_odd_answers_are_failures_not_crashes(serve_json, endpoint):
    odd = {"choices": [7], "generated_text": "Tokyo", "details": {"x": 1}, "templated_text": 3}
    paths = ("/generate", "/generate_stream", "/", "/v1/chat/completions", "/v1/completions", "/chat_tokenize")
    report = smoke(endpoint.model_copy(update={"url": serve_json(dict.fromkeys(paths, (200, odd)))}))
    assert failed(report) >= GENERATING


def test_the_listener_hears_of_every_check(tgi, endpoint):
    events = []
    tgi.script.fault = "truncated"
    report = smoke(endpoint, events.append)
    ended = {event.phase: event for event in events if isinstance(event, PhaseFinished)}
    assert [event.phase for event in events if isinstance(event, PhaseStarted)] == [c.name for c in report.checks]
    assert (ended["chat"].outcome, ended["chat, streamed"].outcome) == ("done", "failed")
    assert "ended after 2 pieces" in ended["chat, streamed"].detail


def test_a_slow_check_ends_at_its_deadline(tgi, endpoint):
    tgi.script.fault, tgi.script.keep_alive_s = "hung", 0.05
    assert failed(smoke(endpoint, deadline_s=0.2)) == STREAMS
