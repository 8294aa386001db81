"""One question to an endpoint, and waiting for the right answer."""

import pytest

from zephyr_deploy.endpoint.health import probe, wait_healthy
from zephyr_deploy.endpoint.info import read_info
from zephyr_deploy.errors import DeadlineError, RequestError, UnauthorizedError


def of(endpoint, engine):
    return endpoint.model_copy(update={"engine": engine})


def test_ready(endpoint):
    health = probe(endpoint)
    assert (health.state, health.detail) == ("ready", "")
    assert (health.info.model_id, health.info.version) == ("HuggingFaceH4/zephyr-7b-beta", "3.3.6-dev0")
    assert (health.info.max_input_tokens, health.info.max_total_tokens) == (100, 200)


def test_tgi_opens_its_port_when_it_is_ready_so_503_is_an_illness(tgi, endpoint):
    tgi.script.health = 503
    health = probe(endpoint)
    assert (health.state, health.detail) == ("unhealthy", "/health answered 503")


def test_sglang_opens_it_before_so_503_is_a_beginning(tgi, endpoint):
    tgi.script.health = 503
    assert probe(of(endpoint, "sglang")).state == "starting"


@pytest.mark.parametrize("status", [401, 403])
def test_unauthorized(tgi, endpoint, status):
    tgi.script.health = status
    assert probe(endpoint).state == "unauthorized"


def test_unreachable(endpoint, unused_port):
    health = probe(endpoint.model_copy(update={"url": f"http://127.0.0.1:{unused_port}"}))
    assert health.state == "unreachable"
    assert str(unused_port) in health.detail


def test_a_health_that_blocks_is_unhealthy(tgi, endpoint):
    """TGI's health waits for a hung shard without limit."""
    tgi.script.health_s = 1
    assert probe(endpoint, timeout_s=0.1).state == "unhealthy"


def test_wait_until_ready(tgi, endpoint):
    tgi.script.health = 503
    seen = []

    def waiting(health, elapsed_s):
        seen.append(health.state)
        if len(seen) == 3:
            tgi.script.health = 200

    assert wait_healthy(endpoint, deadline_s=5, interval_s=0.01, waiting=waiting).state == "ready"
    assert seen == ["unhealthy"] * 3


def test_wait_names_what_it_waited_for(tgi, endpoint):
    tgi.script.health = 503
    with pytest.raises(DeadlineError, match=r"zephyr was not ready after 0\.05 s: unhealthy, /health answered 503"):
        wait_healthy(endpoint, deadline_s=0.05, interval_s=0.01)


def test_wait_does_not_wait_for_a_wrong_key(tgi, endpoint):
    tgi.script.health = 401
    with pytest.raises(UnauthorizedError):
        wait_healthy(endpoint, deadline_s=60)


def test_whoever_waits_can_end_it(tgi, endpoint):
    tgi.script.health = 503

    def dead(health, elapsed_s):
        raise RequestError("the process has ended")

    with pytest.raises(RequestError, match="has ended"):
        wait_healthy(endpoint, deadline_s=60, waiting=dead)


class TestInfo:
    def test_vllm(self):
        answers = {
            "/v1/models": {"data": [{"id": "org/m", "max_model_len": 4096}]},
            "/version": {"version": "0.33.0"},
        }
        info = read_info("vllm", answers.__getitem__)
        assert (info.model_id, info.version, info.max_total_tokens) == ("org/m", "0.33.0", 4096)

    def test_vllm_without_a_version(self):
        def get(path):
            if path == "/version":
                raise RequestError("no", status=404)
            return {"data": [{"id": "org/m"}]}

        assert read_info("vllm", get).version is None

    @pytest.mark.parametrize("answer", [None, [], {}, {"data": []}])
    @pytest.mark.parametrize("engine", ["tgi", "sglang"])
    def test_nothing(self, engine, answer):
        assert read_info(engine, lambda path: answer) is None
