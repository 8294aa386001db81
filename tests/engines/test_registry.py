import subprocess
import sys

import pytest

from zephyr_deploy.engines.base import EngineSpec
from zephyr_deploy.engines.models import known_shape, known_shapes
from zephyr_deploy.engines.registry import ENGINES, engine
from zephyr_deploy.errors import ConfigError
from zephyr_deploy.resources import resource

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DESCRIBED = ["tgi", "vllm", "sglang"]


def test_every_engine_name_is_listed():
    assert ENGINES == ("tgi", "vllm", "sglang", "llamacpp")


@pytest.mark.parametrize("name", ENGINES)
def test_a_name_gives_its_own_spec(name):
    spec = engine(name)
    assert isinstance(spec, EngineSpec)
    assert spec.name == name


@pytest.mark.parametrize("name", DESCRIBED)
def test_container_engines_name_an_image_with_a_version(name):
    image = engine(name).image
    assert image is not None
    assert image.rpartition(":")[2].lstrip("v")[0].isdigit()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match="there is no engine ollama; this version has: tgi, vllm, sglang, llamacpp"):
        engine("ollama")


LOADED = """
import sys, zephyr_deploy.engines.registry
print([m for m in sys.modules if m.startswith("zephyr_deploy.engines.") and m.endswith(".spec")])
"""


def test_the_registry_imports_no_engine_until_asked():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_zephyr_is_known_by_any_case():
    shape = known_shape("huggingfaceh4/ZEPHYR-7b-beta")
    assert shape is not None
    assert (shape.heads, shape.kv_heads, shape.head_dim, shape.max_positions) == (32, 8, 128, 32768)
    assert (shape.sliding_window, shape.quant_method) == (4096, None)


@pytest.mark.parametrize(("kind", "method"), [("AWQ", "awq"), ("GPTQ", "gptq"), ("GGUF", "gguf")])
def test_quantized_versions_say_their_method(kind, method):
    shape, original = known_shape(f"TheBloke/zephyr-7B-beta-{kind}"), known_shape("HuggingFaceH4/zephyr-7b-beta")
    assert shape == original.model_copy(update={"quant_method": method})


def test_each_id_is_in_the_table_once():
    table = tomllib.loads(resource("data", "models.toml").read_text(encoding="utf-8"))
    names = [name.lower() for row in table["model"] for name in row["ids"]]
    assert len(names) == len(set(names)) == len(known_shapes())


def test_an_unknown_model_has_no_shape():
    assert known_shape("nobody/nothing") is None
