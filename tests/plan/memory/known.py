"""Starts of engines whose log somebody published, with the tokens that had room."""

from typing import NamedTuple

from plan.models import LLAMA_8B, LLAMA_70B, QWQ_32B

from zephyr_deploy.plan.gpus import gpus
from zephyr_deploy.plan.memory.weigh import weigh
from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.plan.setup import Setup


class Start(NamedTuple):
    engine: str
    version: str
    model: ModelFacts
    gpu: str
    shards: int
    fraction: float | None
    prefill: int
    logged: int
    remark: str = ""

    def memory(self):
        return weigh(
            Setup(
                model=self.model,
                engine=self.engine,
                gpu=gpus()[self.gpu],
                shards=self.shards,
                memory_fraction=self.fraction,
            ),
            self.prefill,
        )

    @property
    def expected(self):
        """Tokens; vLLM counted its graphs beside what it may take until 0.21."""
        memory = self.memory()
        return int((memory.kv_cache + memory.graphs) // memory.kv_bytes_per_token)


STARTS = (
    Start("tgi", "3", LLAMA_8B, "l4", 1, None, 8049, 30_000, "TGI's documentation of chunking, rounded"),
    Start("tgi", "2.4", LLAMA_70B, "a100-80", 2, None, 10_049, 30_816, "TGI's issue 2744"),
    Start("vllm", "0.15.1", LLAMA_8B, "a100-40", 1, 0.9, 8192, 157_936, "eager"),
    Start("vllm", "0.10.1", LLAMA_8B, "a100-40", 1, 0.9, 2048, 157_648, "the card is not said"),
    Start("vllm", "0.1x", LLAMA_8B, "a6000", 1, 0.9, 8192, 216_624),
    Start("vllm", "0.1x", LLAMA_8B, "rtx3090", 1, 0.85, 2048, 30_960),
    Start("sglang", "0.4", LLAMA_8B, "h100", 1, 0.88, 8192, 444_500, "the card is not said: one of 80 GB"),
    Start("sglang", "0.4", QWQ_32B, "l4", 4, 0.85, 2048, 46_611),
)
