"""The official clients as judges of real generations."""

import asyncio
import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
from gateway_service import ANSWER, HEADERS, KEY, PROMPT, QUESTION, SLOTS, Service
from huggingface_hub import InferenceClient
from text_generation import AsyncClient, Client

pytestmark = [
    pytest.mark.engine,
    # text-generation 0.7.0 calls pydantic 1's names, and its event loop's session is left to the collector.
    pytest.mark.filterwarnings("ignore:The `dict` method is deprecated:DeprecationWarning"),
]


def test_text_generation_client(service):
    client = Client(service.url, headers=HEADERS, timeout=60)
    whole = client.generate(PROMPT, max_new_tokens=16)
    assert whole.generated_text == ANSWER
    assert whole.details.finish_reason.value == "eos_token"
    assert whole.details.seed is None
    assert "".join(token.text for token in whole.details.tokens if not token.special) == ANSWER
    assert whole.details.tokens[-1].text == "<|im_end|>"
    assert all(token.logprob <= 0 for token in whole.details.tokens)
    streamed = list(client.generate_stream(PROMPT, max_new_tokens=16))
    assert [event.token.id for event in streamed] == [token.id for token in whole.details.tokens]
    assert streamed[-1].generated_text == ANSWER
    assert all(event.generated_text is None and event.details is None for event in streamed[:-1])
    assert streamed[-1].details.generated_tokens == len(streamed)
    chat = client.chat(QUESTION, max_tokens=16, temperature=0.01, seed=1)
    assert chat.choices[0].message.content == ANSWER


def test_text_generation_chat_streams_without_done_and_only_so(service, model_path):
    def chat(url):
        return list(Client(url, headers=HEADERS, timeout=60).chat(QUESTION, max_tokens=16, seed=1, stream=True))

    async def chat_async(url):
        client = AsyncClient(url, headers=HEADERS, timeout=60)
        return [chunk async for chunk in await client.chat(QUESTION, max_tokens=16, seed=1, stream=True)]

    with pytest.raises(json.JSONDecodeError):
        chat(service.url)
    with Service(model_path, done=False) as other:
        for chunks in (chat(other.url), asyncio.run(chat_async(other.url))):
            assert chunks[-1].choices[0].finish_reason is not None
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def test_text_generation_async_client(service):
    async def main():
        client = AsyncClient(service.url, headers=HEADERS, timeout=60)
        whole = await client.generate(PROMPT, max_new_tokens=16)
        events = [event async for event in client.generate_stream(PROMPT, max_new_tokens=16)]
        return whole, events

    whole, events = asyncio.run(main())
    assert whole.generated_text == events[-1].generated_text == ANSWER


def test_text_generation_client_sees_our_errors(service):
    from text_generation.errors import ValidationError

    client = Client(service.url, headers=HEADERS, timeout=60)
    with pytest.raises(ValidationError, match="must be <= 2048"):
        client.generate("x", max_new_tokens=5000)
    with pytest.raises(ValidationError, match="must be <= 2048"):
        list(client.generate_stream("x", max_new_tokens=5000))


def test_huggingface_client(service):
    client = InferenceClient(base_url=service.url, token=KEY, timeout=60)
    options = {"max_new_tokens": 16, "return_full_text": False}
    whole = client.text_generation(PROMPT, details=True, **options)
    assert (whole.generated_text, whole.details.finish_reason) == (ANSWER, "eos_token")
    assert client.text_generation(PROMPT, **options) == ANSWER
    events = list(client.text_generation(PROMPT, details=True, stream=True, **options))
    assert [event.index for event in events] == list(range(1, len(events) + 1))
    assert events[-1].generated_text == ANSWER
    assert events[-1].details.input_length == 27
    chunks = list(client.chat_completion(QUESTION, max_tokens=16, temperature=0, stream=True))
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == ANSWER
    assert client.chat_completion(QUESTION, max_tokens=16, temperature=0).choices[0].message.content == ANSWER


