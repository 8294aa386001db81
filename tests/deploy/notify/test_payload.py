"""What is sent is JSON of the form that is read there, whatever words stand in it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zephyr_deploy.deploy.notify.payload import MOST, payload


def slack(message):
    return json.loads(payload("slack", message))


def test_a_webhook_is_sent_type_timestamp_and_data(message):
    assert json.loads(payload("webhook", message)) == {
        "type": "failed",
        "timestamp": "2026-11-26T17:00:00+00:00",
        "data": {
            "id": "run_0a1b2c3d_failed",
            "text": "redeploy of demo failed.",
            "deployment": "demo",
            "result": "failed",
            "exit_code": 6,
            "cost_usd": None,
        },
    }


def test_slack_is_sent_blocks_and_a_text_for_those_who_read_none(message):
    sent = slack(message)
    said = 'it said "&lt;!channel&gt; &amp; {0}more{0}"\n\\ in two lines'
    assert sent["text"] == ":x: redeploy of demo failed.\n" + said.format("```")
    first, error, facts, end = sent["blocks"]
    assert first["text"] == {"type": "mrkdwn", "text": ":x: redeploy of demo failed.", "verbatim": True}
    assert error["text"]["text"] == "```" + said.format("'''") + "```"
    assert [field["text"] for field in facts["fields"]] == ["*Command*\nredeploy", "*By*\nann on &lt;ci&gt;"]
    assert [element["text"] for element in end["elements"]] == [
        "Next: `zephyr-deploy status demo`",
        "<https://ci.example.org/runs/1?a=b&amp;c=d%7Ce|CI job>",
    ]


@pytest.mark.parametrize(
    ("without", "blocks"),
    [
        ({"error": ""}, ["section", "section", "context"]),
        ({"next": ""}, ["section", "section", "section", "context"]),
        ({"link": ""}, ["section", "section", "section", "context"]),
        ({"next": "", "link": ""}, ["section", "section", "section"]),
    ],
)
def test_what_there_is_not_is_left_out(message, without, blocks):
    sent = slack(message.model_copy(update=without))
    assert [block["type"] for block in sent["blocks"]] == blocks


@pytest.mark.parametrize("event", ["deployed", "failed", "rolled_back", "expiring", "budget"])
def test_each_event_has_a_sign_of_its_own(message, event):
    assert slack(message.model_copy(update={"event": event}))["text"].startswith(":")


@settings(max_examples=30)
@given(words=st.text(max_size=60))
def test_any_words_are_text_and_no_markup(words):
    from datetime import datetime, timezone

    from zephyr_deploy.deploy.notify.message import Message

    now = datetime.now(timezone.utc)
    message = Message(
        id="m", event="failed", at=now, text=words, deployment="d", error=words, rows={"R": words}, data={"w": words}
    )
    assert json.loads(payload("webhook", message))["data"]["w"] == words
    for block in slack(message)["blocks"]:
        texts = [block["text"]] if "text" in block else block["fields"]
        assert not any("<" in text["text"] or ">" in text["text"] for text in texts)


@pytest.mark.parametrize("letter", ["x", "&", "<"], ids=["letters", "ampersands", "brackets"])
def test_words_of_any_length_are_within_what_slack_takes(message, letter):
    """Also as entities; a field may have 2,000 characters."""
    words = letter * 10 * MOST
    sent = slack(message.model_copy(update={"text": words, "error": words, "rows": {"By": words}}))
    assert all(len(block["text"]["text"]) <= 3000 for block in sent["blocks"] if "text" in block)
    assert all(len(field["text"]) <= 2000 for block in sent["blocks"] for field in block.get("fields", ()))
    assert "…" in sent["blocks"][0]["text"]["text"]
    assert not re.search(r"&[a-z]*…", sent["text"]), "no entity is cut in two"


def test_a_name_that_is_no_text_keeps_nothing_from_being_told(message):
    """Python has half a letter for each byte of a path that is not UTF-8."""
    assert json.loads(payload("webhook", message.model_copy(update={"text": "no \udcff"})))["data"]["text"] == "no ?"
