import json

import pytest

from zephyr_deploy.engines.llamacpp.gateway.sampling import RANDOM_SEED

FIRST_BYTE, EOS = 3, 2


def token(char, logprob=-0.5, **changes):
    return {"id": ord(char) + FIRST_BYTE, "text": char, "logprob": logprob, "special": False, **changes}


END = {"id": EOS, "text": "</s>", "logprob": -0.5, "special": True}


def generate(post, engine, **parameters):
    return post("/generate", {"inputs": "in", "parameters": parameters})


def test_the_bytes_of_a_whole_answer(post):
    response = post("/generate", {"inputs": "in", "parameters": {"details": True}})
    assert response.content == (
        b'{"generated_text":"Hi","details":{"finish_reason":"eos_token","generated_tokens":3,"seed":null,"prefill":[],'
        b'"tokens":[{"id":75,"text":"H","logprob":-0.5,"special":false},{"id":108,"text":"i","logprob":-0.5,'
        b'"special":false},{"id":2,"text":"</s>","logprob":-0.5,"special":true}]}}'
    )
    assert response.headers["content-type"] == "application/json"


def test_headers_tell_where_the_time_went(post):
    headers = post("/generate", {"inputs": "input"}).headers
    assert headers["x-compute-type"] == "cpu"
    assert headers["x-compute-characters"] == "5"
    assert headers["x-prompt-tokens"] == "5"
    assert headers["x-generated-tokens"] == "3"
    parts = [int(headers[f"x-{name}-time"]) for name in ("validation", "queue", "inference")]
    assert 0 <= int(headers["x-total-time"]) - sum(parts) <= 3
    assert float(headers["x-compute-time"]) == pytest.approx(int(headers["x-total-time"]) / 1000, abs=0.002)
    assert int(headers["x-time-per-token"]) <= int(headers["x-inference-time"])


def test_the_bytes_of_a_stream(post):
    response = post("/generate_stream", {"inputs": "in", "parameters": {"details": True}})
    assert response.content == (
        b'data: {"index":1,"token":{"id":75,"text":"H","logprob":-0.5,"special":false},"generated_text":null,'
        b'"details":null}\n\n'
        b'data: {"index":2,"token":{"id":108,"text":"i","logprob":-0.5,"special":false},"generated_text":null,'
        b'"details":null}\n\n'
        b'data: {"index":3,"token":{"id":2,"text":"</s>","logprob":-0.5,"special":true},"generated_text":"Hi",'
        b'"details":{"finish_reason":"eos_token","generated_tokens":3,"seed":null,"input_length":2}}\n\n'
    )
    headers = response.headers
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-compute-characters"] == "2"
    assert "x-total-time" not in headers


def test_details_are_given_only_where_asked_for(post, frames):
    assert post("/generate", {"inputs": "in"}).json() == {"generated_text": "Hi"}
    assert frames("/generate_stream", {"inputs": "in"})[-1]["details"] is None


@pytest.mark.parametrize(
    ("stop_type", "reason", "tokens"),
    [
        ("limit", "length", [token("H"), token("i")]),
        ("eos", "eos_token", [token("H"), token("i"), END]),
    ],
)
def test_ends(post, engine, stop_type, reason, tokens):
    engine.say("Hi", stop_type=stop_type)
    answer = generate(post, engine, details=True, max_new_tokens=len(tokens)).json()
    assert answer["generated_text"] == "Hi"
    assert answer["details"]["finish_reason"] == reason
    assert answer["details"]["tokens"] == tokens


STOPPED = {"stop": ["EN"], "details": True}


def test_the_stop_text_stays_in_the_answer_and_in_the_tokens(post, engine):
    engine.say("a", stop_type="word", stopping_word="EN")  # as recorded: no text of the stop sequence, but its ids
    engine.ids = [ord(char) + FIRST_BYTE for char in "aEN"]
    answer = generate(post, engine, **STOPPED).json()
    assert answer["generated_text"] == "aEN"
    assert answer["details"]["finish_reason"] == "stop_sequence"
    assert answer["details"]["tokens"] == [token("a"), token("E", None), token("N", None)]
    assert engine.payloads[0]["stop"] == ["EN"]


def test_a_stream_ends_with_the_stop_text_and_frees_its_slot(frames, engine):
    engine.say("aENx" + "y" * 20)
    events = frames("/generate_stream", {"inputs": "in", "parameters": STOPPED})
    assert [event["token"]["text"] for event in events] == ["a", "E", "N"]
    assert events[-1]["generated_text"] == "aEN"
    assert events[-1]["details"] == {
        "finish_reason": "stop_sequence",
        "generated_tokens": 3,
        "seed": None,
        "input_length": 2,
    }
    # The engine would hold back text for them, and keep it if a limit came first.
    assert engine.payloads[0]["stop"] == []


