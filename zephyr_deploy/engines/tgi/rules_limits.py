"""Token limits and counts that TGI refuses (source of v3.3.7)."""

from __future__ import annotations

from zephyr_deploy.engines.tgi.rule import Rule, above

LIMITS = (
    Rule(
        "limits.max_input_tokens",
        lambda c: c.input_tokens is not None and c.input_tokens == 0,
        "a prompt of no tokens is no prompt",
        "Set it to the longest prompt you expect.",
        "`inputs` must have less than 0 tokens",
    ),
    Rule(
        "limits.max_input_tokens",
        lambda c: c.flags.max_input_tokens is not None and c.flags.max_input_length is not None,
        "max_input_length is its old name, and TGI takes only one of them",
        "Remove MAX_INPUT_LENGTH from engine.env.",
        "Both `max_input_tokens` (3072) and `max_input_length` (3072) are set",
    ),
    Rule(
        "limits.max_input_tokens",
        lambda c: above(c.input_tokens, c.flags.max_total_tokens) or _equal(c.input_tokens, c.flags.max_total_tokens),
        "{c.input_tokens} leaves no room for an answer within max_total_tokens = {f.max_total_tokens}",
        "Set max_input_tokens below {f.max_total_tokens}.",
        "`max_input_tokens`(4096) must be < `max_total_tokens`(4096)",
    ),
    Rule(
        "limits.max_input_tokens",
        lambda c: c.flags.max_total_tokens is not None and c.input_tokens is None,
        "max_total_tokens without it makes TGI's warm-up count below zero: it hangs and eats the machine's memory",
        "Set max_input_tokens, below {f.max_total_tokens}, and max_batch_prefill_tokens too.",
        "[hangs at `Warming up model`]",
    ),
    Rule(
        "limits.max_total_tokens",
        lambda c: c.input_tokens is not None and c.flags.max_total_tokens is None,
        "max_input_tokens alone leaves the total to TGI, which may choose a smaller one",
        "Set max_total_tokens, above {c.input_tokens}.",
        "`max_input_tokens` must be < `max_total_tokens`",
    ),
    Rule(
        "limits.max_batch_prefill_tokens",
        lambda c: c.flags.max_total_tokens is not None and c.flags.max_batch_prefill_tokens is None,
        "the three token limits go together: alone, TGI guesses this one from the card's name",
        "Set max_batch_prefill_tokens; 4096 is TGI's own choice for a card it does not know.",
        "Not enough memory to handle 32768 prefill tokens. You need to decrease `--max-batch-prefill-tokens`",
    ),
    Rule(
        "limits.max_total_tokens",
        lambda c: above(c.flags.max_total_tokens, c.flags.max_batch_total_tokens),
        "one request may be longer ({f.max_total_tokens}) than all together ({f.max_batch_total_tokens})",
        "Leave max_batch_total_tokens out: TGI measures it.",
        "`max_total_tokens` must be <= `max_batch_total_tokens`. Given: 4096 and 2048",
    ),
    Rule(
        "limits.max_batch_prefill_tokens",
        lambda c: above(c.flags.max_batch_prefill_tokens, c.flags.max_batch_total_tokens),
        "{f.max_batch_prefill_tokens} prompt tokens do not fit max_batch_total_tokens = {f.max_batch_total_tokens}",
        "Leave max_batch_total_tokens out: TGI measures it.",
        "`max_batch_prefill_tokens` must be <= `max_batch_total_tokens`. Given: 4096 and 2048",
    ),
    Rule(
        "limits.max_batch_prefill_tokens",
        lambda c: not c.chunking and above(c.input_tokens, c.flags.max_batch_prefill_tokens),
        "prefill chunking is off (by speculate, paged attention or PREFILL_CHUNKING), so one prompt must fit one step",
        "Set max_batch_prefill_tokens to {c.input_tokens} or more.",
        "`max_batch_prefill_tokens` must be >= `max_input_tokens`. Given: 2048 and 3072",
    ),
    Rule(
        "engine.env.VALIDATION_WORKERS",
        lambda c: c.flags.validation_workers == 0,
        "TGI needs at least one worker to read prompts",
        "Remove it; the default is 2.",
        "`validation_workers` must be > 0",
    ),
    Rule(
        "engine.env.MAX_BATCH_SIZE",
        lambda c: c.flags.max_batch_size == 0,
        "a batch of no requests never ends",
        "Remove it, or set it to 1 or more.",
        "[refused by the router]",
    ),
    Rule(
        "engine.memory_fraction",
        lambda c: c.flags.cuda_memory_fraction is not None and not 0 < c.flags.cuda_memory_fraction <= 1,
        "it is a share of the GPU's memory, and {f.cuda_memory_fraction} is not",
        "Set it above 0 and not above 1.",
        "[refused by torch]",
    ),
)


def _equal(left: int | None, right: int | None) -> bool:
    return left is not None and left == right
