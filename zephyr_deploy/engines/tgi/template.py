r"""The chat template that TGI is given, because it renders Zephyr's own wrongly.

TGI renders templates with minijinja and without ``trim_blocks`` and ``lstrip_blocks``, transformers with both. Zephyr's
template then gains blank lines (``\n\n<|system|>\n…``) and the prompt differs from the one the model was trained on;
besides, TGI adds no BOS token on the chat route (router/src/infer/chat_template.rs of v3.3.7). The shipped template
is blind to both settings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zephyr_deploy.resources import resource

if TYPE_CHECKING:
    from collections.abc import Mapping

ZEPHYR_TOKENIZER: Mapping[str, object] = {
    "tokenizer_class": "LlamaTokenizer",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "</s>",
    "add_bos_token": True,
    "add_eos_token": False,
}
"""What TGI's router reads of Zephyr's tokenizer_config.json (``<s>`` 1, ``</s>`` 2, pad 2)."""


def zephyr_template() -> str:
    """Zephyr's chat template in the form that every engine renders alike; for vLLM and SGLang as it is.

    Raises:
        FileNotFoundError: a broken installation.
    """
    return resource("templates", "chat", "zephyr.jinja").read_text(encoding="utf-8").rstrip("\n")


def tokenizer_config(template: str, base: Mapping[str, object] = ZEPHYR_TOKENIZER) -> str:
    """The file for ``--tokenizer-config-path``: it replaces the model's own, so the tokens must be in it too.

    Args:
        template: The chat template.
        base: The model's own tokenizer_config.json; only its ``chat_template`` is replaced.
    """
    return json.dumps({**base, "chat_template": template}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
