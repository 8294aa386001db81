"""What a benchmark found: plain data, printable as JSON. Times are in milliseconds where their name does not differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from zephyr_deploy.bench.loads import Closed, Load
from zephyr_deploy.bench.place import MeasuredFrom
from zephyr_deploy.bench.priority import Priority
from zephyr_deploy.bench.prompts.facts import PromptFacts
from zephyr_deploy.bench.server.view import Environment, ServerView
from zephyr_deploy.bench.slo import Goodput
from zephyr_deploy.bench.spec import BenchSpec
from zephyr_deploy.bench.stats import Spread
from zephyr_deploy.bench.steady import Steady
from zephyr_deploy.plan.served import Served
from zephyr_deploy.plan.speed.prediction import Prediction
from zephyr_deploy.spec.base import EngineName, Frozen

Verdict = Literal["ok", "noisy", "client_bottleneck"]
CountedBy = Literal["server", "events", "mixed"]
SCHEMA_VERSION: Final = 2
"""Of the report's form; it grows by new fields, and the number changes when a field changes or goes."""


class ClientCheck(Frozen):
    """What the benchmark says of itself: how exact its stamps are, how late it was, and whether that spoils figures."""

    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float = 0.0
    """Lateness of the event loop's timers."""
    stamped_share: float = 0.0
    """Token-bearing events that carry the kernel's stamp; the others are stamped when the event loop reads them."""
    read_lag_ms: Spread | None = None
    """From the kernel's stamp to our read, of the events that carry one."""
    send_late_ms: Spread | None = None
    """From taking up a request to its first byte, without the set-up of a connection."""
    doubt_share: float = 0.0
    """Events that were read late and together with their successor, so that they carry its stamp."""
    cpu_share: float
    """CPU time of the processes that drove the load over wall time; 1.0 is one whole core, all that one can use."""
    processes: int = 1
    """How many drove the load."""
    priority: Priority = "normal"
    """realtime: they went before all ordinary processes; nice: they took a larger share of the processors."""
    verdict: Verdict
    reason: str
    """In one sentence; empty when the verdict is ok."""


class RequestRecord(Frozen):
    """One measured request; times in milliseconds, ``due`` and ``sent`` since the level began."""

    number: int
    conversation: int = 0
    turn: int = 0
    due_ms: float | None = None
    """When the timetable wanted it sent; None: there is none."""
    sent_ms: float | None
    """Its first byte; None: it was never sent."""
    ended_ms: float
    """When it was over, well or badly."""
    connect_ms: float | None = None
    """Set-up of a new connection; None: an open one was used, or nobody knows."""
    ttft_ms: float | None
    e2e_ms: float | None
    prompt_tokens: int | None
    output_tokens: int
    gaps_us: tuple[int, ...] = ()
    """Between token-bearing events, undivided, in microseconds, in their order."""
    gap_tokens: tuple[int, ...] = ()
    """How many tokens the later event of each gap carries; empty: one each, or nobody knows."""
    failure: str | None = None
    """Which kind; None: a complete answer."""


