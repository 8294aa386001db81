"""Real lines of TGI's log and of what is around it, each with the cause that it must be read as."""

import pytest

from zephyr_deploy.engines.base import diagnose
from zephyr_deploy.engines.registry import engine

TGI = engine("tgi")
END = [
    "2024-01-01T00:00:00Z ERROR text_generation_launcher: Method Prefill encountered an error.",
    "2024-01-01T00:00:00Z ERROR text_generation_launcher: Download encountered an error: ",
    "2024-01-01T00:00:00Z ERROR text_generation_launcher: Shard 0 failed to start",
    "Error: ShardCannotStart",
    "2024-01-01T00:00:00Z ERROR text_generation_launcher: Shard 0 crashed",
    "Error: ShardFailed",
    "2024-01-01T00:00:00Z ERROR text_generation_launcher: Webserver Crashed",
    "Error: WebserverFailed",
    "Error: DownloadError",
]

# (number in the list of known problems, line, words of the cause)
ROWS = [
    (
        1,
        (
            "RuntimeError: Not enough memory to handle 4096 prefill tokens. You need to decrease"
            " `--max-batch-prefill-tokens`"
        ),
        "model and one step of prompts",
    ),
    (1, 'Error: Backend(Warmup(Generation("CANCELLED")))', "model and one step of prompts"),
    (1, 'Error: Warmup(Generation("CUDA out of memory"))', "model and one step of prompts"),
    (2, "Request failed during generation: Server error: CUDA out of memory. Tried to allocate 2 GiB", "under load"),
    (3, "Not enough memory to handle `max_total_tokens=32768`", "longest request"),
    (3, "Error: Backend(NotEnoughMemory(32768))", "longest request"),
    (
        4,
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens",
        "longer than the limits",
    ),
    (4, "Input validation error: `inputs` must have less than 3072 tokens. Given: 4000", "longer than the limits"),
    (
        5,
        'Error: ArgumentValidation("`max_input_tokens`(4096) must be < `max_total_tokens`(4096)")',
        "refuses its settings",
    ),
    (
        5,
        'Error: ArgumentValidation("`max_batch_prefill_tokens` must be <= `max_batch_total_tokens`. Given: 2 and 1")',
        "refuses its settings",
    ),
    (5, "error: invalid value '' for '--quantize <QUANTIZE>'", "refuses its settings"),
    (5, 'Error: NotEnoughCUDADevices("`sharded` is true but only found 1 CUDA devices")', "refuses its settings"),
    (5, "Only 1 can be set between `dtype` and `quantize`, as they both decide", "refuses its settings"),
    (
        5,
        "ValueError: `num_heads` must be divisible by `num_shards` (got `num_heads`: 32 and `num_shards`: 3",
        "refuses its settings",
    ),
    (6, "Error while creating shared memory segment /dev/shm/nccl-wpUGlv (size 9637888)", "shared memory"),
    (6, "NCCL WARN Call to posix_fallocate failed : No space left on device", "shared memory"),
    (6, "Shard process was signaled to shutdown with signal 7 rank=0", "shared memory"),
    (
        7,
        "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, OpType=ALLREDUCE)",
        "cannot speak to each other",
    ),
    (7, "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1970", "cannot speak to each other"),
    (8, "RuntimeError: CUDA error: no kernel image is available for execution on the device", "no code for this GPU"),
    (8, "RuntimeError: FlashAttention only supports Ampere GPUs or newer.", "no code for this GPU"),
    (8, "Using quantized Marlin models requires a GPU with CUDA capability 8.0 or later.", "no code for this GPU"),
    (
        9,
        "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.4, please update your driver",
        "driver is too old",
    ),
    (
        10,
        'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
        "cannot hand GPUs to containers",
    ),
    (11, "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/", "refuses"),
    (11, "huggingface_hub.utils._errors.GatedRepoError: 403 Client Error.", "private or gated"),
    (11, "Cannot access gated repo for url", "private or gated"),
    (12, "Error: IO Error: No space left on device (os error 28)", "disk is full"),
    (
        12,
        (
            "RuntimeError: An error occurred while downloading using `hf_transfer`. Consider disabling"
            " HF_HUB_ENABLE_HF_TRANSFER for better error handling."
        ),
        "broke off",
    ),
    (13, "Shard process was signaled to shutdown with signal 9 rank=0", "own memory"),
    (13, "Shard process was signaled to shutdown with signal 4 rank=0", "lacks an instruction"),
    (13, "Shard process was signaled to shutdown with signal 11 rank=0", "segmentation fault"),
    (14, "Template error: template not found", "no chat template"),
    (
        15,
        'failed to build prometheus recorder: FailedToCreateHTTPListener("Address already in use (os error 98)")',
        "port that TGI needs is taken",
    ),
    (15, "Failed to bind to 0.0.0.0:80: Address already in use", "port that TGI needs is taken"),
    (15, "The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use)", "port that TGI"),
    (16, "The backend cuda does not support sliding window attention that is used by the model type mistral", "window"),
    (18, "Failed to import python tokenizer OSError: [Errno 30] Read-only file system: 'out'", "working folder"),
    (18, "Tokenizer error: Unable to load tokenizer.", "working folder"),
    (
        19,
        "Cannot load `gptq` weight for GPTQ -> Marlin repacking, make sure the model is already quantized",
        "does not match the weights",
    ),
    (19, "RuntimeError: weight model.layers.0.mlp.gate_proj.qweight does not exist", "does not match the weights"),
]
SILENT = {17}
MARKERS = {20}


