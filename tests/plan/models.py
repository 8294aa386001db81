"""A few models, as their config.json and the lengths of their files describe them."""

from zephyr_deploy.plan.model.facts import ModelFacts, StoredQuantization


def dense(name, *, layers, hidden, intermediate, heads, kv_heads, vocab, positions, parameters, **more):
    return ModelFacts(
        id=name,
        layers=layers,
        hidden=hidden,
        intermediate=intermediate,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=more.pop("head_dim", hidden // heads),
        vocab=vocab,
        max_positions=positions,
        parameters=parameters,
        active_parameters=more.pop("active_parameters", parameters),
        origin="table",
        **more,
    )


ZEPHYR = dense(
    "HuggingFaceH4/zephyr-7b-beta",
    architecture="MistralForCausalLM",
    layers=32,
    hidden=4096,
    intermediate=14336,
    heads=32,
    kv_heads=8,
    vocab=32000,
    positions=32768,
    parameters=7_241_732_096,
    weight_bytes=14_483_464_192,
    sliding_window=4096,
    windowed_layers=32,
)
AWQ = StoredQuantization(method="awq", bits=4, group=128, symmetric=False, said="awq")
ZEPHYR_AWQ = ZEPHYR.model_copy(
    update={
        "id": "TheBloke/zephyr-7B-beta-AWQ",
        "quantization": AWQ,
        "weight_bytes": 4_150_796_288,
        "dtype": "float16",
    }
)
LLAMA_8B = dense(
    "meta-llama/Llama-3.1-8B-Instruct",
    architecture="LlamaForCausalLM",
    layers=32,
    hidden=4096,
    intermediate=14336,
    heads=32,
    kv_heads=8,
    vocab=128256,
    positions=131072,
    parameters=8_030_261_248,
    weight_bytes=16_060_522_496,
)
LLAMA_70B = dense(
    "meta-llama/Llama-3.1-70B-Instruct",
    architecture="LlamaForCausalLM",
    layers=80,
    hidden=8192,
    intermediate=28672,
    heads=64,
    kv_heads=8,
    vocab=128256,
    positions=131072,
    parameters=70_553_706_496,
    weight_bytes=141_107_412_992,
)
LLAMA_405B = dense(
    "meta-llama/Llama-3.1-405B-Instruct",
    architecture="LlamaForCausalLM",
    layers=126,
    hidden=16384,
    intermediate=53248,
    heads=128,
    kv_heads=8,
    vocab=128256,
    positions=131072,
    parameters=405_853_388_800,
    weight_bytes=811_706_777_600,
)
MIXTRAL = dense(
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
    layers=32,
    hidden=4096,
    intermediate=14336,
    heads=32,
    kv_heads=8,
    vocab=32000,
    positions=32768,
    parameters=46_702_792_704,
    active_parameters=12_879_925_248,
    weight_bytes=93_405_585_408,
    experts=8,
    experts_per_token=2,
)
QWEN_HALF_B = dense(
    "Qwen/Qwen2.5-0.5B-Instruct",
    layers=24,
    hidden=896,
    intermediate=4864,
    heads=14,
    kv_heads=2,
    vocab=151936,
    positions=32768,
    parameters=494_032_768,
    weight_bytes=988_065_536,
    tied_embeddings=True,
)
QWQ_32B = dense(
    "Qwen/QwQ-32B",
    layers=64,
    hidden=5120,
    intermediate=27648,
    heads=40,
    kv_heads=8,
    vocab=152064,
    positions=131072,
    parameters=32_763_876_352,
)
