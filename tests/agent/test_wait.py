"""The wait until an engine generates, with a unit and a journal that a test writes.

`FakeEngine` leaves out systemd, Docker and HTTP; real ones are behind the same wait in tests/lab.
"""

from __future__ import annotations

import threading

import pytest

from zephyr_deploy.agent.errors import NodeError
from zephyr_deploy.agent.wait import SETTLE_S, WEAK_S, Wait
from zephyr_deploy.release.request import watch

RUNNING = {"ActiveState": "active", "SubState": "running", "NRestarts": "0", "ExecMainStatus": "0"}
REFUSED = "/health: [Errno 111] Connection refused"


class FakeClock:
    """Time that passes only when it is waited for."""

    def __init__(self):
        self.time = 100.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds

    def join(self, thread, seconds):
        thread.join(0.05 if self.time < 101 else 0.002)
        self.time += seconds if thread.is_alive() else 0.01


class FakeEngine:
    """An engine whose life is a list of polls: what it says, and how its unit is, at each."""

    release = "0123456789ab"

    def __init__(self, clock, *, says=(), unit=(), answer=REFUSED, oom=False):
        self._clock = clock
        self._says = list(says)
        self._unit = list(unit) or [RUNNING]
        self._answer = answer
        self._oom = oom
        self.hangs = threading.Event()

    def lines(self):
        return self._says.pop(0) if self._says else []

    def shown(self):
        shown = self._unit.pop(0) if len(self._unit) > 1 else self._unit[0]
        return {**RUNNING, **shown}

    def why_not(self, timeout_s):
        if self._answer is None:
            self.hangs.wait(0.2)  # its answer never comes within the wait
            return "/generate: timed out"
        return self._answer(self._clock.now()) if callable(self._answer) else self._answer

    def out_of_memory(self):
        return self._oom


class Silent:
    """A report and a phase that nobody reads."""

    def __init__(self):
        self.stages = []

    def check(self):
        pass

    def progress(self, _done, _total, _unit, detail):
        self.stages.append(detail)


def wait(ready_s=600.0, **life):
    """Run a wait to its end; seconds that it took, and the stages that it told."""
    clock, told = FakeClock(), Silent()
    engine = FakeEngine(clock, **life)
    began = clock.now()
    try:
        Wait(engine, {**watch("tgi"), "ready_s": ready_s}, "/health", clock).run(told, told)
    finally:
        engine.hangs.set()
    return clock.now() - began, told.stages


def failure(ready_s=600.0, **life):
    """The error that a wait ends with, and the seconds until then."""
    clock, told = FakeClock(), Silent()
    engine = FakeEngine(clock, **life)
    request = {**watch("tgi"), "ready_s": ready_s}
    with pytest.raises(NodeError) as caught:
        Wait(engine, request, "/health", clock).run(told, told)
    engine.hangs.set()
    return caught.value, clock.now() - 100.0


