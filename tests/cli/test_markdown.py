"""What is put into Markdown is read as text, whatever it is."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from zephyr_deploy.cli.markdown import LONGEST, fenced, row, ruled, text

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKUP = st.sampled_from(
    ["`", "*", "_", "|", "\\", "<b>", "</td>", "[x](http://e)", "~~", "![", "\n", "&lt;", "a", " ", "#"]
)


def shown(markdown):
    """Tags, and the text between them."""
    made = READER.render(markdown)
    return re.findall(r"<[^>]*>", made), html.unescape(re.sub(r"<[^>]*>", "", made)).replace("\u200b", "")


@settings(max_examples=120)
@example(pieces=["\\", "|", "b"])
@example(pieces=["`", "|", "`"])
@given(st.lists(MARKUP, max_size=12))
def test_a_cell_shows_exactly_its_value(pieces):
    value = "".join(pieces)
    tags, read = shown(f"{ruled(('A', 'B'))}\n{row((value, 'end'))}\n")
    assert [tag for tag in tags if tag == "<td>"] == ["<td>", "<td>"]
    assert not {tag.strip("</>") for tag in tags} - {"table", "thead", "tbody", "tr", "th", "td"}
    assert " ".join(read.split()) == " ".join(f"A B {value} end".split())


@pytest.mark.parametrize(
    "hostile",
    ["@somebody", "see #12", "octo/repo#12", "GH-12", "https://evil.example", "www.evil.example", "::error::"],
)
def test_nothing_is_made_a_link_of(hostile):
    made = text(hostile)
    assert not re.search(r"(?<!\w)@\w|#\d|GH-\d|://|www\.", re.sub(r"&#\d+;", "", made))
    assert html.unescape(made).replace("\u200b", "") == hostile


@pytest.mark.parametrize("plain", ["ubuntu@gpu1", "ghcr.io/x/y@sha256:00", "a#b", "# 1"])
def test_what_one_may_copy_stays_as_it_is(plain):
    assert text(plain) == plain


def test_names_of_figures_stay_readable():
    assert text("ttft_p99 is 812 ms (ttft_p99>400ms)") == "ttft_p99 is 812 ms (ttft_p99&#62;400ms)"


@pytest.mark.parametrize("value", ["```\n# out\n", "a\n````\n</details>\n````", "\x1b[31mred", "~~~\n~~~"])
def test_nothing_leaves_its_block(value):
    tags, _ = shown(f"{fenced(value, 'diff')}\n\nafter\n")
    assert tags == ["<pre>", '<code class="language-diff">', "</code>", "</pre>", "<p>", "</p>"]


def test_a_long_block_is_cut():
    lines = fenced("line\n" * (LONGEST + 5)).splitlines()
    assert (len(lines), lines[-2]) == (LONGEST + 3, "... and 5 lines more")
