"""Where the prompts of a run come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from zephyr_deploy.bench.prompts.synthetic import SyntheticPrompts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zephyr_deploy.bench.asks import Conversation
    from zephyr_deploy.bench.prompts.facts import PromptFacts
    from zephyr_deploy.bench.prompts.traces import Arrival
    from zephyr_deploy.bench.spec import BenchSpec
    from zephyr_deploy.endpoint.types import Endpoint


class Prompts(Protocol):
    """What is asked in one run."""

    def conversations(self, series: str, arrivals: Sequence[Arrival] | None = None) -> Iterator[Conversation]:
        """Conversations without end, or one for each of ``arrivals``, as long as that says.

        A series is a level's warm-up or its measurement: each has others.
        """

    def facts(self) -> PromptFacts:
        """What there is to say of them, at the end of the run."""


def open_prompts(endpoint: Endpoint, spec: BenchSpec) -> Prompts:
    """The prompts that ``spec`` asks for, for the model behind ``endpoint``. Not for the time of a measurement.

    Raises:
        UsageError: the tokenizer or the file that ``spec`` names cannot be read.
    """
    if spec.prompts_file is not None:
        from zephyr_deploy.bench.prompts.files import FilePrompts

        return FilePrompts(spec)
    from zephyr_deploy.bench.prompts.counting import count_words

    counted = count_words(endpoint, spec)
    return SyntheticPrompts(spec, counted.vocabulary, counted.doubt)
