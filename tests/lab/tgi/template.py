"""Chats rendered as TGI renders them: minijinja, without trim_blocks and lstrip_blocks, so with TGI's defect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import minijinja

from zephyr_deploy.engines.llamacpp.upstream import Upstream
from zephyr_deploy.errors import RequestError

NOT_FOUND = "template not found"


class TemplatedUpstream(Upstream):
    """llama.cpp, but with the chat template of a tokenizer_config.json instead of the model file's own."""

    tokenizer_config: Path | None = None

    async def apply_template(self, messages: list[dict[str, Any]]) -> str:
        """Render a conversation, ready for the assistant's turn; `RequestError` as TGI's template errors."""
        about = json.loads(self.tokenizer_config.read_text()) if self.tokenizer_config else {}
        template = about.get("chat_template")
        if not template:
            raise RequestError(NOT_FOUND, status=500)
        environment = minijinja.Environment(templates={"chat": template})
        tokens = {name: _text(about.get(name)) for name in ("bos_token", "eos_token")}
        try:
            return environment.render_template("chat", messages=messages, add_generation_prompt=True, **tokens)
        except minijinja.TemplateError as error:
            raise RequestError(str(error), status=500) from error


def _text(token: object) -> str:
    """A token is written as text or as an object with its content."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")