def test_openai_client(service):
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
        (model,) = client.models.list().data
        request = {"model": model.id, "messages": QUESTION, "max_tokens": 16, "temperature": 0}
        whole = client.chat.completions.create(**request, logprobs=True, top_logprobs=2)
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (ANSWER, "stop")
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (27, 8)
        assert [entry.token for entry in whole.choices[0].logprobs.content][:2] == ["The", " capital"]
        stream = client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True})
        *chunks, last = stream
        assert "".join(chunk.choices[0].delta.content for chunk in chunks) == ANSWER
        assert last.usage == whole.usage
        text = client.completions.create(model=model.id, prompt=[PROMPT] * 2, max_tokens=16, temperature=0)
        assert [choice.text for choice in text.choices] == [ANSWER] * 2
        parts = client.completions.create(model=model.id, prompt=PROMPT, max_tokens=16, temperature=0, stream=True)
        assert "".join(part.choices[0].text for part in parts) == ANSWER
    with (
        openai.OpenAI(base_url=f"{service.url}/v1", api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(**request)


def test_the_bytes_of_a_stream(http):
    body = {"inputs": PROMPT, "parameters": {"max_new_tokens": 16, "details": True}}
    raw = http.post("/generate_stream", json=body).content
    events = [json.loads(block.removeprefix(b"data: ")) for block in raw.split(b"\n\n")[:-1]]
    assert raw == b"".join(
        b"data: " + json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n" for event in events
    )
    assert [list(event) for event in events] == [["index", "token", "generated_text", "details"]] * 8
    assert events[-1]["details"] == {
        "finish_reason": "eos_token",
        "generated_tokens": 8,
        "seed": None,
        "input_length": 27,
    }
    assert events[-1]["token"]["special"] is True


def test_stops_seeds_grammars_and_choices(http):
    def generate(inputs, **parameters):
        body = {"inputs": inputs, "parameters": {"details": True, "max_new_tokens": 16, **parameters}}
        response = http.post("/generate", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    stopped = generate(PROMPT, stop=["of Japan"])
    assert stopped["generated_text"] == "The capital of Japan"
    assert stopped["details"]["finish_reason"] == "stop_sequence"
    assert [token["text"] for token in stopped["details"]["tokens"]] == ["The", " capital", " of", " Japan"]
    drawn = generate("Once upon a time", temperature=1.2, max_new_tokens=8)
    again = generate("Once upon a time", temperature=1.2, max_new_tokens=8, seed=drawn["details"]["seed"])
    assert again["generated_text"] == drawn["generated_text"]
    phone = generate("Phone: ", grammar={"type": "regex", "value": "[0-9]{3}-[0-9]{4}"})
    assert phone["generated_text"].replace("-", "").isdecimal()
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Tokyo", "Paris"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    city = generate(PROMPT, grammar={"type": "json", "value": schema}, max_new_tokens=24)
    assert json.loads(city["generated_text"])["city"] in {"Tokyo", "Paris"}
    best = generate("Once upon a time", best_of=2, do_sample=True, max_new_tokens=6, top_n_tokens=2)["details"]
    (other,) = best["best_of_sequences"]
    totals = [sum(token["logprob"] for token in sequence["tokens"]) for sequence in (best, other)]
    assert totals[0] >= totals[1]
    assert [len(top) for top in best["top_tokens"]] == [2] * 6


def test_characters_of_several_tokens(http):
    emoji = "😀😁😂😀😁😂😀😁😂😀"
    body = {"inputs": emoji, "parameters": {"max_new_tokens": 6, "details": True}}
    answer = http.post("/generate", json=body).json()
    tokens = answer["details"]["tokens"]
    assert answer["details"]["generated_tokens"] == len(tokens) == 6
    assert "".join(token["text"] for token in tokens) == answer["generated_text"]
    assert "\ufffd" not in answer["generated_text"]
    places = http.post("/tokenize", json={"inputs": emoji}).json()
    assert {place["text"] for place in places} == set(emoji)
    assert (places[0]["start"], places[-1]["stop"]) == (0, 10)


def test_the_template_and_the_prompt_are_one(http):
    answer = http.post("/chat_tokenize", json={"messages": QUESTION}).json()
    assert answer["templated_text"] == PROMPT
    assert len(answer["tokenize_response"]) == 27


def test_a_client_that_leaves_frees_the_slot(http, metric):
    dropped = metric('tgi_request_failure{err="dropped"}')
    body = {"inputs": "Once upon a time", "parameters": {"max_new_tokens": 1500, "do_sample": True}}
    for _ in range(SLOTS):
        with http.stream("POST", "/generate_stream", json=body) as response:
            next(response.iter_lines())
    with contextlib.suppress(httpx.ReadTimeout):
        http.post("/generate", json=body, timeout=0.3)
    deadline = time.monotonic() + 20
    while metric("tgi_batch_current_size") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert metric("tgi_batch_current_size") == 0
    assert metric('tgi_request_failure{err="dropped"}') == dropped + SLOTS + 1
    start = time.monotonic()
    assert http.post("/generate", json={"inputs": PROMPT, "parameters": {"max_new_tokens": 8}}).status_code == 200
    assert time.monotonic() - start < 20


def test_sixty_four_clients_at_once_are_served_or_refused_and_none_is_lost(service, metric):
    before = [metric(name) for name in ("tgi_request_count", "tgi_request_success", "tgi_request_failure")]
    body = {"inputs": PROMPT, "parameters": {"max_new_tokens": 8}}
    together = threading.Barrier(64)

    def one(_number):
        together.wait(30)
        return httpx.post(f"{service.url}/generate", json=body, headers=HEADERS, timeout=100)

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(one, range(64)))
    served = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(served) + len(refused) == 64
    assert len(served) >= 40
    assert {answer.json()["generated_text"] for answer in served} == {ANSWER}
    assert all(answer.json() == {"error": "Model is overloaded", "error_type": "overloaded"} for answer in refused)
    assert max(int(answer.headers["x-queue-time"]) for answer in served) > 0
    after = [metric(name) for name in ("tgi_request_count", "tgi_request_success", "tgi_request_failure")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [64, len(served), len(refused)]
