from zephyr_deploy.engines.registry import engine

TGI = engine("tgi")


def test_the_last_release_ever_is_pinned():
    assert TGI.image == "ghcr.io/huggingface/text-generation-inference:3.3.7"
    assert TGI.container_port == 80


def test_health_proves_no_generation_and_opens_when_ready():
    assert (TGI.health.path, TGI.health.generates, TGI.health.port_opens_when) == ("/health", False, "ready")


def test_the_drain_time_is_waited_for_twice():
    assert TGI.drain.drains
    assert TGI.drain.bound_s(90) == 180


def test_the_own_key_is_not_used_and_the_open_paths_are_known():
    assert TGI.auth.env is None
    assert {"/info", "/metrics", "/chat_tokenize", "/v1/models", "/health"} <= set(TGI.auth.open_paths)


def test_no_figure_is_invented():
    assert (TGI.metrics.ttft, TGI.metrics.itl, TGI.metrics.kv_usage) == (None, None, None)
    assert (TGI.metrics.queued, TGI.metrics.running) == ("tgi_queue_size", "tgi_batch_current_size")