def test_a_stop_text_that_never_comes_takes_no_text_away(post, frames, engine):
    engine.say("aE", stop_type="limit")
    for event in engine.events[:2]:  # as recorded: texts are missing, probabilities are not
        event["completion_probabilities"][0]["token"] = ""
    answer = generate(post, engine, max_new_tokens=2, **STOPPED).json()
    assert answer["generated_text"] == "aE"
    assert answer["details"]["tokens"] == [token("a"), token("E")]
    engine.say("aE", stop_type="limit")
    events = frames("/generate_stream", {"inputs": "in", "parameters": {"max_new_tokens": 2, **STOPPED}})
    assert [event["token"]["text"] for event in events] == ["a", "E"]
    assert events[-1]["generated_text"] == "aE"


def test_an_answer_that_ends_within_a_token_ends_there_in_its_tokens_too(post, frames, engine):
    engine.events = [engine.token(ord("a") + FIRST_BYTE, "aENx", 1), engine.end(1)]
    events = frames("/generate_stream", {"inputs": "in", "parameters": STOPPED})
    assert [event["token"]["text"] for event in events] == [events[-1]["generated_text"]] == ["aEN"]
    engine.events = [engine.end(1, "word", "E")]
    engine.ids = [EOS]  # its text, "</s>", stands for any longer one than the answer's
    engine.events[0]["content"] = "<"
    answer = generate(post, engine, stop=["/"], details=True).json()
    assert answer["generated_text"] == "<E"


def test_the_end_of_the_turn_is_special_where_a_stop_text_might_have_begun(post, engine):
    engine.say("aE")
    engine.events[1]["completion_probabilities"][0]["token"] = ""
    assert generate(post, engine, **STOPPED).json()["details"]["tokens"] == [token("a"), token("E"), END]


def test_a_whole_answer_has_every_token_of_a_character(post, engine):
    engine.say("é😀", stop_type="limit")
    answer = generate(post, engine, details=True, max_new_tokens=6).json()
    tokens = answer["details"]["tokens"]
    assert answer["generated_text"] == "é😀"
    assert [shown["text"] for shown in tokens] == ["", "é", "", "", "", "😀"]
    assert [shown["id"] - FIRST_BYTE for shown in tokens] == list("é😀".encode())
    assert [shown["logprob"] for shown in tokens] == [None, -0.5, None, None, None, -0.5]


def test_a_limit_within_a_character_leaves_its_tokens_without_text(post, engine):
    engine.say("a", stop_type="limit")
    engine.ids += [byte + FIRST_BYTE for byte in "😀".encode()[:2]]
    engine.events[-1]["content"] = "\ufffd"
    answer = generate(post, engine, details=True, max_new_tokens=3).json()
    assert answer["generated_text"] == "a\ufffd"
    assert [shown["text"] for shown in answer["details"]["tokens"]] == ["a", "", ""]
    assert answer["details"]["generated_tokens"] == 3


