"""The shapes of the models that were measured, from their config.json."""

from zephyr_deploy.plan.model.facts import ModelFacts

SMALL = 2048
"""Models narrower than that have heads of 64."""


def _dense(name: str, shape: tuple[int, int, int, int, int, int], parameters: int, *, tied: bool = False) -> ModelFacts:
    """Of layers, width, width of the MLP, heads, KV heads and vocabulary."""
    layers, hidden, inner, heads, kv, vocab = shape
    return ModelFacts(
        id=name,
        layers=layers,
        hidden=hidden,
        intermediate=inner,
        heads=heads,
        kv_heads=kv,
        head_dim=64 if hidden < SMALL else 128,
        vocab=vocab,
        tied_embeddings=tied,
        max_positions=32768,
        parameters=parameters,
        active_parameters=parameters,
        origin="table",
    )


MODELS = {
    model.id: model
    for model in (
        _dense("llama-2-7b", (32, 4096, 11008, 32, 32, 32000), 6_738_415_616),
        _dense("llama-2-13b", (40, 5120, 13824, 40, 40, 32000), 13_015_864_320),
        _dense("llama-2-70b", (80, 8192, 28672, 64, 8, 32000), 68_976_648_192),
        _dense("llama-3-8b", (32, 4096, 14336, 32, 8, 128256), 8_030_261_248),
        _dense("llama-3-70b", (80, 8192, 28672, 64, 8, 128256), 70_553_706_496),
        _dense("mistral-7b", (32, 4096, 14336, 32, 8, 32000), 7_241_732_096),
        _dense("qwen2-7b", (28, 3584, 18944, 28, 4, 152064), 7_615_616_512),
        _dense("qwen2.5-0.5b", (24, 896, 4864, 14, 2, 151936), 494_032_768, tied=True),
        _dense("qwen2.5-14b", (48, 5120, 13824, 40, 8, 152064), 14_770_033_664),
        _dense("qwen2.5-32b", (64, 5120, 27648, 40, 8, 152064), 32_763_876_352),
        _dense("qwen2.5-72b", (80, 8192, 29568, 64, 8, 152064), 72_706_203_648),
        _dense("qwen3-32b", (64, 5120, 25600, 64, 8, 151936), 32_762_123_264),
    )
}
