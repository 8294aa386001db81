"""A model that is a file of the user's own."""

import pytest

from zephyr_deploy.errors import ConfigError
from zephyr_deploy.plan.plan import ModelSource
from zephyr_deploy.providers.local.weights.fetch import local_path, prepare_source


def own(path):
    return ModelSource(kind="file", location=str(path))


def test_the_digest_is_of_the_content(tmp_path, gguf, sha256, phase):
    path = tmp_path / "own.gguf"
    path.write_bytes(gguf())
    prepared = prepare_source(own(path), phase)
    assert (prepared.sha256, prepared.size) == (sha256(gguf()), len(gguf()))
    assert local_path(prepared) == path
    assert phase.outcome == "unchanged"


def test_a_cut_file_is_refused_and_not_touched(tmp_path, gguf, phase):
    path = tmp_path / "own.gguf"
    path.write_bytes(gguf()[:-10])
    with pytest.raises(ConfigError, match="cut short"):
        prepare_source(own(path), phase)
    assert path.exists()


def test_what_is_not_there(tmp_path, phase):
    with pytest.raises(ConfigError, match="does not exist"):
        prepare_source(own(tmp_path / "none.gguf"), phase)
    with pytest.raises(ConfigError, match="is a folder"):
        prepare_source(own(tmp_path), phase)
