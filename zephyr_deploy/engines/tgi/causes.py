"""Why TGI failed, read from its own log. Order matters: the first that matches is the answer.

The texts are from its source (v3.3.7) and its issues. Of the problems that users meet most, one is silent and has no
line: only one of several GPUs in use. It cannot happen here, because the number of shards is always said.
"""

from __future__ import annotations

from zephyr_deploy.engines.causes import MACHINE, cause

MEMORY = (
    # TGI #755, #1067, #1164, #1692, #1769
    cause(
        r"Not enough memory to handle \d+ prefill tokens|Warmup\(Generation\(",
        "The GPU's memory is too small for the model and one step of prompts (warm-up).",
        "Set limits.max_batch_prefill_tokens lower, engine.quantize, or more GPUs (engine.num_shard).",
    ),
    # TGI #3105
    cause(
        r"Not enough memory to handle `max_total_tokens=\d+`|NotEnoughMemory\(",
        "The GPU's memory is too small for the longest request that was asked for.",
        "Set limits.max_total_tokens lower, engine.quantize, or more GPUs (engine.num_shard).",
    ),
)

SETTINGS = (
    # launcher main.rs:1415, backends/v3/src/main.rs, server cli.py:117, models/__init__.py
    cause(
        r"ArgumentValidation\(|NotEnoughCUDADevices\(|^error: (invalid value|unexpected argument|a value is required)"
        r"|Only 1 can be set between `dtype` and `quantize`|must be divisible by `num_shards`"
        r"|is not compatible with sharding on|assert self\.num_kv_heads > 0|Each process is one gpu"
        r"|FP8 KV cache is currently only supported|Attention is not valid|Prefix caching is only supported"
        r"|Sharding is currently not supported",
        "TGI refuses its settings; the line says which.",
        "Correct that setting in zephyr.toml, then `zephyr-deploy up`.",
    ),
    # layers/marlin/gptq.py, utils/weights.py
    cause(
        r"make sure the model is already quantized|weight \S+ does not exist",
        "engine.quantize does not match the weights of the model.",
        "Remove engine.quantize, or name a model that is quantized that way.",
    ),
    # TGI #2730
    cause(
        r"does not support sliding window attention",
        "The attention on this GPU cannot slide its window over a prompt that long.",
        "Set limits.max_input_tokens to 4096 or less.",
    ),
    # TGI #1156, #3062
    cause(
        r"FailedToCreateHTTPListener|Failed to bind to \S+ Address already in use|server socket has failed to bind to",
        "A port that TGI needs is taken by another program.",
        "Set access.port, or PROMETHEUS_PORT and MASTER_PORT in engine.env, to free ports.",
    ),
    # opea-project/GenAIInfra #639
    cause(
        r"Read-only file system: 'out'|Tokenizer error: Unable to load tokenizer",
        "TGI cannot write the tokenizer into its working folder, or cannot read the model's tokenizer.",
        "Give the container a working folder that can be written (-w /tmp); check model.id and model.revision.",
    ),
)

REQUESTS = (
    # TGI #1545, #1593, #1743, #2657, #3247
    cause(
        r"Template error",
        "The model has no chat template that TGI can find or render.",
        "Serve a chat model, or use /generate; templates only in chat_template.jinja are not read by TGI.",
        weak=True,
    ),
    # TGI #628, #695, #1108
    cause(
        r"`inputs` tokens \+ `max_new_tokens` must be <=|`inputs` must have less than",
        "A request is longer than the limits allow.",
        "Send a shorter prompt or fewer max_new_tokens, or set limits.max_total_tokens higher.",
        weak=True,
    ),
)

RUNNING = (
    # TGI #832, #1374, #2744
    cause(
        r"CUDA out of memory|OutOfMemoryError",
        "The GPU's memory ran out under load.",
        'Set TGI_WIGGLE_ROOM = "0.85" in engine.env, or limits.max_concurrent_requests lower.',
    ),
    # TGI #271; hf_transfer #63; huggingface_hub #2677, #3008
    cause(
        r"An error occurred while downloading using `hf_transfer`",
        "The download of the model broke off, and the fast downloader hides why.",
        'Set HF_HUB_ENABLE_HF_TRANSFER = "0" in engine.env, then `zephyr-deploy up` goes on where it stopped.',
    ),
    # TGI #2238, #2293
    cause(
        r"signaled to shutdown with signal 9\b",
        "The machine's own memory (not the GPU's) ran out.",
        "Choose a machine with more memory.",
    ),
    cause(
        r"signaled to shutdown with signal 4\b",
        "The machine's processor lacks an instruction that TGI needs (AVX).",
        "Choose another machine.",
    ),
    cause(
        r"signaled to shutdown with signal 11\b",
        "A TGI process crashed (segmentation fault).",
        "Run `zephyr-deploy up` again; if it stays, choose another machine.gpu.",
    ),
)

END_MARKERS = (
    cause(
        r"Download encountered an error|DownloadError|Retry \d/4",
        "The download of the model failed.",
        "Check model.id and the node's network, then `zephyr-deploy up` goes on where it stopped.",
        weak=True,
    ),
    cause(
        r"Method (Prefill|Decode|Warmup) encountered an error",
        "TGI failed while computing.",
        "Read the lines before it: `zephyr-deploy logs`.",
        weak=True,
    ),
    cause(
        r"ShardCannotStart|Shard \d+ failed to start",
        "TGI could not load the model.",
        "Read the block after `Shard complete standard error output:`: `zephyr-deploy logs`.",
        weak=True,
    ),
    cause(
        r"Shard \d+ crashed|ShardFailed|ShardDisconnected",
        "A TGI process ended while serving.",
        "Run `zephyr-deploy up` to start it again; read why in `zephyr-deploy logs`.",
        weak=True,
    ),
    cause(
        r"WebserverFailed|WebserverCannotStart|Webserver Crashed",
        "TGI's web server ended.",
        "Read the lines before it: `zephyr-deploy logs`.",
        weak=True,
    ),
)
"""What TGI prints at the end of any failure: true, and of no use while a better line is there."""

CAUSES = (*MEMORY, *SETTINGS, *MACHINE, *REQUESTS, *RUNNING, *END_MARKERS)
