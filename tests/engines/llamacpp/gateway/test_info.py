import re

from zephyr_deploy.engines.llamacpp.gateway.metrics import DURATION_BUCKETS, token_buckets


def test_info_has_tgis_members(ask):
    info = ask("GET", "/info").json()
    version = info.pop("version")
    assert re.match(r"\d+\.\d+", version)
    assert info == {
        "model_id": "org/model",
        "model_sha": "ab" * 32,
        "model_pipeline_tag": "text-generation",
        "max_concurrent_requests": 128,
        "max_best_of": 2,
        "max_stop_sequences": 4,
        "max_input_tokens": 20,
        "max_total_tokens": 40,
        "validation_workers": 1,
        "max_client_batch_size": 4,
        "router": "zephyr-deploy-llamacpp",
        "sha": None,
        "docker_label": None,
    }


def test_health(ask, engine):
    for path in ("/", "/health", "/ping"):
        healthy = ask("GET", path)
        assert (healthy.status_code, healthy.content) == (200, b"")
    engine.healthy = False
    for path in ("/", "/health", "/ping"):
        ill = ask("GET", path)
        assert (ill.status_code, ill.json()) == (503, {"error": "unhealthy", "error_type": "healthcheck"})


def test_models(ask):
    assert ask("GET", "/v1/models").json() == {
        "object": "list",
        "data": [{"id": "org/model", "object": "model", "created": 0, "owned_by": "org/model"}],
    }


def test_the_metrics_have_tgis_names_and_count_every_request_once(with_gateway):
    async def scenario(client, _app):
        await client.post("/generate", json={"inputs": "abc", "parameters": {"max_new_tokens": 5}})
        await client.post("/generate_stream", json={"inputs": "abc"})
        await client.post("/generate", json={"inputs": ""})
        await client.post("/v1/chat/completions", json={"messages": []})
        await client.post("/v1/chat/completions", json={"messages": [], "stream": True})
        return (await client.get("/metrics")).text

    text = with_gateway(scenario)
    lines = text.splitlines()
    for line in (
        "# TYPE tgi_request_count counter",
        "tgi_request_count 5.0",
        "tgi_request_success 2.0",
        'tgi_request_failure{err="validation"} 3.0',
        "# TYPE tgi_queue_size gauge",
        "tgi_queue_size 0.0",
        "tgi_batch_current_size 0.0",
        "tgi_request_input_length_sum 6.0",
        "tgi_request_max_new_tokens_count 2.0",
        'tgi_request_max_new_tokens_bucket{le="5.0"} 1.0',
        "tgi_request_generated_tokens_sum 6.0",
    ):
        assert line in lines
    for name in ("", "_validation", "_queue", "_inference", "_mean_time_per_token"):
        assert f"tgi_request{name}_duration_count 2.0" in lines
    assert "_created" not in text
    assert "_total" not in text


def test_buckets_are_tgis():
    assert len(DURATION_BUCKETS) == 35
    assert DURATION_BUCKETS[:2] == (0.00015, 0.000225)
    assert token_buckets(1000)[:2] == (10.0, 20.0)
    assert token_buckets(1000)[-1] == 1000.0
    assert token_buckets(3) == (1.0, 2.0, 3.0)


def test_other_paths_and_methods(ask):
    assert ask("GET", "/nothing").status_code == 404
    assert ask("GET", "/generate").status_code == 405
