"""Builds the lab's images, once for each content of their recipes.

A recipe is a folder with a Dockerfile. The tag is the hash of everything in it and of what it stands on, so an image
that exists is the right one. All start from debian:bookworm: pulled where a registry can be reached, made by
mmdebstrap where not.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from lab.docker import LABEL, LabError, LabUnavailableError
from lab.places import LAB_DIR, private_dir

if TYPE_CHECKING:
    from lab.docker import Docker

RECIPES = Path(__file__).parent / "recipes"
DEBIAN = "debian:bookworm"
BASE = "zephyr-lab/debian:bookworm"
PULL_S = 120.0
BUILD_S = 600.0


@dataclass(frozen=True)
class Recipe:
    """One image: a folder with a Dockerfile, a target in it, and further folders that go into its context."""

    name: str
    folder: Path
    target: str | None = None
    extra: tuple[tuple[str, Path], ...] = ()
    """Name in the build context → folder or file."""
    base: str | None = None
    """Image to start from; None: Debian."""
    arguments: tuple[str, ...] = ()
    """Build arguments, ``NAME=VALUE``."""

    @property
    def tag(self) -> str:
        """Name and tag of the image; the tag is a hash of the content."""
        content = _digest([("", self.folder), *self.extra], (self.base or "", *self.arguments))
        return f"zephyr-lab/{self.name}:{content}"


def build(docker: Docker, recipe: Recipe) -> str:
    """The recipe's image, built if it is not there; its tag. Parallel callers wait for the first.

    Raises:
        LabError: the build failed.
        LabUnavailableError: neither a registry nor mmdebstrap gives a Debian to start from.
    """
    private_dir(LAB_DIR)
    if docker.exists("image", recipe.tag):
        return recipe.tag
    with FileLock(LAB_DIR / "images.lock", timeout=2 * BUILD_S):
        if not docker.exists("image", recipe.tag):
            _build(docker, recipe, recipe.base or _debian(docker))
    return recipe.tag


def _build(docker: Docker, recipe: Recipe, base: str) -> None:
    with tempfile.TemporaryDirectory(dir=LAB_DIR) as folder:
        context = Path(folder) / "context"
        shutil.copytree(recipe.folder, context, symlinks=True)
        for name, path in recipe.extra:
            _copy(path, context / name)
        target = ["--target", recipe.target] if recipe.target else []
        arguments = [word for value in (f"BASE={base}", *recipe.arguments) for word in ("--build-arg", value)]
        said = [*arguments, "--label", LABEL, "--tag", recipe.tag, "--quiet"]
        docker("build", *target, *said, str(context), timeout_s=BUILD_S)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _debian(docker: Docker) -> str:
    if docker.exists("image", BASE):
        return BASE
    if docker.try_("pull", "--quiet", DEBIAN, timeout_s=PULL_S).returncode == 0:
        docker("tag", DEBIAN, BASE)
    else:
        _bootstrap(docker)
    return BASE


def _bootstrap(docker: Docker) -> None:
    if shutil.which("mmdebstrap") is None:
        raise LabUnavailableError(f"{DEBIAN} cannot be pulled; to make one: apt-get install mmdebstrap")
    with tempfile.TemporaryDirectory(dir=LAB_DIR) as folder:
        rootfs = Path(folder) / "rootfs.tar"
        slim = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info")]
        command = ["mmdebstrap", "--quiet", "--variant=minbase", *slim, "bookworm", str(rootfs)]
        done = subprocess.run(command, capture_output=True, timeout=BUILD_S, check=False)
        if done.returncode:
            raise LabError(f"mmdebstrap: {done.stderr.decode(errors='replace')[-2000:]}")
        docker(
            "import", "--change", 'CMD ["/bin/bash"]', "--change", f"LABEL {LABEL}=", str(rootfs), BASE, timeout_s=120
        )


def _digest(folders: list[tuple[str, Path]], words: tuple[str, ...]) -> str:
    """Hash of names, contents and executable bits of files, given by themselves or by a folder, and of words."""
    total = hashlib.sha256("\0".join(words).encode())
    for name, root in folders:
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        for file in files:
            if "__pycache__" not in file.parts:
                mode = "x" if file.stat().st_mode & 0o100 else "-"
                total.update(f"{name}/{file.relative_to(root)}\0{mode}\0".encode())
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:12]
