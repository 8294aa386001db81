"""Which card is meant: by what a user types, by what a cloud sells, by what nvidia-smi prints (``data/gpus.toml``)."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.tables import OWN_FILE, own_rows, read_row
from zephyr_deploy.resources import shipped_table
from zephyr_deploy.spec.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

ABOUT = re.compile(
    r"nvidia|tesla|geforce|quadro|gpu|graphics|card|g|gb|gib|hbm\w+|server|edition|generation|ampere|hopper|blackwell"
)
"""Words that say nothing about which card it is."""
TOLERANCE = 0.1
"""The same memory is 24, 23 and 22.4 to those who sell it, print it and compute it; no two cards of one model are
nearer to each other than that."""
MIB = 2**20
MIB_PER_GIB = 1024
BEFORE_BF16 = ("5.", "6.", "7.")
"""Compute capabilities (CUDA C++ Programming Guide, "Features and Technical Specifications")."""
NEAR = 5
"""So many names are offered for one that is unknown."""


class Tflops(Frozen):
    """Dense compute of a card's tensor cores by operand, in 10^12 operations a second, as the maker states it."""

    bits16: float = Field(gt=0, allow_inf_nan=False)
    """fp16, and bf16 where the card has it."""
    fp8: float | None = Field(None, gt=0, allow_inf_nan=False)
    int8: float | None = Field(None, gt=0, allow_inf_nan=False)


class Gpu(Frozen):
    """A card."""

    key: str
    """As offers call it."""
    name: str
    """For people."""
    models: tuple[str, ...]
    form: Literal["", "sxm", "pcie"] = ""
    memory_gb: int = Field(ge=1)
    """As it is sold."""
    memory_mib: int = Field(ge=1)
    """As nvidia-smi prints it."""
    architecture: str
    compute_capability: str = Field(pattern=r"^\d+\.\d+$")
    source: str
    seen: bool
    """Whether `memory_mib` was seen in the output of nvidia-smi."""
    bandwidth_gb_s: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Of its memory, in 10^9 bytes a second, as the maker states it; None: not known, and so no speed is predicted."""
    tflops: Tflops | None = None
    bf16: bool = True
    """Whether its tensor cores compute in bf16 (compute capability 8.0)."""
    nvlink_gb_s: float = Field(0, ge=0, allow_inf_nan=False)
    """To all other cards together, both directions summed, in 10^9 bytes a second; 0: they speak over PCIe."""
    pcie: str = ""
    tdp_w: int | None = None
    speed_source: str = ""

    @property
    def memory_bytes(self) -> int:
        """What the driver reports."""
        return self.memory_mib * MIB

    @property
    def capability(self) -> tuple[int, int]:
        """Compute capability as numbers, to compare."""
        major, _, minor = self.compute_capability.partition(".")
        return int(major), int(minor or 0)


@cache
def gpus() -> dict[str, Gpu]:
    """Every card that is known, by its key: those of this version, and those of the user's own file over them.

    Raises:
        ConfigError: the user's file cannot be read, or says what cannot be; the message has file, row and field.
    """
    known = {row["key"]: Gpu.model_validate(row) for row in shipped_table("gpus")["gpu"]}
    for own in own_rows("gpu"):
        key = own.text("key")
        before = known[key].model_dump() if key in known else _unsaid(own.values)
        known[key] = read_row(Gpu, own, before)
    return known


def _unsaid(said: Mapping[str, object]) -> dict[str, object]:
    """What a row of the user's own file about a new card need not say."""
    key, memory, capability = said["key"], said.get("memory_mib"), said.get("compute_capability")
    unsaid: dict[str, object] = {"name": key, "models": ("".join(re.findall(r"[a-z0-9]+", str(key).lower())),)}
    unsaid |= {"architecture": "", "source": OWN_FILE, "speed_source": OWN_FILE, "seen": True}
    unsaid["memory_gb"] = round(memory / MIB_PER_GIB) if isinstance(memory, int) else 1
    if isinstance(capability, str):
        unsaid["bf16"] = not capability.startswith(BEFORE_BF16)
    return unsaid


def meant(text: str) -> tuple[Gpu, ...]:
    """The cards that a user may mean: ``a100`` is one of 40 GB or one of 80.

    Raises:
        ConfigError: there is none of that name; the hint has those that are near.
    """
    said = _Said.of(text)
    found = tuple(gpu for gpu in gpus().values() if said.fits(gpu))
    if found:
        return found
    siblings = [gpu.key for gpu in gpus().values() if said.model in gpu.models]
    near = siblings or get_close_matches(said.model, _models(), n=NEAR, cutoff=0.5)
    hint = f"Near to it: {', '.join(near)}." if near else f"Known are {', '.join(_models())}."
    hint += f" Your own {OWN_FILE} may add one (docs/guides/plan.md)."
    raise ConfigError(f"no GPU is known as {text}", hint=hint, details={"gpu": text, "near": near})


def known_as(name: str, memory_gb: float | None = None) -> Gpu | None:
    """The card that a cloud or a driver calls ``name``; None where this version does not know it.

    Args:
        name: E.g. A10G, NVIDIA-1xH100, NVIDIA A100-SXM4-80GB.
        memory_gb: Of one card, where it is said elsewhere than in the name.
    """
    said = _Said.of(name)
    if said.memory_gb is None:
        said = said.model_copy(update={"memory_gb": memory_gb})
    return next((gpu for gpu in gpus().values() if said.fits(gpu)), None)


def is_meant(text: str, name: str) -> bool:
    """Whether a user who types ``text`` may mean the card that a driver calls ``name``, be it one we know or not."""
    found = known_as(name)
    return _Said.of(text).fits(found) if found else text.lower() in name.lower()


class _Said(Frozen):
    """A name, taken apart."""

    model: str
    memory_gb: float | None = None
    form: str = ""

    @classmethod
    def of(cls, text: str) -> _Said:
        model, memory, form = "", None, ""
        for word in re.findall(r"[a-z0-9]+", text.lower()):
            # 1xH100 is a count and a card; 8x, with a blank behind it, a count alone
            part = re.sub(r"^\d+x(?=[a-z]|$)", "", word)
            if re.fullmatch(r"sxm\d?|pcie", part):
                form = part[:3] if part.startswith("sxm") else part
            elif part and (size := re.fullmatch(r"(\d+)(?:gb|gib|g)|(\d{2,3})", part)):
                memory = float(size[1] or size[2])
            elif not ABOUT.fullmatch(part):
                model += part
        if memory is None:
            model, memory = _apart(model)
        return cls(model=model, memory_gb=memory, form=form)

    def fits(self, gpu: Gpu) -> bool:
        if self.model not in gpu.models or (self.form and gpu.form and self.form != gpu.form):
            return False
        return self.memory_gb is None or abs(self.memory_gb - gpu.memory_gb) <= TOLERANCE * gpu.memory_gb


def _models() -> list[str]:
    return list(dict.fromkeys(model for gpu in gpus().values() for model in gpu.models))


def _apart(word: str) -> tuple[str, float | None]:
    """A model and the memory that is written right behind it, as in A10080."""
    for model in sorted(_models(), key=len, reverse=True):
        if word not in _models() and (behind := re.fullmatch(rf"{model}([1-9]\d{{1,2}})", word)):
            return model, float(behind[1])
    return word, None
