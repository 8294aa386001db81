"""What the tensors of a model add up to."""

import pytest
from plan.model.configs import packed, tensors

from zephyr_deploy.plan.model.facts import StoredQuantization
from zephyr_deploy.plan.model.safetensors import BITS, Tensor
from zephyr_deploy.plan.model.weigh import weigh


def listed(described):
    found = []
    for name, (dtype, shape) in described.items():
        tensor = Tensor(name, dtype, tuple(shape), 0)
        found.append(tensor._replace(bytes=tensor.elements * BITS[dtype] // 8))
    return found


WHOLE = weigh(listed(tensors()))


def with_more(more, **about):
    return weigh(listed({**tensors(), **more}), **about)


def test_all_of_a_plain_model():
    assert (WHOLE.parameters, WHOLE.bytes) == (86_848, 173_696)
    assert (WHOLE.has_head, WHOLE.dtype) == (True, "bfloat16")


@pytest.mark.parametrize("method", ["awq", "gptq"])
@pytest.mark.parametrize("said", [True, False], ids=["by the config", "by what is usual"])
def test_packed_ones(method, said):
    stored = StoredQuantization(method=method, bits=4) if said else None
    found = weigh(listed(packed(method=method)), quantization=stored)
    assert found.parameters == WHOLE.parameters
    assert found.bytes < WHOLE.bytes * 0.5
    assert found.dtype == "float16"


@pytest.mark.parametrize(
    ("more", "quantization", "parameters"),
    [
        ({"model.layers.0.x.weight": ("F8_E4M3", [8, 8]), "model.layers.0.x.weight_scale_inv": ("F32", [1])}, None, 64),
        ({"model.layers.0.x.weight": ("I8", [8, 8]), "model.layers.0.x.SCB": ("F32", [8])}, ("bitsandbytes", 8), 64),
        (
            {
                "model.layers.0.x.weight": ("U8", [32, 1]),
                "model.layers.0.x.weight.absmax": ("U8", [1]),
                "model.layers.0.x.weight.quant_map": ("F32", [16]),
                "model.layers.0.x.weight.nested_absmax": ("F32", [1]),
                "model.layers.0.x.weight.quant_state.bitsandbytes__nf4": ("U8", [81]),
            },
            ("bitsandbytes", 4),
            64,
        ),
        (
            {
                "model.layers.0.x.weight_packed": ("I32", [8, 1]),
                "model.layers.0.x.weight_scale": ("BF16", [8, 1]),
                "model.layers.0.x.weight_zero_point": ("I32", [1, 1]),
                "model.layers.0.x.weight_shape": ("I64", [2]),
            },
            ("compressed-tensors", 4),
            64,
        ),
        ({"model.layers.0.x.qweight": ("I32", [6, 1]), "model.layers.0.x.qzeros": ("I32", [1, 1])}, ("gptq", 3), 64),
        (
            {"model.layers.0.experts.up_blocks": ("U8", [2, 16]), "model.layers.0.experts.up_scales": ("U8", [2])},
            ("other", 4),
            64,
        ),
        ({"model.layers.0.self_attn.rotary_emb.inv_freq": ("F32", [64])}, None, 0),
        ({"transformer.h.0.attn.bias": ("F32", [1, 1, 8, 8])}, None, 0),
        ({"model.layers.0.self_attn.q_proj.bias": ("BF16", [64])}, None, 64),
    ],
)  # fmt: skip
def test_what_counts_as_a_parameter(more, quantization, parameters):
    stored = StoredQuantization(method=quantization[0], bits=quantization[1]) if quantization else None
    found = with_more(more, quantization=stored)
    assert found.parameters - WHOLE.parameters == parameters
    assert found.bytes > WHOLE.bytes


def test_experts_are_those_that_a_router_chooses():
    more = {
        "model.layers.0.mlp.experts.0.up_proj.weight": ("BF16", [8, 8]),
        "model.layers.0.mlp.shared_experts.up_proj.weight": ("BF16", [8, 8]),
        "model.layers.0.mlp.gate.weight": ("BF16", [8, 8]),
    }
    assert with_more(more).expert_parameters == 64


def test_what_reads_pictures_is_told_apart():
    more = {
        "vision_tower.encoder.layers.30.mlp.fc1.weight": ("BF16", [8, 8]),
        "model.visual.blocks.31.attn.qkv.weight": ("BF16", [8, 8]),
        "multi_modal_projector.linear.weight": ("BF16", [8, 8]),
    }
    found = with_more(more, layers=2)
    assert found.other_parameters == 192
    assert found.parameters == WHOLE.parameters + 192


def test_further_layers_are_not_loaded():
    more = {"model.layers.2.x.weight": ("BF16", [8, 8]), "mtp.layers.0.x.weight": ("BF16", [8, 8])}
    assert with_more(more, layers=2) == WHOLE


def test_a_copy_of_the_embedding_is_not_loaded():
    assert with_more({}, tied=True).parameters == WHOLE.parameters - 6400
    assert not weigh(listed(tensors(head=False))).has_head


def test_a_tensor_in_two_files_is_one():
    assert weigh(listed(tensors()) * 2) == WHOLE


def test_nothing_is_none():
    assert weigh([]) is None
