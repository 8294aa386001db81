"""The published measurements (``perf_points.csv``), in the terms of the roofline."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from shapes import MODELS

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.resolve import FP8_CAPABILITY, Class, is_hbm, is_nvlink, kernels_of, work_of
from zephyr_deploy.plan.speed.roofline import Work

CSV = Path(__file__).with_name("perf_points.csv")
USABLE = 0.90  # of the card's memory, for the engine: the default of vLLM, and near to that of the others
LAST_OF_2024 = 7
OVERHEAD_BYTES = 2.2e9  # context, graphs and activations


class Point(NamedTuple):
    """A measurement."""

    row: int
    """In the table, from 0."""
    source: str
    kind: str
    era: str
    engine: str
    version: str
    model: str
    gpu: str
    shards: int
    quant: str
    weights: str
    kv8: bool
    prompt: float
    output: float
    requests: float
    """At a time; for ``open_*`` a second; 0: as many as there is room for."""
    value: float
    use: int
    """1 core, 2 quantized, 3 evaluation only, 0 unused."""
    longest: float
    """Output tokens of the longest answer; `output` is the mean."""
    note: str

    @property
    def publication(self) -> str:
        """What is held out together: whoever measured, whatever the setup."""
        for name in ("aiconfigurator", "AccelMark", "TensorRT-LLM docs performance.md"):
            if self.source.startswith(name):
                return name
        return self.source


def read(path: Path = CSV) -> list[Point]:
    """Those of cards and models that are known."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [point(i, row) for i, row in enumerate(rows) if row["gpu"] in gpus() and row["model_key"] in MODELS]


def point(place: int, row: dict[str, str]) -> Point:
    """Of a row of the table."""
    asked = row["concurrency_or_batch"]
    requests = float(re.sub(r"^qps", "", asked)) if re.search(r"\d", asked) else 0.0
    return Point(
        row=place,
        source=row["source"],
        kind=row["kind"],
        era=era_of(row["engine"], row["engine_version"]),
        engine=row["engine"],
        version=row["engine_version"],
        model=row["model_key"],
        gpu=row["gpu"],
        shards=int(row["tp"]),
        quant=row["quant"],
        weights=weights_of(row["quant"], row["gpu"]),
        kv8="+kv" in row["quant"] or fp8_cache(row),
        prompt=float(row["input_len"]),
        output=float(row["output_len"] or 1),
        requests=requests,
        value=float(row["value"]),
        use=int(row["fit_use"]),
        longest=longest_of(row),
        note=row["notes"],
    )


def longest_of(row: dict[str, str]) -> float:
    """Output tokens of the longest answer, where requests have a limit that some of them reach."""
    mean = float(row["output_len"] or 1)
    limit = re.search(r"max (\d+) (?:new|output) tokens", row["notes"])
    # a mean far below the limit is one that the answers keep by themselves
    return float(limit[1]) if limit and float(limit[1]) < 2 * mean else mean


def doubts(p: Point) -> str:
    """Why a point is not fitted though it is possible; empty: there is no reason."""
    if p.source.endswith("8B vllm h200"):
        return (
            "computes up to 91 % of the card's FP8 peak, no other table above 49 %: prompts came out of a prefix cache"
        )
    return ""


def era_of(engine: str, version: str) -> str:
    """The generation of an engine's version."""
    if engine == "tgi":
        return {"0": "tgi1", "1": "tgi1", "2": "py2024"}.get(version[:1], "modern")
    if engine in {"dsmii", "hf"}:
        return "eager"
    if engine == "sglang" or (engine == "trtllm" and (version.startswith("1.") or not version)):
        return "overlapped"
    if engine in {"tinychat", "autoawq"}:
        return "fused"
    if engine in {"trtllm", "lmdeploy"}:
        return "compiled"
    # vLLM's of 2024, with the scheduler in the way of the GPU, end with 0.7
    old = re.match(r"~?0\.(\d+)", version)
    return "py2024" if engine == "vllm" and old and int(old[1]) <= LAST_OF_2024 else "modern"


