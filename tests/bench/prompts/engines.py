"""Servers that count tokens as each engine does, with an odd tokenizer behind them.

They speak the routes and bodies of TGI 3.3, vLLM 0.33, SGLang 0.5 and llama.cpp's server as far as counting takes, and
answer every request with one word. They leave out limits, keys, and everything else that those servers refuse.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.prompts.odd import Odd

START, END = "<user> ", " </user>"
MODEL = "org/model"


class Engine:
    """One engine; ``without`` names routes that it does not have."""

    def __init__(self, name, tokenizer=None, without=()):
        self.name, self.tokenizer, self.without = name, tokenizer or Odd(), without
        self.asked = []

    def answer(self, path, body):
        """(status, JSON or the events of a stream)."""
        self.asked.append((path, body))
        routes = {
            "/tokenize": getattr(self, f"_tokenize_{self.name}"),
            "/v1/chat/completions": lambda body: self._generate(body, self.tokenizer.whole(_last(body))),
            "/v1/completions": lambda body: self._generate(body, len(self.tokenizer.ids(body["prompt"]))),
            **({"/chat_tokenize": self._chat_tokenize} if self.name == "tgi" else {}),
            **({"/generate_stream": self._native} if self.name == "tgi" else {}),
            **({"/apply-template": self._apply_template} if self.name == "llamacpp" else {}),
        }
        if path in self.without or path not in routes:
            return 404, {"error": {"message": "Not Found"}}
        return routes[path](body)

    def _tokenize_tgi(self, body):
        return 200, _tokens(self.tokenizer.ids(body["inputs"]))

    def _chat_tokenize(self, body):
        text = _last(body)
        return 200, {"tokenize_response": _tokens(range(self.tokenizer.whole(text))), "templated_text": text}

    def _tokenize_llamacpp(self, body):
        text = body.get("content")
        if text is None:
            return 200, {"tokens": []}
        if text.startswith(START):
            return 200, {"tokens": list(range(self.tokenizer.whole(text.removeprefix(START).removesuffix(END))))}
        return 200, {"tokens": self.tokenizer.ids(text)}

    def _apply_template(self, body):
        return 200, {"prompt": f"{START}{_last(body)}{END}"}

    def _tokenize_vllm(self, body):
        assert body["model"] == MODEL
        if "messages" in body:
            count = self.tokenizer.whole(_last(body))
            return 200, {"count": count, "max_model_len": 8192, "tokens": list(range(count)), "token_strs": None}
        ids = self.tokenizer.ids(body["prompt"])
        return 200, {"count": len(ids), "max_model_len": 8192, "tokens": ids, "token_strs": None}

    def _tokenize_sglang(self, body):
        if "prompt" not in body:
            return 400, {"object": "error", "message": "prompt: Field required", "type": "BadRequest", "code": 400}
        return self._tokenize_vllm({"model": body["model"], "prompt": body["prompt"]})

    def _generate(self, body, prompt_tokens):
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": 1, "total_tokens": prompt_tokens + 1}
        chat = "messages" in body
        if not body["stream"]:
            said = {"message": {"role": "assistant", "content": "a"}} if chat else {"text": "a"}
            return 200, {"choices": [{"index": 0, **said, "finish_reason": "length"}], "usage": usage}
        said = {"delta": {"role": "assistant", "content": "a"}} if chat else {"text": "a"}
        choice = {"index": 0, **said, "finish_reason": "length"}
        return 200, [{"choices": [choice], "usage": None}, {"choices": [], "usage": usage}, "[DONE]"]

    def _native(self, body):
        tokens = len(self.tokenizer.ids(body["inputs"]))
        details = {"finish_reason": "length", "generated_tokens": 1, "seed": None, "input_length": tokens}
        token = {"id": 5, "text": "a", "logprob": -0.5, "special": False}
        return 200, [{"index": 1, "token": token, "generated_text": "a", "details": details}]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece
    engine: Engine

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, said = self.engine.answer(self.path, body)
        is_stream = isinstance(said, list) and body.get("stream", self.path == "/generate_stream")
        data = b"".join(map(_event, said)) if is_stream else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream" if is_stream else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def running(engine):
    """The engine on a free port: its url."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"engine": engine}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _event(said):
    return b"data: " + (said if isinstance(said, str) else json.dumps(said)).encode() + b"\n\n"


def _tokens(ids):
    return [{"id": number, "text": "x", "start": 0, "stop": 1} for number in ids]


def _last(body):
    return body["messages"][-1]["content"]
