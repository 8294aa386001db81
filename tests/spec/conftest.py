"""Loading from a folder of its own, untouched by the machine's environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.spec.load import Loaded, load

Loader = Callable[..., Loaded]


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    """``load`` with the text of a zephyr.toml, in a folder that has nothing else."""

    def call(text: str | None = None, *, environ: Mapping[str, str] | None = None, **options: object) -> Loaded:
        if text is not None:
            (tmp_path / "zephyr.toml").write_text(text, encoding="utf-8")
        return load(environ=environ or {}, cwd=tmp_path, **options)

    return call


@pytest.fixture
def refused(loader: Loader) -> Callable[..., str]:
    """The message with which `loader` refuses."""

    def call(text: str | None = None, **options: object) -> str:
        with pytest.raises(ConfigError) as caught:
            loader(text, **options)
        assert caught.value.exit_code == 3
        assert caught.value.hint
        return caught.value.message

    return call
