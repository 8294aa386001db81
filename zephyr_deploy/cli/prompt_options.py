"""What ``zephyr-deploy bench`` can be told about prompts and answers."""

from __future__ import annotations

from typing import Annotated

import typer

PROMPTS = "Prompts and answers"

PromptTokensOpt = Annotated[
    str,
    typer.Option(
        metavar="LENGTH",
        help="How long a prompt is, in tokens: 512, 64..512 or 512:100 (mean:deviation).",
        rich_help_panel=PROMPTS,
    ),
]
MaxNewTokensOpt = Annotated[
    str,
    typer.Option(metavar="LENGTH", help="Output tokens asked for, in the same forms.", rich_help_panel=PROMPTS),
]
PromptsOpt = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Prompts of a file: JSON lines, ShareGPT's JSON or plain lines; - is standard input.",
        rich_help_panel=PROMPTS,
    ),
]
SharedPrefixOpt = Annotated[
    float,
    typer.Option(help="Share of a prompt that all prompts begin with, e.g. 0.5.", rich_help_panel=PROMPTS),
]
TurnsOpt = Annotated[
    int,
    typer.Option(help="Turns of a conversation; each sends what was said before.", rich_help_panel=PROMPTS),
]
IgnoreEosOpt = Annotated[
    bool,
    typer.Option(
        "--ignore-eos",
        help="Answers go on to their last token: vLLM, SGLang and the embedded engine; TGI cannot.",
        rich_help_panel=PROMPTS,
    ),
]
TokenizerOpt = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A tokenizer.json that counts tokens, instead of the server.",
        rich_help_panel=PROMPTS,
    ),
]
