"""A slow and lossy network between benchmark and server: it is told apart from the server, and loses no token."""

from __future__ import annotations

import asyncio
import statistics

import pytest
from bench.survive.path import NoPathError, Path
from bench.truth import errors_ms, ground_truth, observe, paired

DELAY_MS = 30
RTT_MS = 2 * DELAY_MS
REQUESTS = 9


@pytest.fixture
def over(gtserver, endpoint_at):
    """What was asked over a path, with what the server says of it, and the path."""

    def run(client, *options, loss=0.0):
        try:
            with Path(DELAY_MS / 1000, loss) as path:
                fixed = ("--ttft-ms", "80", "--itl-ms", "10", "--tokens", "16")
                with ground_truth.running(gtserver, *fixed, *options, host=path.near) as server:
                    url = server.url.replace(path.near, path.far)
                    samples = asyncio.run(observe(endpoint_at(url), client, REQUESTS))
                    return paired(samples, server.settled(REQUESTS)), path
        except NoPathError as error:
            pytest.skip(f"no way to make a slow path: {error}")

    return run


@pytest.mark.parametrize("client", ["openai", "native"])
def test_ttft_has_one_round_trip_which_is_told_apart_from_it(over, client):
    pairs, _ = over(client)
    assert [sample.failure for sample, _ in pairs] == [None] * REQUESTS
    errors = errors_ms(pairs)
    # A busy machine may hold up many of them, but not all; one round trip more would be in each.
    assert RTT_MS <= min(errors["ttft"]) < 2 * RTT_MS
    assert RTT_MS <= min(errors["e2e"]) < 2 * RTT_MS
    # Gaps have none of it, and the set-up of a connection is in no TTFT.
    assert abs(statistics.median(errors["itl"])) < RTT_MS / 4
    connects = [sample.connect_ns / 1e6 for sample, _ in pairs if sample.connect_ns]
    assert len(connects) == 3
    assert min(connects) >= RTT_MS
    trips = [sample.rtt_ns / 1e6 for sample, _ in pairs]
    assert RTT_MS <= min(trips) < 2 * RTT_MS


def test_the_text_generation_client_has_two(over):
    """It opens a connection for each request, and its TTFT has that in it, with whatever the machine adds."""
    pairs, _ = over("tgi")
    assert [sample.failure for sample, _ in pairs] == [None] * REQUESTS
    assert 2 * RTT_MS <= min(errors_ms(pairs)["ttft"]) < 5 * RTT_MS


@pytest.mark.parametrize("client", ["openai", pytest.param("tgi", marks=pytest.mark.long)])
def test_lost_packets_lose_no_token(over, client):
    pairs, path = over(client, "--word", "é🙂", loss=0.05)
    assert path.lost > 0
    for sample, served in pairs:
        assert sample.failure is None
        assert sample.generated_tokens == served.tokens == 16
        texts = [f"r{served.number}é🙂", *(f" t{number}é🙂" for number in range(2, 17))]
        assert sample.text == "".join(texts)
    # What was lost comes later, and what followed it then comes with it.
    assert max(errors_ms(pairs)["itl"]) > RTT_MS / 3
