"""How many bytes of weights lie on each GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.plan.setup import BYTES_16BIT

if TYPE_CHECKING:
    from zephyr_deploy.plan.kinds import ServerName
    from zephyr_deploy.plan.model.facts import ModelFacts
    from zephyr_deploy.plan.setup import Setup

NORMS_PER_LAYER = 2
TGI_PARTLY_FP8 = frozenset({"LlamaForCausalLM", "Phi3ForCausalLM", "GraniteForCausalLM"})
"""Where TGI makes FP8 of 16 bits, it leaves these models' attention in 16 bits, and their first and last layer whole
(``no_fp8`` in models/custom_modeling/flash_llama_modeling.py)."""
VOCAB_BLOCK = 64
"""vLLM and SGLang fill the vocabulary up to this many rows a shard (vocab_parallel_embedding.py)."""


def weight_bytes(setup: Setup) -> int:
    """Bytes on each GPU: the body divided, embedding and head as the engine divides them, norms on each.

    All experts of a mixture are there. Exact where the repository says its bytes and the weights are served as stored.
    """
    model = setup.model
    embedding, head = _rows(setup.engine, model, setup.shards)
    vocabulary = (embedding + head) * model.hidden * BYTES_16BIT
    norms = norm_parameters(model) * BYTES_16BIT
    return int(body_bytes(setup) / setup.shards + vocabulary + norms)


def body_bytes(setup: Setup) -> float:
    """Bytes of all that quantization shrinks, on all GPUs together."""
    model = setup.model
    body = max(0, model.body_parameters - norm_parameters(model))
    if as_stored(setup) and model.weight_bytes is not None:
        return max(model.weight_bytes - (model.parameters - body) * BYTES_16BIT, 0)
    kept = min(body, _kept_in_16_bits(setup))
    return kept * BYTES_16BIT + (body - kept) * setup.form.bytes_per_weight


def _kept_in_16_bits(setup: Setup) -> float:
    """Parameters of the body that the engine does not quantize."""
    model = setup.model
    if setup.engine != "tgi" or setup.quantize != "fp8" or model.architecture not in TGI_PARTLY_FP8:
        return 0
    attention = 2 * model.hidden * model.head_dim * (model.heads + model.kv_heads)
    layer = max(attention, (model.body_parameters - norm_parameters(model)) / model.layers)
    whole = min(2, model.layers)
    return whole * layer + (model.layers - whole) * attention


def as_stored(setup: Setup) -> bool:
    """Whether what lies in the repository's files is what lies in the GPUs' memory."""
    model = setup.model
    return model.quantization is not None or (setup.weights == "16bit" and model.dtype != "float32")


def norm_parameters(model: ModelFacts) -> int:
    """Those of the norms, which every GPU holds, in 16 bits."""
    return (NORMS_PER_LAYER * model.layers + 1) * model.hidden


def _rows(engine: ServerName, model: ModelFacts, shards: int) -> tuple[float, float]:
    """Rows of the embedding and of the head on each GPU."""
    if engine == "tgi":
        embedding = -(-model.vocab // shards)
        # TGI loads the head by itself even where it is the embedding's table, and whole where it cannot be divided
        # evenly (layers/tensor_parallel.py, TensorParallelHead.load).
        return embedding, model.vocab / shards if model.vocab % shards == 0 else model.vocab
    rows = -(-model.vocab // (VOCAB_BLOCK * shards)) * VOCAB_BLOCK if shards > 1 else model.vocab
    return rows, 0 if model.tied_embeddings else rows
