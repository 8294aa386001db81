"""A setup in the terms of the roofline."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.gpus import Gpu
from zephyr_deploy.plan.kinds import WeightKind
from zephyr_deploy.plan.model.facts import StoredQuantization
from zephyr_deploy.plan.setup import Setup
from zephyr_deploy.plan.speed.constants import Speed, speed
from zephyr_deploy.plan.speed.correction import Correction
from zephyr_deploy.plan.speed.eras import ERAS, SCHEDULERS, Era, Scheduler
from zephyr_deploy.plan.speed.roofline import Coefficients, Work
from zephyr_deploy.plan.weights import WeightForm

GIGA = 1e9
TERA = 1e12
PCIE_GB_S = {"3.0 x16": 15.75, "4.0 x16": 31.5, "5.0 x16": 63.0}
"""One direction, as PCI-SIG states it."""
SLOWEST_PCIE_GB_S = 15.75
BRIDGE_GB_S = 250
"""Bridges have less, switches and meshes more."""
FP8_CAPABILITY = (8, 9)
MARLIN_CAPABILITY = (8, 0)
HBM = ("V100", "A30", "A100", "A800", "H100", "H20", "H200", "GH200", "B200", "MI")
"""Cards whose memory is stacked beside the chip, by the start of their name; others have GDDR."""


def work_of(setup: Setup) -> Work:
    """What it has to do.

    Raises:
        ConfigError: neither the card's bandwidth nor its compute is known, or the model's layers are of no known kind.
    """
    model, gpu, form = setup.model, setup.gpu, setup.form
    if not model.speed_known:
        raise ConfigError(
            f"the speed of {model.id} is not known: {model.architecture or 'its architecture'} is of no known kind",
            hint="Its memory is: zephyr-deploy plan without --ttft and --itl.",
        )
    compute = compute_of(gpu, form)
    if gpu.bandwidth_gb_s is None or compute is None:
        raise ConfigError(
            f"the speed of {gpu.name} is not known: its bandwidth or compute is missing",
            hint="Add bandwidth_gb_s and tflops to its row in your gpus.toml.",
        )
    chosen = model.experts_per_token / model.experts if model.experts > model.experts_per_token else 0.0
    experts = (model.body_parameters - model.active_body_parameters) / (1 - chosen) if chosen else 0.0
    return Work(
        layers=model.layers,
        hidden=model.hidden,
        attention=model.heads * model.head_dim,
        body=max(model.active_body_parameters, 1),
        experts=experts,
        chosen=chosen,
        head=model.head_parameters,
        weight_bytes=form.bytes_per_weight,
        kv_bytes=setup.kv_bytes_per_token,
        window=model.sliding_window or model.max_positions,
        windowed=model.windowed_layers / model.layers if model.sliding_window else 0.0,
        multi_head=float(model.kv_heads == model.heads),
        shards=setup.shards,
        bandwidth=gpu.bandwidth_gb_s * GIGA,
        compute=compute * TERA,
        link=link_of(gpu) * GIGA,
    )


def compute_of(gpu: Gpu, form: WeightForm) -> float | None:
    """In 10^12 a second, of the type that weights of ``form`` are multiplied in; 16 bits where a card lacks that."""
    if gpu.tflops is None:
        return None
    special = {"16bit": None, "fp8": gpu.tflops.fp8, "int8": gpu.tflops.int8}[form.compute]
    return special or gpu.tflops.bits16


def link_of(gpu: Gpu) -> float:
    """In 10^9 bytes a second and one direction."""
    return gpu.nvlink_gb_s / 2 if is_nvlink(gpu) else PCIE_GB_S.get(gpu.pcie, SLOWEST_PCIE_GB_S)


def is_nvlink(gpu: Gpu) -> bool:
    """Whether its cards are joined by NVLink, all with all; bridges join pairs, and are seldom fitted."""
    return gpu.nvlink_gb_s >= BRIDGE_GB_S and gpu.form != "pcie"


def is_hbm(gpu: Gpu) -> bool:
    """Whether a card's memory is stacked beside its chip."""
    return any(name.removeprefix("AMD Instinct ").startswith(HBM) for name in (gpu.name.removeprefix("NVIDIA "),))


def class_of(setup: Setup) -> Class:
    """Which constants apply to it."""
    gpu = setup.gpu
    stored = setup.model.quantization
    software_kv = setup.kv_cache_dtype is not None and gpu.capability < FP8_CAPABILITY
    return Class(
        gpu.key,
        is_hbm(gpu),
        is_nvlink(gpu),
        ERAS[setup.engine],
        SCHEDULERS[setup.engine],
        kernels_of(setup.weights, gpu, stored),
        software_kv,
    )


def kernels_of(weights: WeightKind, gpu: Gpu, stored: StoredQuantization | None = None) -> str:
    """The name of the kernels for a form of weights on a card.

    Marlin's, and what is derived from them, need Ampere. FP8 with a scale for each block has kernels of its own.
    """
    if weights == "int4" and gpu.capability < MARLIN_CAPABILITY:
        return "int4-exllama"
    return "fp8-block" if weights == "fp8" and stored is not None and stored.group is not None else weights


def coefficients_of(setup: Setup, correction: Correction | None = None) -> Coefficients:
    """The constants that apply to it."""
    found = _known(class_of(setup))
    if correction is None:
        return found
    fields = found._fields
    return found._replace(
        **{name: getattr(found, name) * times for name, times in correction if name in fields},
    )


class Class(NamedTuple):
    """What decides which constants apply."""

    gpu: str
    hbm: bool
    nvlink: bool
    era: Era
    scheduler: Scheduler
    kernels: str
    """Those that multiply with the weights."""
    software_kv: bool
    """Whether keys and values are in FP8 on a card that does not know that type."""


@lru_cache(maxsize=4096)
def _known(of: Class) -> Coefficients:
    return coefficients(speed(), of)


def coefficients(constants: Speed, of: Class) -> Coefficients:
    """The constants that apply to a class of setups."""
    base, era, kernels = constants.base, constants.era[of.era], constants.weights[of.kernels]
    compute = constants.sustained_of(of.gpu) * kernels["compute_use"]
    return Coefficients(
        bandwidth_use=base["hbm_use" if of.hbm else "gddr_use"] * kernels["bandwidth_use"],
        kv_use=era["kv_use"] * (base["software_fp8_use"] if of.software_kv else 1),
        compute_use=base["compute_use"] * era["compute_use"] * compute,
        fill_tokens=base["fill_tokens"],
        pass_tokens=kernels["pass_tokens"],
        launch_s=era["launch_s"],
        eager_s=era.get("eager_s", 0.0),
        host_s=era["host_s"],
        sequence_s=era["sequence_s"],
        first_s=era["first_s"],
        stall=constants.scheduler[of.scheduler]["stall"],
        lockstep=constants.scheduler[of.scheduler]["lockstep"],
        reduce_s=base["nvlink_reduce_s" if of.nvlink else "pcie_reduce_s"] * era["reduce_use"],
        rank_s=base["nvlink_rank_s" if of.nvlink else "pcie_rank_s"] * era["reduce_use"],
        link_use=base["link_use"],
        multi_head_use=base["multi_head_use"],
        sharpness=base["sharpness"],
    )
