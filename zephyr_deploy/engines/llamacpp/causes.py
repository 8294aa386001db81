"""What the embedded engine's log says, and what it means to the user.

Each pattern was seen in the log of xllamacpp 2026.10.11549 (llama.cpp b11549) or is this package's own line, except
where a comment says otherwise. The order matters: the first cause that any line shows is the one told.
"""

from __future__ import annotations

import re

from zephyr_deploy.engines.causes import cause

AGAIN = "then `zephyr-deploy up`."

CAUSES = (
    cause(
        r"libgomp\.so\.1: cannot open shared object file",
        "the library libgomp.so.1 is missing, which the engine needs",
        f"apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora), {AGAIN}",
    ),
    cause(
        r"No module named '(xllamacpp|uvicorn|starlette|prometheus_client)'",
        "the embedded engine is not installed",
        f"pip install 'zephyr-deploy[local]', {AGAIN}",
    ),
    cause(
        r"Address already in use|port \d+ is taken",
        "another program listens on the port",
        "Take another port, `zephyr-deploy up --port 0` for a free one, or end that program.",
    ),
    cause(
        r"failed to open GGUF file .*No such file",
        "the model's file is gone",
        "Run `zephyr-deploy up` again: it fetches the file, or says that yours is missing.",
    ),
    cause(
        r"invalid magic characters",
        "the model's file is not a GGUF file",
        "Give --model a GGUF file, or run `zephyr-deploy up` without it.",
    ),
    cause(
        r"data is not within the file bounds|model is corrupted or incomplete|tensor data offset.*out of bounds",
        "the model's file is cut short",
        f"Copy or download it again, {AGAIN}",
    ),
    cause(
        r"unknown model architecture",
        "this engine does not know the model's architecture",
        "Choose another model, or upgrade the engine: pip install --upgrade xllamacpp.",
    ),
    # Texts of ggml's and C++'s allocators; not provoked here.
    cause(
        r"unable to allocate|failed to allocate|std::bad_alloc|Cannot allocate memory|ErrorOutOfMemory",
        "the machine has not enough memory for this model and context",
        f"Set limits.max_total_tokens or limits.parallel lower, or choose a smaller model, {AGAIN}",
    ),
    cause(
        r"the engine was killed by signal 4\b",
        "the engine met an instruction that this processor does not have (signal 4): it wants AVX2",
        "Use a machine with an Intel Haswell (2013), AMD Excavator (2015) or newer processor.",
    ),
    cause(
        r"the engine was killed by signal 9\b",
        "the engine was killed by signal 9: by someone, or by the kernel because memory ran out",
        "`zephyr-deploy up` starts it again; if it happens again, look for the OOM killer in `dmesg`.",
    ),
    cause(
        r"the engine was killed by signal (\d+)",
        "the engine was killed by a signal",
        "Read `zephyr-deploy logs`, then `zephyr-deploy up`.",
    ),
    cause(
        r"did not load the model within",
        "the engine did not load the model in time",
        "Look at the machine's load and disk, or choose a smaller model.",
    ),
    cause(
        r" stopped$",
        "the service was stopped by a signal, not by zephyr-deploy",
        "`zephyr-deploy up` starts it again; `zephyr-deploy down` clears it away.",
    ),
)

MILESTONES = {
    "load": re.compile(r" model loaded$"),
    "answer": re.compile(r" first answer generated$"),
    "ready": re.compile(r" ready: "),
}
"""Lines that `service` writes when it has come so far."""

DRAINING = re.compile(r" draining: ")
"""Line that `service` writes when it has been told to stop."""
