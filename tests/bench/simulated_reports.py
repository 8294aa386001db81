"""Reports of servers that are only computed: many requests in no time, the same ones for the same seed."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from datetime import datetime, timezone
from decimal import Decimal

from zephyr_deploy.bench.loads import Closed, Open
from zephyr_deploy.bench.report import BenchReport, ClientCheck, LevelReport, RequestRecord, Target
from zephyr_deploy.bench.server.view import Series, ServerView, Split, Times
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.stats import spread_of
from zephyr_deploy.plan.speed.prediction import Estimate, Prediction

PRICE = Decimal("1.212")


def one_record(dice, number, at_ms, busy, *, tokens, due_ms=None):
    """A request sent at ``at_ms`` while so many others are under way."""
    said = {"number": number, "conversation": number, "due_ms": due_ms, "prompt_tokens": 128}
    said["sent_ms"] = at_ms + dice.uniform(0.02, 0.09)
    fate = dice.random()
    if fate < 0.004:
        nothing = {"ttft_ms": None, "e2e_ms": None, "output_tokens": 0}
        return RequestRecord(**said, **nothing, ended_ms=at_ms + 4, failure="overloaded")
    ttft = dice.lognormvariate(0, 0.25) * (38 + 3.1 * busy)
    many = dice.randrange(tokens * 3 // 4, tokens + 1)
    cut = many // 3 if fate > 0.997 else many
    gaps = [dice.lognormvariate(0, 0.12) * (11.5 + 0.22 * busy) + (dice.random() < 0.004) * 180 for _ in range(cut - 1)]
    return RequestRecord(
        **said,
        ttft_ms=ttft,
        e2e_ms=ttft + sum(gaps),
        ended_ms=said["sent_ms"] + ttft + sum(gaps) + 0.2,
        output_tokens=cut,
        gaps_us=tuple(round(gap * 1000) for gap in gaps),
        failure=None if cut == many else "incomplete",
    )


def closed(dice, workers, requests, tokens):
    """Workers that send their next request when the last is over."""
    free, log = [(index * 0.05, index) for index in range(workers)], []
    for number in range(requests):
        at, worker = heapq.heappop(free)
        log.append(one_record(dice, number, at, workers, tokens=tokens))
        heapq.heappush(free, (log[-1].ended_ms + 0.05, worker))
    return log


def opened(dice, rate, requests, tokens):
    """Requests by a timetable, some of them sent late."""
    at, log = 0.0, []
    for number in range(requests):
        at += dice.expovariate(rate / 1000)
        late = dice.random() * 300 if dice.random() < 0.02 else 0
        log.append(one_record(dice, number, at + late, rate, tokens=tokens, due_ms=at))
    return log


def level_of(load, log):
    """Its figures."""
    good = [one for one in log if one.failure is None]
    seconds = max(one.ended_ms for one in log) / 1000
    rate = sum(one.output_tokens for one in good) / seconds
    kinds = dict(Counter(one.failure for one in log if one.failure))
    lag = spread_of([0.012 + one.number % 7 / 1000 for one in log])
    return LevelReport(
        load=load,
        requests=len(log),
        succeeded=len(good),
        errors=kinds,
        error_examples={kind: f"It said: {kind} </script><b>&" for kind in kinds},
        warmup_requests=4,
        warmup_errors=0,
        seconds=seconds,
        requests_per_s=len(good) / seconds,
        output_tokens_per_s=rate,
        prompt_tokens=spread_of([one.prompt_tokens for one in good]),
        output_tokens=spread_of([one.output_tokens for one in good]),
        tokens_counted_by="server",
        ttft_ms=spread_of([one.ttft_ms for one in good]),
        itl_ms=spread_of([gap / 1000 for one in good for gap in one.gaps_us]),
        tpot_ms=spread_of([(one.e2e_ms - one.ttft_ms) / (one.output_tokens - 1) for one in good]),
        e2e_ms=spread_of([one.e2e_ms for one in good]),
        connect_ms=None,
        rtt_ms=spread_of([0.3 + one.number % 5 / 50 for one in good]),
        usd_per_million_output_tokens=float(PRICE) / 3600 / rate * 1e6,
        client=ClientCheck(
            lag_p50_ms=0.1,
            lag_p99_ms=0.9,
            lag_max_ms=1.4,
            stamped_share=1.0,
            read_lag_ms=lag,
            send_late_ms=lag,
            cpu_share=0.07,
            verdict="ok",
            reason="",
        ),
        log=tuple(log),
    )


def simulated(loads, requests=64, tokens=48, seed=7, **fields):
    """A report of these loads; an integer is so many at once."""
    dice = random.Random(seed)
    loads = [Closed(concurrency=load) if isinstance(load, int) else load for load in loads]
    levels = []
    for load in loads:
        many = requests if isinstance(requests, int) else requests(load)
        run, busy = (opened, load.rate_per_s) if isinstance(load, Open) else (closed, load.concurrency)
        levels.append(level_of(load, run(dice, busy, many, tokens)))
    target = Target(name="chat", url="http://127.0.0.1:8080", engine="tgi", model_id="HuggingFaceH4/zephyr-7b-beta")
    said = {
        "tool_version": "0.1.0",
        "started_at": datetime(2026, 11, 26, 12, 30, tzinfo=timezone.utc),
        "target": target,
        "spec": BenchSpec(loads=tuple(loads), max_new_tokens=tokens, price_per_hour_usd=PRICE),
        "levels": tuple(levels),
    }
    return BenchReport(**{**said, **fields})


def planned(level, times=1.15):
    """A level with a plan beside it that is off by so much."""

    def about(value):
        return Estimate(value=value * times, low=value * times * 0.8, high=value * times * 1.3)

    predicted = Prediction(
        concurrency=level.concurrency or 8,
        running=level.concurrency or 8,
        ttft_ms=about(level.ttft_ms.p50 * times),
        itl_ms=about(level.itl_ms.p50),
        output_tokens_per_s=about(level.output_tokens_per_s / times),
        requests_per_s=about(level.requests_per_s),
    )
    remark = "TTFT was 90 ms; 100 to 120 ms was planned."
    return level.model_copy(update={"predicted": predicted, "remarks": (remark,)})


def watched(level, dice=None):
    """A level with what its server said of itself."""
    dice = dice or random.Random(3)
    length = int(max(one.ended_ms for one in level.log))

    def series(name, title, unit, most):
        value, points = most * 0.6, []
        for at in range(-200, length + 400, max(200, length // 150)):
            value = min(most, max(0.0, value + dice.uniform(-0.12, 0.12) * most))
            points.append((float(at), value))
        return Series(name=name, title=title, unit=unit, points=tuple(points))

    view = ServerView(
        series=(
            series("queue", "Requests waiting", "requests", 12),
            series("batch", "Batch size", "requests", 32),
            series("kv", "KV cache in use", "%", 100),
            series("gpu", "GPU in use", "%", 100),
            series("power", "Power of the GPU", "W", 72),
        ),
        times=(Times(name="queue", title="Queue", n=64, mean_ms=4.2, p50_ms=3.1, p99_ms=18.0),),
        split=Split(ttft_ms=60, network_ms=0.4, queue_ms=18, engine_ms=41.6, source="Queue by TGI's metrics."),
        energy_j=2100,
        energy_j_per_1k_tokens=71,
        notes=("nvidia-smi could not be read: no SSH connection.",),
    )
    return level.model_copy(update={"server": view})
