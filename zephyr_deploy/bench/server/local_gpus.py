"""The GPUs of this machine, watched by nvidia-smi where there is one: for a server that runs here."""

from __future__ import annotations

from zephyr_deploy.agent import machine, watch_gpus
from zephyr_deploy.bench.server.gpus import NOTHING, GpuReading, gpu_rows
from zephyr_deploy.bench.server.view import ServerMachine
from zephyr_deploy.bench.server.witness import Seen


class LocalGpus:
    """nvidia-smi, at work until `close`."""

    def __init__(self) -> None:
        self._gpus = machine.gpus()
        self._rows = watch_gpus.Rows()
        self._found: list[GpuReading] = []

    def mark(self) -> None:
        """It prints by its own clock."""

    def seen(self, began_ns: int, ended_ns: int) -> Seen:
        """What was seen between the two instants and a little around them, as `Witness.seen`."""
        self._found += gpu_rows(self._rows.take())
        kept = [one for one in self._found if one.near(began_ns, ended_ns)]
        return Seen(gpus=kept, notes=() if kept else (NOTHING.format(self._rows.words or "nothing"),))

    def about(self) -> ServerMachine:
        """Names and driver."""
        return ServerMachine(
            gpus=tuple(str(gpu["name"]) for gpu in self._gpus),
            driver=str(self._gpus[0]["driver"]) if self._gpus else None,
        )

    def close(self) -> None:
        """End it."""
        self._rows.end()