def weights_of(quant: str, gpu: str) -> str:
    """The form of the weights; cards without FP8 multiply such weights in 16 bits."""
    kind = quant.split("+", maxsplit=1)[0]
    if kind.startswith("fp8"):
        tflops = gpus()[gpu].tflops
        return "fp8" if tflops and tflops.fp8 else "fp8-weight"
    return {
        "bf16": "16bit",
        "fp16": "16bit",
        "int8": "int8-weight",
        "int8-w8a16": "int8-weight",
        "int8-w8a8": "int8",
        "awq-int4": "int4",
        "gptq-int4": "int4",
        "int4-w4a16": "int4",
    }[kind]


def fp8_cache(row: dict[str, str]) -> bool:
    """Whether the cache is in FP8 although the row does not say so.

    NVIDIA's FP8 checkpoints ask for it, TensorRT-LLM 1 and vLLM 0.12 obey, and with 16 bits some of these rows would be
    faster than memory can be read.
    """
    if row["quant"] != "fp8":
        return False
    nvidia = row["engine"] == "trtllm" or row["model"].startswith("nvidia/") or "4000x1000" in row["url"]
    return nvidia and row["source"].startswith(("aiconfigurator", "TensorRT-LLM perf-overview"))


def setup_of(p: Point) -> Setup:
    """Under an engine of which only the name is wrong."""
    return Setup(
        model=MODELS[p.model],
        engine="vllm",
        gpu=gpus()[p.gpu],
        shards=p.shards,
        weights=p.weights,
        kv_cache_dtype="fp8_e4m3fn" if p.kv8 else None,
    )


def kernels(p: Point) -> str:
    """TGI 1 had exllama's everywhere; the published FP8 checkpoint of Qwen3 has a scale for each block."""
    if p.weights == "int4" and p.era == "tgi1":
        return "int4-exllama"
    if p.weights == "fp8" and (p.quant == "fp8_block" or p.model.startswith("qwen3")):
        return "fp8-block"
    return kernels_of(p.weights, gpus()[p.gpu])


def scheduler(p: Point) -> str:
    """What becomes of running requests while a prompt is read."""
    if p.engine == "sglang":
        return "rounds"
    return "mixed" if p.engine in {"trtllm", "lmdeploy"} or (p.engine == "vllm" and p.era == "modern") else "first"


def class_of(p: Point) -> Class:
    """Which constants apply to it."""
    gpu = gpus()[p.gpu]
    return Class(
        p.gpu,
        is_hbm(gpu),
        is_nvlink(gpu),
        p.era,
        scheduler(p),
        kernels(p),
        p.kv8 and gpu.capability < FP8_CAPABILITY,
    )


class Table(NamedTuple):
    """Points as arrays."""

    points: list[Point]
    work: Work
    classes: list[Class]
    of_class: np.ndarray
    """Index in `classes`."""
    kind: np.ndarray
    prompt: np.ndarray
    output: np.ndarray
    longest: np.ndarray
    requests: np.ndarray
    kv_tokens: np.ndarray
    value: np.ndarray

    def some(self, chosen: np.ndarray) -> Table:
        """Those of a mask."""
        index = np.flatnonzero(chosen)
        return table([self.points[i] for i in index])


def table(points: list[Point]) -> Table:
    """Arrays of them."""
    works: dict[tuple, Work] = {}
    rows = []
    for p in points:
        key = (p.model, p.gpu, p.shards, p.weights, p.kv8)
        if key not in works:
            works[key] = work_of(setup_of(p))
        rows.append(works[key])
    work = Work(*(np.array([getattr(row, name) for row in rows], float) for name in Work._fields))
    memory = np.array([gpus()[p.gpu].memory_bytes for p in points], float)
    stored = np.array([stored_bytes(p) for p in points], float) / work.shards
    kinds = [class_of(p) for p in points]
    classes = sorted(set(kinds))
    return Table(
        points=points,
        work=work,
        classes=classes,
        of_class=np.array([classes.index(one) for one in kinds]),
        kind=np.array([p.kind for p in points]),
        prompt=np.array([p.prompt for p in points]),
        output=np.array([p.output for p in points]),
        longest=np.array([p.longest for p in points]),
        requests=np.array([p.requests for p in points]),
        kv_tokens=np.maximum((USABLE * memory - stored - OVERHEAD_BYTES) / work.kv_bytes, 1.0),
        value=np.array([p.value for p in points]),
    )


def stored_bytes(p: Point) -> float:
    """Of all weights."""
    model, form = MODELS[p.model], setup_of(p).form
    tables = model.parameters - model.body_parameters
    return model.body_parameters * form.bytes_per_weight + tables * 2
