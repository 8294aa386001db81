"""docs/guides/ci.md, followed: its workflows are run on AWS's emulator with a real machine behind it.

Each job has a home of its own, as on GitHub's runners: what one knows of the machine, the next has to find out anew.
``RECORD_GUIDE=1 pytest tests/docs/test_ci_guide.py`` writes the summaries of the page anew.
"""

from __future__ import annotations

import os
import re
import textwrap

import pytest
import yaml
from ci.conftest import EXAMPLES
from ci.on_aws import runner_for
from ci.runner import ACTIONS
from docs.recording import ROOT
from emulators.rehearsal import clouds

PAGE = ROOT / "docs" / "guides" / "ci.md"
SUMMARY = re.compile(r"^<!-- summary: (\w+) -->\n(```+)markdown\n(.*?)^\2\n", re.DOTALL | re.MULTILINE)
VARYING = (
    (re.compile(r"\b(?:10|172|192)(?:\.\d{1,3}){3}\b"), "198.51.100.10"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 64),
    (re.compile(r"\b[0-9a-f]{12}\b"), "1f6a0c2b9d3e"),
    (re.compile(r"20\d\d-\d\d-\d\dT[\d:.]+Z"), "2026-11-26T20:00:00Z"),
    (re.compile(r"\| took \| \d+ s \|"), "| took | 48 s |"),
)


def settled(summary):
    """With what differs from run to run as the page has it."""
    for pattern, text in VARYING:
        summary = pattern.sub(text, summary)
    return summary.strip("\n") + "\n"


def blocks(language):
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for text in found]


@pytest.fixture
def account(lab, tmp_path_factory):
    with clouds(lab, tmp_path_factory.mktemp("machines")) as both:
        yield both
        assert both.left() == []


@pytest.fixture
def runner(account, tmp_path):
    """GitHub's, with the repository of the page, a role that is worth the emulated account, and nothing else of it."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "zephyr.toml").write_text(blocks("toml")[0])
    return runner_for(account, tmp_path, repository, ZEPHYR_PORT="8080")


@pytest.mark.long
@pytest.mark.timeout(900, func_only=True)
def test_its_workflows_do_what_the_page_says(runner, account, tmp_path):
    summaries = {}

    def deploy(command, event="workflow_dispatch"):
        inputs = {"command": command} if event == "workflow_dispatch" else None
        ran = runner.run(EXAMPLES / "deploy.yml", event, inputs=inputs)["deploy"]
        assert ran.conclusion == "success", f"{ran.log}{ran.summary}"
        assert ran.annotations == []
        summaries[command] = settled(ran.summary)
        return ran.step("deploy").outputs

    first = deploy("up")
    wanted = tmp_path / "repository" / "zephyr.toml"
    wanted.write_text(wanted.read_text().replace("1024", "512"))
    second = deploy("redeploy", event="push")
    assert first["result"] == second["result"] == "changed"
    assert first["release"] != second["release"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", second["image-digest"])

    (own,) = blocks("yaml")
    (tmp_path / "own.yml").write_text(own)
    ran = runner.run(tmp_path / "own.yml", "push")["deploy"]
    assert ran.step("deploy").outputs["result"] == "unchanged", ran.log
    assert f"{second['release']} serves at http://127.0.0.1:8080, for 1.01 USD an hour." in ran.log
    assert "What it changes" not in ran.summary

    quick = (EXAMPLES / "bench.yml").read_text().replace("--requests=64", "--requests=2")
    (tmp_path / "bench.yml").write_text(quick)
    ran = runner.run(tmp_path / "bench.yml", "schedule")["bench"]
    assert ran.conclusion == "success", f"{ran.log}{ran.summary}"
    assert ran.summary.count(" 2 of 2 ") == 2
    (kept,) = (tmp_path / "store" / "caches").glob("*/demo/*.json.gz")
    assert kept.stat().st_size

    assert deploy("down")["result"] == "changed"
    assert account.left() == []
    same_or_recorded(summaries)


def same_or_recorded(summaries):
    page = PAGE.read_text()
    if os.environ.get("RECORD_GUIDE"):
        PAGE.write_text(SUMMARY.sub(lambda found: _block(found[1], summaries[found[1]]), page))
        pytest.skip("the page has been recorded")
    shown = {name: text for name, _, text in SUMMARY.findall(page)}
    assert shown == {name: summaries[name] for name in ("up", "redeploy")}


def _block(name, text):
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"<!-- summary: {name} -->\n{fence}markdown\n{text}{fence}\n"


def test_its_tables_are_those_of_the_action():
    action = yaml.safe_load((ACTIONS / "deploy" / "action.yml").read_text())
    rows = [f"| `{name}` | {_default(about)} | {about['description']} |" for name, about in action["inputs"].items()]
    rows += [f"| `{name}` | {about['description']} |" for name, about in action["outputs"].items()]
    table = PAGE.read_text().partition("## The action")[2].partition("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows


def _default(about):
    return f"`{about['default']}`" if about["default"] else ""


def test_it_names_every_workflow():
    named = re.findall(r"^\| `(\w+)\.yml` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(path.stem for path in EXAMPLES.glob("*.yml"))
