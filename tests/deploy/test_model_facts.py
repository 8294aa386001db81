"""What a model is, by the hub or a folder, with no weights transferred."""

import json
import os
import socket

import pytest
from emulators.hub import running
from huggingface_hub import HfApi
from lab.services.hub import MEMBER, STRANGER
from plan.model.configs import TINY, gguf, in_two, packed, safetensors, tensors

from zephyr_deploy.deploy import model_facts
from zephyr_deploy.deploy.model_facts import find_facts
from zephyr_deploy.errors import ConfigError, CredentialsError, UnreachableError
from zephyr_deploy.plan.model.config import facts_of

MODEL = "some/tiny"
PARAMETERS = facts_of(TINY, id=MODEL).parameters
WHOLE = {"config.json": TINY, "model.safetensors": safetensors(tensors())}
ZEPHYR = "HuggingFaceH4/zephyr-7b-beta"


@pytest.fixture(autouse=True)
def alone(home, monkeypatch):
    monkeypatch.setenv("HF_TOKEN_PATH", os.devnull)
    monkeypatch.setattr(model_facts, "PAUSES_S", (0.0,))
    monkeypatch.setattr("zephyr_deploy.deploy.model_files.PAUSES_S", (0.0,))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    (tmp_path / "hub").mkdir()
    with running(tmp_path / "hub", monkeypatch) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def nobody(monkeypatch):
    """No hub answers."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")


def test_one_file(hub):
    hub.put(MODEL, WHOLE)
    found = find_facts(MODEL)
    facts = found.facts
    assert (facts.parameters, facts.weight_bytes) == (PARAMETERS, 2 * PARAMETERS)
    assert (facts.revision, facts.origin, facts.gated) == (hub.commit(MODEL), "hub", False)
    assert found.notes == ()


def test_the_hubs_own_library_counts_the_same(hub):
    hub.put(MODEL, WHOLE)
    theirs = HfApi(endpoint=hub.url).get_safetensors_metadata(MODEL).parameter_count
    assert theirs == {"BF16": find_facts(MODEL).facts.parameters}


def test_several_files_with_an_index(hub):
    hub.put(MODEL, {"config.json": TINY, **in_two(tensors())})
    facts = find_facts(MODEL).facts
    assert (facts.parameters, facts.weight_bytes) == (PARAMETERS, 2 * PARAMETERS)


@pytest.mark.parametrize("method", ["awq", "gptq"])
def test_packed_weights_are_counted_as_what_they_stand_for(hub, method):
    quantized = {**TINY, "quantization_config": {"quant_method": method, "bits": 4, "group_size": 32}}
    hub.put(MODEL, {"config.json": quantized, "model.safetensors": safetensors(packed(method=method))})
    facts = find_facts(MODEL).facts
    assert facts.parameters == PARAMETERS
    assert facts.weight_bytes < PARAMETERS
    assert (facts.quantization.method, facts.quantization.group, facts.dtype) == (method, 32, "bfloat16")


def test_the_files_of_older_tools_say_how_weights_are_quantized(hub):
    files = {"model.safetensors": safetensors(packed(method="gptq")), "config.json": TINY}
    hub.put(MODEL, {**files, "quantize_config.json": {"bits": 4, "group_size": 32, "sym": True}})
    facts = find_facts(MODEL).facts
    assert (facts.parameters, facts.quantization.method, facts.quantization.bits) == (PARAMETERS, "gptq", 4)


def test_no_weights_are_transferred(hub, monkeypatch):
    sent = []
    content = safetensors({**tensors(), "model.large.weight": ("BF16", [10_000, 1000])})
    assert len(content) > 20_000_000
    monkeypatch.setattr(
        "lab.services.hub.HubHandler.content",
        lambda self, source, length: sent.append(length) or give(self, source, length),
    )
    hub.put(MODEL, {"config.json": TINY, "model.safetensors": content})
    find_facts(MODEL)
    assert sum(sent) < 200_000


def give(handler, source, length):
    handler.wfile.write(source.read(length))


def test_a_header_longer_than_what_is_asked_for_at_first(hub):
    many = {**tensors(), **{f"model.extra.{number}.{'x' * 100}.weight": ("BF16", [1]) for number in range(1200)}}
    hub.put(MODEL, {"config.json": TINY, "model.safetensors": safetensors(many)})
    assert find_facts(MODEL).facts.parameters == PARAMETERS + 1200


def test_without_a_head_of_its_own_the_embedding_is_the_head(hub):
    hub.put(MODEL, {"config.json": TINY, "model.safetensors": safetensors(tensors(head=False))})
    facts = find_facts(MODEL).facts
    assert facts.tied_embeddings
    assert facts.parameters == PARAMETERS - 6400


def test_a_second_question_reads_no_files(hub):
    hub.put(MODEL, WHOLE)
    first = find_facts(MODEL)
    before = len(hub.asked)
    assert find_facts(MODEL) == first
    assert [path.partition("?")[0] for path in hub.asked[before:]] == [f"/api/models/{MODEL}"]


def test_another_commit_is_read_anew(hub):
    hub.put(MODEL, WHOLE)
    before = find_facts(MODEL).facts.revision
    hub.put(
        MODEL,
        {"config.json": {**TINY, "max_position_embeddings": 1024}, "model.safetensors": WHOLE["model.safetensors"]},
    )
    facts = find_facts(MODEL).facts
    assert facts.max_positions == 1024
    assert facts.revision == hub.commit(MODEL) != before


def test_what_another_version_read_is_read_anew_where_that_is_possible(hub, monkeypatch):
    hub.put(MODEL, WHOLE)
    first = find_facts(MODEL).facts
    monkeypatch.setattr("zephyr_deploy.deploy.model_cache.__version__", "9.9")
    assert find_facts(MODEL, offline=True).facts.revision == first.revision
    before = len(hub.asked)
    find_facts(MODEL)
    assert len(hub.asked) > before + 1
    before = len(hub.asked)
    find_facts(MODEL)
    assert len(hub.asked) == before + 1


def test_without_hub_what_was_read_before_is_used(hub, monkeypatch, request):
    hub.put(MODEL, WHOLE)
    online = find_facts(MODEL)
    hub.fault(status=503)
    offline = find_facts(MODEL)
    assert offline.facts == online.facts.model_copy(update={"origin": "cache"})
    assert "as read from the hub on" in offline.notes[0]
    assert "503" in offline.notes[0]


def test_of_a_revision_that_was_never_asked_for_nothing_is_known(hub):
    hub.put(MODEL, WHOLE)
    commit = find_facts(MODEL).facts.revision
    assert find_facts(MODEL, commit, offline=True).facts.revision == commit
    with pytest.raises(UnreachableError, match="nothing is known here of some/tiny"):
        find_facts(MODEL, "v2", offline=True)


def test_a_damaged_cache_is_passed_over(hub, home):
    hub.put(MODEL, WHOLE)
    find_facts(MODEL)
    (cache,) = home.rglob("model-facts/*.json")
    cache.write_text(cache.read_text()[:-20])
    assert find_facts(MODEL).facts.parameters == PARAMETERS
    cache.write_text('{"schema_version": 2}')
    hub.fault(status=503)
    with pytest.raises(UnreachableError):
        find_facts(MODEL)


def test_a_cache_that_cannot_be_written_is_said_and_harms_nothing(hub, monkeypatch, tmp_path):
    (tmp_path / "in the way").write_text("")
    monkeypatch.setenv("ZEPHYR_CACHE_DIR", str(tmp_path / "in the way"))
    hub.put(MODEL, WHOLE)
    found = find_facts(MODEL)
    assert found.facts.parameters == PARAMETERS
    assert "could not be kept" in found.notes[0]


@pytest.mark.usefixtures("nobody")
def test_without_hub_and_cache_the_table_is_used():
    found = find_facts(ZEPHYR.lower())
    assert (found.facts.id, found.facts.origin, found.facts.parameters) == (ZEPHYR, "table", 7_241_732_096)
    assert "the hub does not answer" in found.notes[0]
    assert find_facts(ZEPHYR, "v9").notes[1] == "Revision v9 may be another."


@pytest.mark.usefixtures("nobody")
def test_without_all_three_it_says_what_to_do():
    with pytest.raises(UnreachableError, match="nothing is known here of some/tiny: the hub does not answer") as caught:
        find_facts(MODEL)
    assert "HF_ENDPOINT" in caught.value.hint


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", None])
def test_a_user_may_say_that_the_hub_is_not_asked(hub, monkeypatch, variable):
    if variable:
        monkeypatch.setenv(variable, "1")
    assert find_facts(ZEPHYR, offline=variable is None).facts.origin == "table"
    assert hub.asked == []


def test_a_silent_hub_is_not_waited_for_long(hub, monkeypatch):
    monkeypatch.setattr(model_facts, "ASK_S", 0.3)
    hub.fault(hang=True)
    with pytest.raises(UnreachableError, match=r"does not answer within 0\.\d+ s"):
        find_facts(MODEL)


def test_a_hub_that_falls_silent_at_the_headers_leaves_the_shape(hub, monkeypatch):
    monkeypatch.setattr("zephyr_deploy.deploy.model_files.ASK_S", 0.3)
    hub.put(MODEL, WHOLE)
    hub.fault(path=r"\.safetensors", hang=True)
    found = find_facts(MODEL)
    assert (found.facts.parameters, found.facts.weight_bytes) == (PARAMETERS, None)
    assert "counted by the shape" in found.notes[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_moment_of_trouble_is_sat_out(hub, status):
    hub.put(MODEL, WHOLE)
    hub.fault(status=status, times=1)
    hub.fault(path="config.json", status=status, times=1)
    assert find_facts(MODEL).facts.weight_bytes


def test_a_connection_that_breaks_is_tried_again(hub):
    hub.put(MODEL, WHOLE)
    hub.fault(path="/cdn/", cut_after=1, times=1)
    assert find_facts(MODEL).facts.weight_bytes


def test_a_proxy_that_sends_the_whole_file(hub, monkeypatch):
    monkeypatch.setattr("lab.services.hub.HubHandler._give", _give_whole)
    hub.put(MODEL, WHOLE)
    assert find_facts(MODEL).facts.parameters == PARAMETERS


def _give_whole(handler, entry, headers):
    handler.begin(200, {**headers, "Content-Length": str(entry.size)})
    if handler.command != "HEAD":
        handler.wfile.write(entry.path.read_bytes())


def test_a_gated_model_is_shown_to_those_who_accepted(hub, monkeypatch):
    hub.put(MODEL, WHOLE, gated=True)
    monkeypatch.setenv("OTHER", MEMBER)
    facts = find_facts(MODEL, token_from="env:OTHER").facts
    assert (facts.gated, facts.parameters) == (True, PARAMETERS)


@pytest.mark.parametrize("token", [None, STRANGER])
def test_a_gated_model_is_named_with_its_page(hub, monkeypatch, token):
    hub.put(MODEL, WHOLE, gated=True)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(CredentialsError, match="some/tiny is gated") as caught:
        find_facts(MODEL)
    assert f"{hub.url}/{MODEL}" in caught.value.hint
    assert "HF_TOKEN" in caught.value.hint


def test_a_gated_model_of_the_table_can_be_planned(hub):
    hub.put(ZEPHYR, WHOLE, gated=True)
    found = find_facts(ZEPHYR)
    assert found.facts.origin == "table"
    assert "is gated" in found.notes[0]
    assert f"{hub.url}/{ZEPHYR}" in found.notes[0]


def test_a_wrong_token_is_said_and_not_shown(hub, monkeypatch):
    hub.put(MODEL, WHOLE)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(CredentialsError, match="answered 401: the token is missing or wrong") as caught:
        find_facts(MODEL)
    assert "hf_wrong" not in str(caught.value) + str(caught.value.__cause__) + caught.value.hint


def test_a_wrong_token_in_other_words_of_the_hub(hub, monkeypatch):
    hub.put(MODEL, WHOLE)
    refusal = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Invalid username or password."}
    hub.fault(path="/api/models/", status=401, headers=refusal)
    with pytest.raises(ConfigError, match="has no model"):
        find_facts(MODEL)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(CredentialsError, match="the token is missing or wrong"):
        find_facts(MODEL)


def test_a_token_that_is_nowhere(hub):
    with pytest.raises(CredentialsError, match="the variable NOT_THERE is not set"):
        find_facts(MODEL, token_from="env:NOT_THERE")


@pytest.mark.parametrize(
    ("model", "revision", "said"),
    [
        ("no/such", None, "the hub has no model no/such"),
        (MODEL, "v9", "some/tiny has no revision v9"),
        ("not a name", None, "not a name is no name of a model"),
    ],
)
def test_what_is_not_there_is_named(hub, model, revision, said):
    hub.put(MODEL, WHOLE)
    with pytest.raises(ConfigError, match=said) as caught:
        find_facts(model, revision)
    assert caught.value.hint


BROKEN = {"model.safetensors": safetensors(tensors(), cut=10), "config.json": TINY}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"README.md": b"x"}, "some/tiny has no config.json$"),
        ({"adapter_config.json": {}, "adapter_model.safetensors": b""}, "is an adapter, and not a whole model"),
        ({"params.json": {}, "consolidated.00.pth": b""}, "in the format of its makers"),
        ({"config.json": b"{"}, "config.json is no JSON$"),
        ({"config.json": b"[]"}, "config.json is no JSON object"),
        ({"config.json": {**TINY, "num_hidden_layers": -3}}, "num_hidden_layers in config.json is -3"),
        (BROKEN, r"model.safetensors is no whole safetensors file: it has \d+ bytes of \d+"),
        ({"config.json": TINY, "model.safetensors": b"\0" * 4}, "ends within its first 8 bytes"),
        ({"config.json": TINY, "model.safetensors": b"\xff" * 100}, "a header of 18446744073709551615 bytes cannot be"),
        ({"config.json": TINY, "model.safetensors": safetensors(tensors())[:200]}, "it ends within its header"),
        (
            {"config.json": TINY, "model.safetensors.index.json": {"weight_map": {"a": "b"}}},
            "names b, which is not there",
        ),
        ({"config.json": TINY, "model.safetensors.index.json": {}}, "names no files"),
        ({"a.gguf": b"GGUF" + b"\0" * 100}, "a.gguf is GGUF version 0"),
        ({"a.gguf": b"GG", "b.gguf": b"GG"}, "some/tiny has 2 GGUF files"),
    ],
)
def test_each_defect_is_named_on_the_hub_and_in_a_folder(hub, tmp_path, files, said):
    hub.put(MODEL, files)
    with pytest.raises(ConfigError, match=said) as caught:
        find_facts(MODEL)
    assert caught.value.hint
    folder = hub.root / MODEL
    with pytest.raises(ConfigError, match=said.replace(MODEL, str(folder))):
        find_facts(str(folder))


def test_without_safetensors_the_shape_is_counted(hub):
    hub.put(MODEL, {"config.json": TINY, "pytorch_model.bin": b"x"})
    found = find_facts(MODEL)
    assert (found.facts.parameters, found.facts.weight_bytes) == (PARAMETERS, None)
    assert "pytorch_model.bin" in found.notes[0]


GGUF = gguf(
    {
        "general.architecture": "llama",
        "llama.block_count": 1,
        "llama.embedding_length": 64,
        "llama.feed_forward_length": 128,
        "llama.attention.head_count": 4,
        "llama.context_length": 2048,
        "tokenizer.ggml.tokens": [f"{number:0100}" for number in range(12_000)],
    },
    {"token_embd.weight": (1, [64, 12_000])},
)


def test_a_repository_of_gguf_files(hub):
    assert len(GGUF) > 2 * 2**20
    hub.put(MODEL, {"tiny.Q4_K_M.gguf": GGUF, "tiny.Q8_0.gguf": b"GGUF"})
    facts = find_facts(MODEL).facts
    assert (facts.vocab, facts.parameters, facts.quantization.method) == (12_000, 768_000, "gguf")
    assert facts.revision == hub.commit(MODEL)
    with pytest.raises(ConfigError, match="ends within its header"):
        find_facts(MODEL, file="tiny.Q8_0.gguf")
    assert find_facts(MODEL).facts == facts, "each file has facts of its own"


def test_a_gguf_file_of_this_machine(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(GGUF)
    facts = find_facts(str(path)).facts
    assert (facts.id, facts.origin, facts.tied_embeddings) == (str(path), "folder", True)
    path.write_bytes(GGUF[:-1])
    with pytest.raises(ConfigError, match="is cut short") as caught:
        find_facts(str(path))
    assert caught.value.hint


def test_a_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in {
        "config.json": json.dumps(TINY).encode(),
        **{k: v for k, v in WHOLE.items() if k[0] == "m"},
    }.items():
        (folder / name).write_bytes(content)
    facts = find_facts(str(folder)).facts
    assert (facts.id, facts.origin, facts.parameters) == (str(folder), "folder", PARAMETERS)


def test_a_folder_that_git_left_half_fetched(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(ConfigError, match="note of git-lfs") as caught:
        find_facts(str(tmp_path))
    assert "git lfs pull" in caught.value.hint


@pytest.mark.parametrize("place", ["/no/such/folder", "~nobody-of-that-name/model", "./missing.gguf"])
def test_a_path_that_leads_nowhere(place):
    with pytest.raises(ConfigError, match="there is no folder or file"):
        find_facts(place)
