from zephyr_deploy.engines.llamacpp.gateway.tokenize import spans
from zephyr_deploy.engines.llamacpp.upstream import Piece


def test_tokenize(post):
    assert post("/tokenize", {"inputs": "hé"}).json() == [
        {"id": 107, "text": "h", "start": 0, "stop": 1},
        {"id": 198, "text": "é", "start": 1, "stop": 2},
        {"id": 172, "text": "é", "start": 1, "stop": 2},
    ]


def test_chat_tokenize(post):
    answer = post("/chat_tokenize", {"messages": [{"role": "user", "content": "x"}]}).json()
    assert list(answer) == ["tokenize_response", "templated_text"]
    assert answer["templated_text"] == "user:x\n"
    assert len(answer["tokenize_response"]) == 7


def test_chat_tokenize_refuses_what_chat_refuses(post):
    assert post("/chat_tokenize", {"messages": []}).status_code == 422


def test_places_are_in_characters_and_added_tokens_have_none():
    pieces = [Piece(1, b"<s>"), Piece(5, b" Hi"), Piece(6, "é😀".encode())]
    assert [(s["text"], s["start"], s["stop"]) for s in spans("Hié😀", pieces)] == [
        ("", 0, 0),
        ("Hi", 0, 2),
        ("é😀", 2, 4),
    ]
