"""What a rule is: one combination that TGI refuses, or worse, takes; as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zephyr_deploy.engines.base import Problem

if TYPE_CHECKING:
    from zephyr_deploy.engines.base import ModelShape
    from zephyr_deploy.engines.tgi.flags import TgiFlags

FLASHINFER_HEAD_DIMS = frozenset({64, 128, 256})
"""Head sizes for which TGI chooses flashinfer by itself (launcher main.rs:131-216)."""


@dataclass(frozen=True)
class Case:
    """Everything a rule may look at."""

    flags: TgiFlags
    knobs: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that are not flags."""
    shape: ModelShape | None = None

    @property
    def local(self) -> bool:
        """Whether the model is a folder rather than a repository of the hub."""
        return self.flags.model_id.startswith(("/", ".", "~"))

    @property
    def chunking(self) -> bool:
        """Whether TGI computes long prompts in pieces (server/models/globals.py of v3.3.7)."""
        off = self.knobs.get("PREFILL_CHUNKING", "1").lower() not in {"1", "true"}
        return not (off or self.flags.speculate or self.attention == "paged")

    @property
    def attention(self) -> str:
        """The attention that TGI will use on a GPU of compute capability 8.0 or more (launcher of v3.3.7)."""
        fitting = self.shape is None or self.shape.head_dim in FLASHINFER_HEAD_DIMS
        return self.knobs.get("ATTENTION") or ("flashinfer" if fitting else "flashdecoding")

    @property
    def prefix_caching(self) -> bool:
        """Whether prefix caching was asked for in so many words."""
        return self.knobs.get("PREFIX_CACHING", "").lower() in {"1", "true"}

    @property
    def input_tokens(self) -> int | None:
        """The longest prompt, under its new or its old name."""
        return self.flags.max_input_tokens if self.flags.max_input_tokens is not None else self.flags.max_input_length


@dataclass(frozen=True)
class Rule:
    """One trap: when it springs, what TGI would say or do, and what to do instead.

    ``reason`` and ``fix`` are format strings over ``f`` (flags), ``c`` (the case) and ``s`` (the model's shape).
    ``prevents`` is TGI's own text, or, in brackets, what it does without a word.
    """

    setting: str
    springs: Callable[[Case], bool]
    reason: str
    fix: str
    prevents: str

    def problem(self, case: Case) -> Problem | None:
        """The problem this rule sees in ``case``, if any."""
        if not self.springs(case):
            return None
        names = {"f": case.flags, "c": case, "s": case.shape}
        return Problem(self.setting, self.reason.format(**names), self.fix.format(**names))


def check(rules: Sequence[Rule], case: Case) -> list[Problem]:
    """Every problem that ``rules`` see, in their order."""
    return [problem for rule in rules if (problem := rule.problem(case)) is not None]


def above(left: int | None, right: int | None) -> bool:
    """Whether both are given and ``left`` is the greater."""
    return left is not None and right is not None and left > right
