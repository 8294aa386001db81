"""The GPUs of this machine, watched by nvidia-smi where there is one: for a server that runs here."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from zephyr_deploy.agent import machine, watch_gpus
from zephyr_deploy.bench.server.gpus import GpuReading, gpu_row
from zephyr_deploy.bench.server.view import ServerMachine
from zephyr_deploy.bench.server.witness import Seen

if TYPE_CHECKING:
    from subprocess import Popen
    from typing import IO

MARGIN_NS = 2_000_000_000
"""Readings come every second; those just outside say what was at the level's edges."""


class LocalGpus:
    """nvidia-smi, at work until `close`."""

    def __init__(self, process: Popen[bytes], rows: IO[bytes]) -> None:
        self._process, self._rows = process, rows
        self._gpus = machine.gpus()

    @classmethod
    def watch(cls) -> LocalGpus | None:
        """Start; None where this machine has no nvidia-smi."""
        rows = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        process = watch_gpus.start(rows.fileno())
        if process is None:
            rows.close()
            return None
        return cls(process, rows)

    def mark(self) -> None:
        """It prints by its own clock."""

    def seen(self, began_ns: int, ended_ns: int) -> Seen:
        """What was seen between the two instants and two seconds around them, as `Witness.seen`."""
        self._rows.seek(0)
        text = self._rows.read().decode("utf-8", "replace")
        found: list[GpuReading] = []
        for at_ns, row in watch_gpus.rows(text.splitlines()):
            reading = None if at_ns is None else gpu_row(row, at_ns)
            if reading is not None and began_ns - MARGIN_NS <= reading.at_ns <= ended_ns + MARGIN_NS:
                found.append(reading)
        notes = () if found else (f"nvidia-smi said nothing of GPUs{_last_word(text)}.",)
        return Seen(gpus=found, notes=notes)

    def about(self) -> ServerMachine:
        """Names and driver."""
        return ServerMachine(
            gpus=tuple(str(gpu["name"]) for gpu in self._gpus),
            driver=str(self._gpus[0]["driver"]) if self._gpus else None,
        )

    def close(self) -> None:
        """End it."""
        watch_gpus.end(self._process)
        self._rows.close()


def _last_word(text: str) -> str:
    lines = text.strip().splitlines()
    return f" but: {lines[-1].strip()[:200]}" if lines else ""
