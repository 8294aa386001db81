"""The runner of workflows does what GitHub's does, as far as it says."""

from __future__ import annotations

import textwrap
import threading

import pytest
from ci.expressions import Expressions

CONTEXTS = {
    "github": {"event": {"number": 7, "labels": [{"name": "a"}, {"name": "preview"}], "head": None}, "ref": "Main"},
    "inputs": {"name": "", "on": True},
    "vars": {},
}


@pytest.fixture
def value():
    known = {"success": lambda: True, "failure": lambda: False, "always": lambda: True, "cancelled": lambda: False}
    return Expressions(CONTEXTS, known)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("github.event.number", 7),
        ("github.event.head.repo.name == github.repository", True),  # nothing is nothing
        ("vars.AWS_ROLE != ''", False),
        ("inputs.name || 'redeploy'", "redeploy"),
        ("inputs.on && format('{0}/x', github.ref) || ''", "Main/x"),
        ("github.ref == 'main'", True),
        ("contains(github.event.labels.*.name, 'preview')", True),
        ("contains(github.event.labels.*.name, 'pre')", False),
        ("!cancelled() && (failure() || success())", True),
        ("startsWith(github.ref, 'ma')", True),
        ("'it''s'", "it's"),
    ],
)
def test_expressions(value, text, meant):
    assert value.value(text) == meant


@pytest.mark.parametrize("text", ["unknown.name", "github.ref ==", "nothing()", "'open", "a b", "github[0]"])
def test_what_cannot_be_read_is_an_error(value, text):
    with pytest.raises((ValueError, KeyError)):
        value.value(text)


def test_text_and_conditions(value):
    assert value.text("pr-${{ github.event.number }}-${{ vars.none }}") == "pr-7-"
    assert value.condition("${{ github.event.number == 7 }}")
    assert not value.condition("failure()")


@pytest.fixture
def play(github, tmp_path):
    def run(steps, **more):
        workflow = tmp_path / "workflow.yml"
        indented = textwrap.indent(textwrap.dedent(steps), " " * 6)
        head = "name: w\non: push\npermissions: {}\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n"
        workflow.write_text(head + indented)
        return github(**more).jobs(workflow, "push")["one"]

    return run


def test_steps_with_their_files_and_conditions(play):
    ran = play("""
        - id: first
          env: {A: "1"}
          run: |
            echo "value=$A" >> "$GITHUB_OUTPUT"
            printf 'many<<END\\na\\nb\\nEND\\n' >> "$GITHUB_OUTPUT"
            echo "LATER=x" >> "$GITHUB_ENV"
            echo "# done" >> "$GITHUB_STEP_SUMMARY"
        - run: echo "${{ steps.first.outputs.value }} $LATER ${{ env.LATER }} ${{ steps.first.outcome }}"
        - id: fails
          run: "false | true"
        - run: echo skipped
        - if: failure()
          run: echo "seen, ${{ steps.fails.outcome }}"
        - if: always()
          run: echo always
        """).run()
    assert (ran.conclusion, ran.summary) == ("failure", "# done\n")
    assert [step.outcome for step in ran.steps] == ["success", "success", "failure", "skipped", "success", "success"]
    assert ran.log == "1 x x success\nseen, failure\nalways\n"
    assert ran.steps[0].outputs == {"value": "1", "many": "a\nb"}


def test_what_may_fail_does_not_end_the_job(play):
    ran = play("""
        - id: tries
          continue-on-error: true
          run: exit 3
        - run: echo "${{ steps.tries.outcome }}"
        """).run()
    assert (ran.conclusion, ran.log) == ("success", "failure\n")


SLEEPS = """\
import sys, time
try:
    print(flush=True)
    time.sleep(float(sys.argv[1]))
except KeyboardInterrupt:
    print("told")
"""


@pytest.mark.parametrize("become", [True, False])
def test_a_signal_reaches_the_process_of_the_step_and_no_other(play, monkeypatch, tmp_path, become):
    """Bash waits for what it runs, and tells it nothing: that is why the action has `exec`."""
    exec_, sleep_s, wait_s, said = ("exec ", 20, 30, "told\n") if become else ("", 3, 0.2, "")
    monkeypatch.setattr("ci.runner.INTERRUPT_S", wait_s)
    monkeypatch.setattr("ci.runner.TERMINATE_S", 0.2)
    program = tmp_path / "program.py"
    program.write_text(SLEEPS)
    job = play(f"""
        - run: {exec_}python {program} {sleep_s} > {tmp_path}/said
        - run: echo never
        - if: always()
          run: echo afterwards
        """)
    thread = threading.Thread(target=job.run)
    thread.start()
    while not (tmp_path / "said").exists() or not (tmp_path / "said").read_text():
        assert thread.is_alive()
    job.cancel()
    thread.join()
    assert job.ran.conclusion == "cancelled"
    assert job.ran.log == "afterwards\n"
    assert (tmp_path / "said").read_text().lstrip("\n") == said