class LevelReport(Frozen):
    """The figures of one load. Failed requests are in ``errors``, ``late_ms`` and ``goodput`` alone."""

    load: Load
    requests: int
    succeeded: int
    errors: dict[str, int]
    """How many of each kind."""
    error_examples: dict[str, str]
    """The first message of each kind."""
    warmup_requests: int
    warmup_errors: int
    seconds: float
    """From the first measured request taken up to the last one over."""
    requests_per_s: float
    output_tokens_per_s: float
    prompt_tokens: Spread | None
    output_tokens: Spread | None
    tokens_counted_by: CountedBy
    finished: dict[str, int] = Field(default_factory=dict)
    """Why complete answers ended, and how many did so: ``length`` are as long as was asked for."""
    ttft_ms: Spread | None
    itl_ms: Spread | None
    tpot_ms: Spread | None
    e2e_ms: Spread | None
    icl_ms: Spread | None = None
    """Gaps as `itl_ms`, but not divided by the tokens of the later event (inter-chunk latency)."""
    ntpot_ms: Spread | None = None
    """``e2e`` / n of each request."""
    connect_ms: Spread | None
    """New connections of the measured requests; None where there were none or the client does not say."""
    rtt_ms: Spread | None = None
    """The network's round trip, the smallest that TCP saw on the connection; None where nobody says."""
    intervals: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Of ``requests_per_s`` and ``output_tokens_per_s``, with 95 % confidence; missing: the level was too short."""
    steady: Steady | None = None
    """Without the time in which the level filled up and ran out; None: nobody looked."""
    goodput: Goodput | None = None
    """None: no SLO was given."""
    usd_per_million_output_tokens: float | None
    client: ClientCheck
    predicted: Prediction | None = None
    """What a plan says of such a load; None: no plan can be made of what was measured."""
    remarks: tuple[str, ...] = ()
    """In which figures it was off, and which of them cannot be, in whole sentences."""
    ttft_sched_ms: Spread | None = None
    """Time to the first token from when the timetable wanted the request sent; None: there is no timetable."""
    e2e_sched_ms: Spread | None = None
    """The same up to the last token."""
    late_ms: Spread | None = None
    """How much later than that the first byte was sent, the set-up of a connection included."""
    held_back: int = 0
    """Requests that were due while as many as are allowed were under way, so that they were sent later."""
    partial: str = ""
    """Why it ended early, in one sentence; empty: it is whole."""
    server: ServerView | None = None
    """What the server said of itself meanwhile; None: it was not asked."""
    log: tuple[RequestRecord, ...] = ()
    """Every measured request, in the order in which they were begun; empty in reports that do not keep them."""

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, data: Any) -> Any:
        """Its levels were closed loops alone."""
        if isinstance(data, dict) and "concurrency" in data:
            load = {"kind": "closed", "concurrency": data["concurrency"]}
            return {key: value for key, value in data.items() if key != "concurrency"} | {"load": load}
        return data

    @property
    def concurrency(self) -> int | None:
        """Of a closed loop: requests at once; None: it is another load."""
        return self.load.concurrency if isinstance(self.load, Closed) else None


class Target(Frozen):
    """What was measured."""

    name: str
    url: str
    engine: EngineName
    model_id: str
    release: str | None = None
    """Of a deployment: what served when the benchmark began."""
    served: Served | None = None
    """The engine, the form of its model and its cards; None: nobody knows."""


class Saturation(Frozen):
    """What a sweep found: the most that the server does, and where."""

    load: Load
    """The one with the highest throughput that was not too much."""
    output_tokens_per_s: float
    requests_per_s: float
    why: str
    """Why the sweep ended, in one sentence."""
    found: bool
    """Whether the server was saturated; False: the sweep came to its limit before that."""


class BenchReport(Frozen):
    """One run of the benchmark, whole; the same ``spec`` sends the same prompts again."""

    schema_version: Literal[2] = SCHEMA_VERSION
    tool_version: str
    started_at: datetime
    """UTC."""
    target: Target
    environment: Environment | None = None
    """None: the report is from before reports had it."""
    spec: BenchSpec
    prompts: PromptFacts | None = None
    """None: the report is from before reports had it."""
    levels: tuple[LevelReport, ...]
    saturation: Saturation | None = None
    """Of a sweep; None: there was none, or it was cut short."""
    measured_from: MeasuredFrom = "here"
    """node: the machine that serves sent the requests, so that no network is in the figures."""
    partial: str = ""
    """Why the run ended early, in one sentence; empty: it is whole."""
    interrupted: bool = False
    """Whether that was by the user's wish: Ctrl-C, or SIGTERM."""

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, data: Any) -> Any:
        """What else it has otherwise, its levels and its spec read themselves."""
        if isinstance(data, dict) and data.get("schema_version") == 1:
            return data | {"schema_version": SCHEMA_VERSION}
        return data

    def without_gaps(self) -> BenchReport:
        """The same without the single gaps between tokens, which are nine tenths of its size."""
        levels = (
            level.model_copy(
                update={"log": tuple(one.model_copy(update={"gaps_us": (), "gap_tokens": ()}) for one in level.log)}
            )
            for level in self.levels
        )
        return self.model_copy(update={"levels": tuple(levels)})
