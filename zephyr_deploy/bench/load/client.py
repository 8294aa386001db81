"""What a load needs of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zephyr_deploy.bench.asks import Ask
    from zephyr_deploy.bench.sample import Sample


class LoadClient(Protocol):
    """Sends one request and writes into ``sample`` what it sees."""

    async def send(self, ask: Ask, sample: Sample) -> None:
        """Return when the answer is over; raise a `ZephyrError` if it is no complete one and that shows at once.

        It may be called a little before ``sample.due_ns``; its first byte leaves at that time (see `clock.hold`).
        """

    async def read(self, sample: Sample) -> None:
        """Return when ``sample`` says all there is to say of its answer, though others are still under way."""

    async def ready(self, unused: int) -> None:
        """Have at least so many connections open that nobody uses, where the client keeps any; failing is no fault."""

    async def settle(self) -> None:
        """Return when every sample says all there is to say of its answer, its failure included."""
