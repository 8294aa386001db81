"""How weights are quantized already, by what tools write into config.json."""

import pytest

from zephyr_deploy.plan.model.fields import Fields
from zephyr_deploy.plan.model.quantized import beside, stored

GROUP = {
    "targets": ["Linear"],
    "weights": {"num_bits": 4, "type": "int", "group_size": 128, "strategy": "group", "symmetric": True},
    "input_activations": None,
}
W8A8 = {
    "targets": ["Linear"],
    "weights": {"num_bits": 8, "type": "float", "strategy": "channel", "symmetric": True},
    "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": True},
}
INT8 = {**W8A8, "input_activations": {"num_bits": 8, "type": "int"}}


def stored_in(config):
    return stored(Fields("m", config, {}))


def compressed(group):
    return {"quant_method": "compressed-tensors", "format": "any", "config_groups": {"group_0": group}}


@pytest.mark.parametrize(
    ("config", "method", "bits", "group", "activations"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, "awq", 4, 128, "16bit"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True}, "gptq", 4, 128, "16bit"),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1, "sym": True}, "gptq", 8, None, "16bit"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8", 8, 128, "fp8"),
        ({"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0}, "fp8", 8, None, "fp8"),
        (compressed(GROUP), "compressed-tensors", 4, 128, "16bit"),
        (compressed(W8A8), "compressed-tensors", 8, None, "fp8"),
        (compressed(INT8), "compressed-tensors", 8, None, "int8"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes", 4, 64, "16bit"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "bitsandbytes", 8, None, "int8"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8", 8, None, "fp8"),
        ({"quant_method": "mxfp4"}, "other", 4, 32, "16bit"),
        ({"quant_method": "aqlm", "nbits_per_codebook": 16}, "other", 16, None, "16bit"),
        ({"bits": 3}, "other", 3, None, "16bit"),
    ],
)  # fmt: skip
def test_each_method(config, method, bits, group, activations):
    found = stored_in({"quantization_config": config})
    assert (found.method, found.bits, found.group, found.activations) == (method, bits, group, activations)
    assert found.said


def test_what_engines_ask_for():
    gptq = stored_in({"quantization_config": {"quant_method": "gptq", "bits": 4, "desc_act": True, "sym": False}})
    assert (gptq.desc_act, gptq.symmetric, gptq.said) == (True, False, "gptq")
    assert not stored_in({"quantization_config": {"quant_method": "awq", "bits": 4}}).symmetric


def test_nothing_is_quantized():
    assert stored_in({}) is None
    assert stored_in({"quantization_config": None}) is None


def test_earlier_names():
    inner = compressed(GROUP)
    del inner["quant_method"]
    assert stored_in({"compression_config": inner}).method == "compressed-tensors"


@pytest.mark.parametrize(
    ("name", "values", "method"),
    [
        ("quantize_config.json", {"bits": 4, "group_size": 128}, "gptq"),
        ("quant_config.json", {"w_bit": 4, "q_group_size": 128, "zero_point": True}, "awq"),
        ("hf_quant_config.json", {"producer": {}, "quantization": {"quant_algo": "FP8"}}, "fp8"),
    ],
)
def test_files_beside_the_config(name, values, method):
    assert stored_in({"quantization_config": beside(name, values)}).method == method