@pytest.mark.parametrize(("number", "line", "words"), ROWS)
def test_the_cause_is_found_before_the_end_markers(number, line, words):
    found = diagnose(TGI.causes, [*END, line])
    assert found is not None
    assert words in found.cause
    assert found.line == line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Error: ShardCannotStart", "could not load the model"),
        ("Shard 0 failed to start", "could not load the model"),
        ("Error: WebserverFailed", "web server ended"),
        ("Webserver Crashed", "web server ended"),
        ("Shard 0 crashed", "ended while serving"),
        ("Error: DownloadError", "download of the model failed"),
        ("Retry 2/4", "download of the model failed"),
    ],
)
def test_an_end_marker_alone_is_still_an_answer(line, words):
    found = diagnose(TGI.causes, ["Waiting for shard to be ready...", line])
    assert found is not None
    assert words in found.cause


def test_every_known_problem_that_speaks_has_a_row():
    assert {number for number, *_ in ROWS} | SILENT | MARKERS == set(range(1, 21))


def test_every_cause_says_what_to_do_next():
    assert all(cause.fix.endswith(".") and cause.cause.endswith(".") for cause in TGI.causes)


STARTING = [
    "INFO text_generation_launcher: Args {",
    "INFO text_generation_launcher: Using attention flashinfer - Prefix caching true",
    "INFO text_generation_launcher: Sharding model on 2 processes",
    "INFO download: text_generation_launcher: Starting check and download process for HuggingFaceH4/zephyr-7b-beta",
    "INFO text_generation_launcher: Download: [1/8] -- ETA: 0:00:12",
    "INFO download: text_generation_launcher: Successfully downloaded weights for HuggingFaceH4/zephyr-7b-beta",
    "INFO shard-manager: text_generation_launcher: Starting shard rank=0",
    "INFO shard-manager: text_generation_launcher: Waiting for shard to be ready... rank=0",
    "INFO shard-manager: text_generation_launcher: Shard ready in 9.3s rank=0",
    "INFO text_generation_launcher: Starting Webserver",
    "INFO text_generation_router_v3: Warming up model",
    "INFO text_generation_launcher: KV-cache blocks: 453000, size: 1",
    "INFO text_generation_router_v3: Setting max batch total tokens to 453000",
    "INFO text_generation_router::server: Serving revision abc of model HuggingFaceH4/zephyr-7b-beta",
    "INFO text_generation_router::server: Connected",
    "Unknown quantization method gptq",
]


def test_a_good_start_shows_no_cause():
    assert diagnose(TGI.causes, STARTING) is None


def test_the_milestones_come_in_order_one_line_each():
    at = {name: [i for i, line in enumerate(STARTING) if p.search(line)] for name, p in TGI.milestones.items()}
    assert at == {"settings": [3], "download": [5], "load": [8], "webserver": [10], "warm-up": [12], "connect": [14]}


def test_milestones_are_found_in_json_logs_too():
    line = '{"timestamp":"2024","level":"INFO","fields":{"message":"Connected"},"target":"text_generation_router"}'
    assert TGI.milestones["connect"].search(line)