def test_a_character_of_several_tokens_is_several_events_and_one_text(frames, engine):
    engine.say("é😀", stop_type="limit")
    events = frames("/generate_stream", {"inputs": "in", "parameters": {"details": True, "max_new_tokens": 6}})
    assert [event["index"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event["token"]["text"] for event in events] == ["", "é", "", "", "", "😀"]
    assert [event["token"]["id"] - FIRST_BYTE for event in events] == list("é😀".encode())
    assert [event["token"]["logprob"] for event in events] == [None, -0.5, None, None, None, -0.5]
    assert events[-1]["generated_text"] == "é😀"
    assert events[-1]["details"]["generated_tokens"] == 6


def test_a_character_made_of_other_tokens_than_it_splits_into_is_one_event(frames, engine):
    engine.events = [engine.token(ord("b") + FIRST_BYTE, "é", 3), engine.end(3, "limit")]
    events = frames("/generate_stream", {"inputs": "in", "parameters": {"max_new_tokens": 3}})
    assert [(event["index"], event["token"]["text"]) for event in events] == [(1, "é")]


def test_an_end_within_the_first_character_still_has_its_event(frames, engine):
    engine.events = [engine.end(1, "limit")]
    (event,) = frames("/generate_stream", {"inputs": "in", "parameters": {"details": True}})
    assert event["token"] == {"id": 0, "text": "", "logprob": None, "special": True}
    assert (event["generated_text"], event["details"]["generated_tokens"]) == ("", 1)


def test_top_tokens(post, frames, engine):
    engine.say("H", stop_type="limit")
    body = {"inputs": "in", "parameters": {"top_n_tokens": 2, "details": True, "max_new_tokens": 1}}
    top = [token("H"), {"id": EOS, "text": "</s>", "logprob": -3.0, "special": True}]
    assert post("/generate", body).json()["details"]["top_tokens"] == [top]
    assert engine.payloads[0]["n_probs"] == 2
    assert frames("/generate_stream", body)[0]["top_tokens"] == top


def test_the_prompt_is_shown_with_decoder_input_details(post, engine):
    answer = post("/generate", {"inputs": "in", "parameters": {"decoder_input_details": True}}).json()
    assert answer["details"]["prefill"] == [
        {"id": ord("i") + FIRST_BYTE, "text": "i", "logprob": None},
        {"id": ord("n") + FIRST_BYTE, "text": "n", "logprob": None},
    ]
    assert engine.pieces_asked == 1
    generate(post, engine)
    assert engine.pieces_asked == 1  # they cost several times the ids


def test_truncate_keeps_the_end(post, engine):
    response = post("/generate", {"inputs": "abcdef", "parameters": {"truncate": 2}})
    assert engine.payloads[0]["prompt"] == [ord(char) + FIRST_BYTE for char in "ef"]
    assert response.headers["x-prompt-tokens"] == "2"


def test_the_full_text_begins_with_the_prompt(post, frames):
    body = {"inputs": "in", "parameters": {"return_full_text": True}}
    assert post("/generate", body).json()["generated_text"] == "inHi"
    assert frames("/generate_stream", body)[-1]["generated_text"] == "inHi"


def test_the_seed_is_drawn_reported_and_used(post, engine):
    first = generate(post, engine, do_sample=True, details=True).json()["details"]["seed"]
    second = generate(post, engine, do_sample=True, details=True).json()["details"]["seed"]
    assert first != second
    assert [payload["seed"] for payload in engine.payloads] == [first, second]
    assert generate(post, engine, do_sample=True, details=True, seed=9).json()["details"]["seed"] == 9
    assert engine.payloads[-1]["seed"] == 9
    big = generate(post, engine, do_sample=True, details=True, seed=2**63).json()["details"]["seed"]
    assert (big, engine.payloads[-1]["seed"]) == (2**63, 2**63 % RANDOM_SEED)


def test_best_of_gives_the_likeliest_first(post, engine, monkeypatch):
    spoken = iter([-2.0, -0.1])
    original = type(engine)._reply

    async def reply(self, request, **options):
        self.say("Hi", logprob=next(spoken))
        return await original(self, request, **options)

    monkeypatch.setattr(type(engine), "_reply", reply)
    body = {"inputs": "in", "parameters": {"best_of": 2, "do_sample": True, "details": True}}
    details = post("/generate", body, limits={"parallel": 1}).json()["details"]
    (other,) = details["best_of_sequences"]
    assert details["tokens"][0]["logprob"] == -0.1
    assert other["tokens"][0]["logprob"] == -2.0
    assert other["generated_text"] == "Hi"
    assert {details["seed"], other["seed"]} == {payload["seed"] for payload in engine.payloads}


def test_root_answers_with_a_list_and_with_the_prompt_unless_told_otherwise(post):
    assert post("/", {"inputs": "in"}).json() == [{"generated_text": "inHi"}]
    body = {"inputs": "in", "parameters": {"return_full_text": False}}
    assert post("/", body).json() == [{"generated_text": "Hi"}]


def test_root_streams_when_asked_to(frames):
    events = frames("/", {"inputs": "in", "stream": True})
    assert [event["index"] for event in events] == [1, 2, 3]
    assert events[-1]["generated_text"] == "inHi"


def test_a_token_is_sent_as_soon_as_it_cannot_be_the_last(with_gateway, engine):
    engine.say("Hello", stop_type="limit")

    async def scenario(_client, app):
        import asyncio

        engine.gate = asyncio.Event()
        sent, done = asyncio.Queue(), asyncio.Event()
        body = json.dumps({"inputs": "in", "parameters": {"max_new_tokens": 30}}).encode()
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive():
            return next(messages, None) or await done.wait()

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/generate_stream",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"content-type", b"application/json")],
        }
        running = asyncio.create_task(app(scope, receive, sent.put))
        assert (await sent.get())["type"] == "http.response.start"
        first = (await asyncio.wait_for(sent.get(), 5))["body"]  # the engine waits after its first token
        engine.gate.set()
        await running
        return json.loads(first[6:])

    assert with_gateway(scenario)["token"]["text"] == "H"
