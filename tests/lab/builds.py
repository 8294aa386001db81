"""The lab's images."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.images import RECIPES, Recipe
from lab.sitepackages import site_packages

import zephyr_deploy

LAB = Path(__file__).parent
PACKAGE = Path(zephyr_deploy.__file__).parent
ENGINE = ("engines", "spec", "__init__.py", "errors.py", "events.py", "locks.py", "paths.py", "resources.py")
"""What of this package runs in the TGI image; little, so that it is rarely built anew."""
TGI_NAME = "huggingface/text-generation-inference"
TGI_VERSION = "3.3.7"
TGI_OLDER = "3.3.6"

BARE = Recipe("bare", RECIPES / "node", target="bare")
"""A machine without Docker."""
NODE = Recipe("node", RECIPES / "node", target="node")
"""A machine with Docker."""
CADDY = Recipe("caddy", RECIPES / "caddy", extra=(("caddy", Path(sys.executable).parent / "caddy"),))
SERVICES = Recipe("services", RECIPES / "services", extra=(("lab/services", LAB / "services"),))


def tgi() -> Recipe:
    """What stands for TGI."""
    package = tuple((f"lib/zephyr_deploy/{part}", PACKAGE / part) for part in ENGINE)
    extra = (("site-packages", site_packages()), ("lib/lab/tgi", LAB / "tgi"), *package)
    return Recipe("tgi", RECIPES / "tgi", extra=extra)


def older(image: str, version: str) -> Recipe:
    """The same as ``image`` with another digest, as an older version."""
    return Recipe("tgi-older", RECIPES / "older", base=image, arguments=(f"VERSION={version}",))
