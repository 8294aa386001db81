"""Servers' ``/metrics``: the texts of TGI, vLLM, SGLang and llama.cpp, and ways in which such a server misbehaves.

The texts have the form that each engine's own library writes (metrics-exporter-prometheus, prometheus_client, llama.cpp
by hand), and of its metrics those that matter here with a few that do not. They leave out most of the others.
"""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TGI = """# TYPE tgi_request_count counter
tgi_request_count {done}

# TYPE tgi_request_success counter
tgi_request_success {done}

# TYPE tgi_batch_inference_count counter
tgi_batch_inference_count{{method="decode"}} 4711

# HELP tgi_queue_size Current number of requests in the queue
# TYPE tgi_queue_size gauge
tgi_queue_size {queue}

# TYPE tgi_batch_current_size gauge
tgi_batch_current_size {running}

# TYPE tgi_batch_current_max_tokens gauge
tgi_batch_current_max_tokens 4096

# TYPE tgi_request_queue_duration histogram
tgi_request_queue_duration_bucket{{le="0.00015"}} 0
tgi_request_queue_duration_bucket{{le="0.0086"}} {half}
tgi_request_queue_duration_bucket{{le="0.0129"}} {done}
tgi_request_queue_duration_bucket{{le="+Inf"}} {done}
tgi_request_queue_duration_sum {queued_s}
tgi_request_queue_duration_count {done}

# TYPE tgi_batch_inference_duration histogram
tgi_batch_inference_duration_bucket{{method="prefill",le="0.1"}} {done}
tgi_batch_inference_duration_bucket{{method="prefill",le="+Inf"}} {done}
tgi_batch_inference_duration_sum{{method="prefill"}} {prefill_s}
tgi_batch_inference_duration_count{{method="prefill"}} {done}
tgi_batch_inference_duration_bucket{{method="decode",le="0.1"}} 4711
tgi_batch_inference_duration_bucket{{method="decode",le="+Inf"}} 4711
tgi_batch_inference_duration_sum{{method="decode"}} 94.22
tgi_batch_inference_duration_count{{method="decode"}} 4711

# TYPE tgi_request_generated_tokens histogram
tgi_request_generated_tokens_bucket{{le="512"}} {done}
tgi_request_generated_tokens_bucket{{le="+Inf"}} {done}
tgi_request_generated_tokens_sum {tokens}
tgi_request_generated_tokens_count {done}

# TYPE tgi_request_skipped_tokens summary
tgi_request_skipped_tokens{{quantile="0.5"}} 0
tgi_request_skipped_tokens_sum 0
tgi_request_skipped_tokens_count 0
"""
VLLM = """# HELP python_gc_objects_collected_total Objects collected during gc
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{{generation="0"}} 12345.0
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="some/{{model}}"}} {running}.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="some/{{model}}"}} {queue}.0
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{{engine="0",model_name="some/{{model}}"}} 0.43
# HELP vllm:prefix_cache_queries_total Prefix cache queries, in terms of number of queried tokens.
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{{engine="0",model_name="some/{{model}}"}} {tokens}.0
# HELP vllm:prefix_cache_queries_created Prefix cache queries, in terms of number of queried tokens.
# TYPE vllm:prefix_cache_queries_created gauge
vllm:prefix_cache_queries_created{{engine="0",model_name="some/{{model}}"}} 1.7641e+09
# HELP vllm:prefix_cache_hits_total Prefix cache hits, in terms of number of cached tokens.
# TYPE vllm:prefix_cache_hits_total counter
vllm:prefix_cache_hits_total{{engine="0",model_name="some/{{model}}"}} {hits}
# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{{engine="0",model_name="some/{{model}}"}} {tokens}.0
# HELP vllm:request_success_total Count of successfully processed requests.
# TYPE vllm:request_success_total counter
vllm:request_success_total{{engine="0",finished_reason="stop",model_name="some/{{model}}"}} 0.0
vllm:request_success_total{{engine="0",finished_reason="length",model_name="some/{{model}}"}} {done}.0
# HELP vllm:request_queue_time_seconds Histogram of time spent in WAITING phase for request.
# TYPE vllm:request_queue_time_seconds histogram
vllm:request_queue_time_seconds_bucket{{engine="0",le="0.3",model_name="some/{{model}}"}} {done}.0
vllm:request_queue_time_seconds_bucket{{engine="0",le="7680.0",model_name="some/{{model}}"}} {done}.0
vllm:request_queue_time_seconds_bucket{{engine="0",le="+Inf",model_name="some/{{model}}"}} {done}.0
vllm:request_queue_time_seconds_count{{engine="0",model_name="some/{{model}}"}} {done}.0
vllm:request_queue_time_seconds_sum{{engine="0",model_name="some/{{model}}"}} {queued_s}
"""
SGLANG = """# HELP sglang:generation_tokens_total Number of generation tokens processed.
# TYPE sglang:generation_tokens_total counter
sglang:generation_tokens_total{{model_name="some/model"}} {tokens}
# HELP sglang:token_usage The token usage
# TYPE sglang:token_usage gauge
sglang:token_usage{{model_name="some/model"}} 0.28
# HELP sglang:cache_hit_rate The cache hit rate
# TYPE sglang:cache_hit_rate gauge
sglang:cache_hit_rate{{model_name="some/model"}} 0.007507552643049313
# HELP sglang:queue_time_seconds Histogram of queueing time in seconds.
# TYPE sglang:queue_time_seconds histogram
sglang:queue_time_seconds_sum{{model_name="some/model"}} {queued_s}
sglang:queue_time_seconds_bucket{{le="0.0",model_name="some/model"}} 0.0
sglang:queue_time_seconds_bucket{{le="0.1",model_name="some/model"}} {done}
sglang:queue_time_seconds_bucket{{le="+Inf",model_name="some/model"}} {done}
sglang:queue_time_seconds_count{{model_name="some/model"}} {done}
# HELP sglang:num_running_reqs The number of running requests
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{{model_name="some/model"}} {running}.0
# HELP sglang:num_queue_reqs The number of requests in the waiting queue
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{{model_name="some/model"}} {queue}.0
"""
LLAMACPP = """# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 33065
# HELP llamacpp:tokens_predicted_total Number of generation tokens processed.
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total {tokens}
# HELP llamacpp:predicted_tokens_seconds Average generation throughput in tokens/s.
# TYPE llamacpp:predicted_tokens_seconds gauge
llamacpp:predicted_tokens_seconds nan
# HELP llamacpp:requests_processing Number of requests processing.
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing {running}
# HELP llamacpp:requests_deferred Number of requests deferred.
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred {queue}
"""
TEXTS = {"tgi": TGI, "vllm": VLLM, "sglang": SGLANG, "llamacpp": LLAMACPP}