# (number in the list of known problems, the line that shows it, words of the cause)
PROBLEMS = [
    (1, "Not enough memory to handle 4096 prefill tokens. You need to decrease `--max-batch-prefill-tokens`", "step"),
    (1, 'Error: Backend(Warmup(Generation("CANCELLED")))', "one step of prompts"),
    (2, "Server error: CUDA out of memory. Tried to allocate 2.00 GiB.", "memory ran out"),
    (3, "Not enough memory to handle `max_total_tokens=32768`", "longest request"),
    (3, "Error: Backend(NotEnoughMemory(32768))", "longest request"),
    (4, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens", "longer than the limits"),
    (4, "`inputs` must have less than 4095 tokens. Given: 5000", "longer than the limits"),
    (5, 'Error: ArgumentValidation("`max_input_tokens`(4096) must be < `max_total_tokens`(4096)")', "its settings"),
    (5, "error: invalid value 'x' for '--port <PORT>': invalid digit found in string", "its settings"),
    (6, "Error while creating shared memory segment /dev/shm/nccl-KdzrJN (size 9637888)", "shared memory"),
    (6, "NCCL WARN Call to posix_fallocate failed : No space left on device", "shared memory"),
    (6, "Shard process was signaled to shutdown with signal 7 rank=0", "shared memory"),
    (7, "[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1)", "NCCL"),
    (7, "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:2006", "NCCL"),
    (8, "RuntimeError: CUDA error: no kernel image is available for execution on the device", "no code for this GPU"),
    (8, "RuntimeError: FlashAttention only supports Ampere GPUs or newer.", "no code for this GPU"),
    (
        9,
        "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.4, please update",
        "driver is too old",
    ),
    (9, "RuntimeError: The NVIDIA driver on your system is too old (found version 11040).", "driver is too old"),
    (
        10,
        'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
        "toolkit",
    ),
    (11, "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co", "gated"),
    (11, "huggingface_hub.errors.GatedRepoError: Cannot access gated repo", "gated"),
    (12, "OSError: No space left on device (os error 28)", "disk is full"),
    (12, "An error occurred while downloading using `hf_transfer`. Consider disabling it", "download"),
    (13, "Shard process was signaled to shutdown with signal 9 rank=0", "own memory"),
    (13, "Shard process was signaled to shutdown with signal 11 rank=0", "segmentation fault"),
    (13, "Shard process was signaled to shutdown with signal 4 rank=0", "AVX"),
    (14, "Template error: template not found", "chat template"),
    (15, "failed to build prometheus recorder: FailedToCreateHTTPListener", "port"),
    (15, "The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).", "port"),
    (15, "Failed to bind to 0.0.0.0:80: Address already in use", "port"),
    (16, "ValueError: The backend cuda does not support sliding window attention", "slide its window"),
    (18, "OSError: [Errno 30] Read-only file system: 'out'", "working folder"),
    (18, "Tokenizer error: Unable to load tokenizer.", "tokenizer"),
    (19, "RuntimeError: weight model.layers.0.self_attn.q_proj.weight does not exist", "engine.quantize"),
    (19, "Cannot load `gptq` weight, make sure the model is already quantized", "engine.quantize"),
    (20, "Error: ShardCannotStart", "could not load the model"),
    (20, "Shard 0 failed to start", "could not load the model"),
    (20, "Error: WebserverFailed", "web server ended"),
    (20, "Webserver Crashed", "web server ended"),
]
SILENT = {17}
"""Only one of several GPUs in use: nothing is said, and it cannot happen here, for the number is always said."""
LAST_WORDS = ["Method Warmup encountered an error.", "Shard 0 failed to start", "Error: ShardCannotStart"]
ENDED = {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"}


def test_every_known_problem_has_a_row():
    assert {number for number, *_ in PROBLEMS} | SILENT == set(range(1, 21))


@pytest.mark.parametrize(("number", "line", "words"), PROBLEMS)
def test_a_known_problem_ends_the_wait_with_cause_line_and_remedy(number, line, words):
    said = [[], ["INFO Starting shard rank=0"], [line, *([] if number == 20 else LAST_WORDS)]]
    error, took = failure(says=said, unit=[RUNNING, RUNNING, RUNNING, ENDED])
    assert error.kind == "engine_failed"
    assert words in error.message
    assert error.details["line"] == line
    assert error.details["log"][1] == line
    assert error.hint.endswith(".")
    assert took < 3, "at once, and not at the deadline of 600 s"


def test_a_marker_that_comes_first_waits_for_the_better_line():
    said = [
        ["Method Warmup encountered an error."],
        ["CUDA out of memory"],
        [],
        ["Not enough memory to handle 9 prefill"],
    ]
    said[3] = ["Not enough memory to handle 4096 prefill tokens."]
    error, _ = failure(says=said)
    assert "one step of prompts" in error.message, "the first in the order of the list, not the first in the log"


def test_a_cause_ends_the_wait_of_an_engine_that_hangs_on_after_it():
    error, took = failure(says=[["Error: Backend(NotEnoughMemory(32768))"]], unit=[RUNNING])
    assert "longest request" in error.message
    assert SETTLE_S <= took < SETTLE_S + 2


def test_a_last_resort_alone_ends_the_wait_of_an_engine_that_goes_on_only_after_long():
    error, took = failure(says=[["Retry 1/4"]], unit=[RUNNING])
    assert "download of the model failed" in error.message
    assert WEAK_S <= took < WEAK_S + 3


def test_what_is_tried_again_and_works_is_no_failure():
    took, _ = wait(says=[["Retry 1/4"]], answer=lambda now: "" if now > 110 else REFUSED)
    assert took < 12


def test_a_request_that_is_too_long_does_not_fail_a_release_that_generates():
    line = "`inputs` must have less than 4095 tokens. Given: 5000"
    took, _ = wait(says=[[], [line]], answer=lambda now: "" if now > 103 else REFUSED)
    assert took < 5


def test_what_generates_is_ready_whatever_its_log_says():
    took, _ = wait(says=[["CUDA out of memory"]], answer="")
    assert took < 1


def test_a_crash_loop_without_a_known_word_ends_after_two_restarts():
    crash = {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"}
    polls = [RUNNING, RUNNING, crash, {"NRestarts": "1"}, {**crash, "NRestarts": "1"}, {"NRestarts": "2"}]
    error, took = failure(says=[["odd words"], ["odder words", ""]], unit=polls)
    assert "ended by itself (exit code 1), 3 times" in error.message
    assert error.details["line"] == "odder words"
    assert "zephyr-deploy logs" in error.hint
    assert took < 10


@pytest.mark.parametrize(
    ("code", "words"),
    [("2", "refuses its arguments"), ("125", "Docker could not start"), ("137", "killed"), ("3", "exit code 3")],
)
def test_an_end_that_systemd_does_not_start_again(code, words):
    failed = {"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": code}
    error, took = failure(says=[["last words"]], unit=[RUNNING, RUNNING, failed])
    assert words in error.message
    assert error.details["line"] == "last words"
    assert took < 3


def test_an_end_with_exit_code_0_is_an_end():
    ended = {"ActiveState": "inactive", "SubState": "dead"}
    error, took = failure(unit=[RUNNING, RUNNING, ended])
    assert "ended by itself (exit code 0)" in error.message
    assert took < 3


def test_a_unit_that_never_starts_is_not_waited_for_to_the_deadline():
    error, took = failure(unit=[{"ActiveState": "inactive", "SubState": "dead"}])
    assert "systemd did not start it" in error.message
    assert took < 70


def test_memory_that_ran_out_is_told_by_the_kernel_and_not_by_the_last_words():
    error, _ = failure(says=[LAST_WORDS], unit=[RUNNING, RUNNING, {**ENDED, "ExecMainStatus": "137"}], oom=True)
    assert "too little memory (OOM)" in error.message
    assert "more memory" in error.hint


def test_memory_that_ran_out_ends_the_wait_before_the_next_try():
    error, took = failure(unit=[RUNNING, RUNNING, {**ENDED, "ExecMainStatus": "137"}], oom=True)
    assert "too little memory (OOM)" in error.message
    assert took < 3


def test_an_engine_that_accepts_and_never_answers_ends_at_the_deadline_and_says_so():
    error, took = failure(answer=None, ready_s=20.0)
    assert error.kind == "deadline"
    assert "says that it is healthy, and does not generate: /generate: timed out" in error.message
    assert "within 20 s" in error.message
    assert took < 22


def test_an_engine_that_loads_for_ever_ends_at_the_deadline_with_its_stage():
    said = [["Starting check and download process for m"], ["Successfully downloaded weights for m"]]
    error, _ = failure(says=said, ready_s=20.0)
    assert error.kind == "deadline"
    assert "it was at: load" in error.message
    assert error.details["log"] == [line for poll in said for line in poll]


def test_the_log_is_read_while_a_question_is_out():
    error, took = failure(answer=None, says=[[], [], ["Error: Backend(NotEnoughMemory(1))"]])
    assert "longest request" in error.message
    assert took < 4


def test_the_stages_are_told_and_begin_again_with_a_restart():
    said = [["Starting check and download process for m"], ["Shard ready in 9.3s rank=0"], [], []]
    polls = [RUNNING, RUNNING, RUNNING, {"NRestarts": "1"}]
    _, stages = wait(says=said, unit=polls, answer=lambda now: "" if now > 102 else REFUSED)
    assert stages[:3] == ["download", "webserver", "settings"]


def test_a_long_line_is_cut_and_the_log_is_bounded():
    said = [["x" * 10_000], [f"line {number}" for number in range(100)], ["Error: ShardCannotStart"]]
    error, _ = failure(says=said, unit=[RUNNING, RUNNING, RUNNING, ENDED])
    assert len(error.details["log"]) == 30
    assert max(map(len, error.details["log"])) <= 2000
