"""Where the time to the first token goes: network, queue, engine. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.bench.server.view import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zephyr_deploy.bench.server.view import Times
    from zephyr_deploy.bench.stats import Spread

ENOUGH = 0.5
"""Share of the level's requests that a server's histogram has to hold, at least, to speak of them."""


def split_of(
    ttft_ms: Spread | None, rtt_ms: Spread | None, times: Sequence[Times], *, beyond_ms: float | None = None
) -> Split | None:
    """The parts of the mean TTFT; None where nothing is known of them.

    Means, because only they add up. What TCP measured as the smallest round trip stands for the network: waiting in
    routers on top of it is in ``engine_ms``.

    Args:
        ttft_ms: Of the level.
        rtt_ms: Of its connections.
        times: The server's own.
        beyond_ms: With a tunnel: the round trip from its near to its far end.
    """
    if ttft_ms is None:
        return None
    queue = next((one for one in times if one.name == "queue" and one.n >= ENOUGH * ttft_ms.n), None)
    if queue is None and rtt_ms is None:
        return None
    network_ms = None if rtt_ms is None else rtt_ms.mean + (beyond_ms or 0.0)
    queue_ms = None if queue is None else queue.mean_ms
    rest_ms = ttft_ms.mean - (network_ms or 0.0) - (queue_ms or 0.0)
    if rest_ms < 0:  # others' requests waited longer than ours, or the clocks of the parts differ
        return None
    tunnel = ", with the SSH connection's" if beyond_ms is not None else ""
    said = [
        "network: nobody knows" if network_ms is None else f"network: TCP's smallest round trip{tunnel}",
        "queue: the server does not say" if queue is None else f"queue: the server's mean over {queue.n} requests",
        "engine: the rest of the mean TTFT",
    ]
    return Split(
        ttft_ms=ttft_ms.mean,
        network_ms=network_ms,
        queue_ms=queue_ms,
        engine_ms=rest_ms,
        source="; ".join(said) + ".",
    )