def text_of(engine: str, done: int, *, queue: int = 3, running: int = 18) -> str:
    """The text after so many requests, each of which waited 10 ms and made 50 tokens, 20 of them from the cache."""
    return TEXTS[engine].format(
        done=done,
        half=done // 2,
        queue=queue,
        running=running,
        tokens=done * 50,
        hits=f"{done * 20:.1e}",
        queued_s=done * 0.010,
        prefill_s=done * 0.030,
    )


class MetricsServer:
    """Answers ``/metrics``, and ``/info`` with a version; every look finds eight requests more than the last one.

    ``fault``: a status; ``slow`` (says nothing), ``garbage`` (no HTTP), ``no-text`` (JSON), ``chunked``,
    ``moved`` (to ``/metrics/``), ``closes`` (after every answer), ``hangs-up`` (instead of every second answer).
    """

    def __init__(self, engine: str = "tgi", fault: str | int = "", key: str = "") -> None:
        self.engine, self.fault, self.key = engine, fault, key
        self.done = self.connections = 0
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> MetricsServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        self.asked.append(handler.path)
        if self.key and handler.headers.get("Authorization") != f"Bearer {self.key}":
            self._send(handler, 401, b"")
        elif handler.path == "/info":
            self._send(handler, 200, b'{"version": "3.3.6-dev0"}')
        elif isinstance(self.fault, int):
            self._send(handler, self.fault, b"not here")
        elif self.fault == "slow":
            time.sleep(30)
        elif self.fault == "garbage":
            handler.wfile.write(b"\x00\x01 no http\r\n\r\n")
            handler.close_connection = True
        elif self.fault == "hangs-up" and len(self.asked) % 2:
            handler.close_connection = True
        elif self.fault == "moved" and handler.path == "/metrics":
            self._send(handler, 307, b"", Location=f"{self.url}/metrics/")
        else:
            self.done += 8
            text = '{"tgi_queue_size": 3}' if self.fault == "no-text" else text_of(self.engine, self.done)
            self._send(handler, 200, text.encode())
            handler.close_connection = self.fault == "closes"

    def _send(self, handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if self.fault == "chunked" and status == 200:
            handler.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:])) + b"0\r\n\r\n"
        else:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
