"""What a release is made of, to the byte: images by digest, the model by commit, each file by its own hash."""

from __future__ import annotations

from zephyr_deploy.plan.model.facts import ModelFacts
from zephyr_deploy.spec.base import Frozen


class LockedImage(Frozen):
    """A container image: the name that was asked for, and the digest that it had."""

    name: str
    digest: str
    """``sha256:`` and 64 hex digits."""

    @property
    def reference(self) -> str:
        """What Docker is told: the repository at that digest, whatever the tag says by now, or was asked for."""
        name, _, _asked = self.name.partition("@")
        repository, colon, tag = name.rpartition(":")
        return f"{repository if colon and '/' not in tag else name}@{self.digest}"


class LockedFile(Frozen):
    """A file of the model's repository."""

    path: str
    size: int
    """Bytes."""
    blob: str
    """Its name in the hub's cache: SHA-256 for an LFS file, git's SHA-1 for another."""


class Lock(Frozen):
    """Everything that was looked up once, so that the same release is the same everywhere and at any time."""

    engine: LockedImage
    gateway: LockedImage
    repo: str
    asked_revision: str | None
    """Branch, tag or commit that was asked for; None: the repository's main branch."""
    commit: str
    files: tuple[LockedFile, ...]
    model: ModelFacts | None = None
    """What the planner went by: the same facts give the same settings anywhere; None: nothing was known."""

    @property
    def size(self) -> int:
        """Bytes of the model's files together."""
        return sum(file.size for file in self.files)

    def fits(self, image: str, repo: str, revision: str | None) -> bool:
        """Whether it is the lock of that wish: then nothing needs to be looked up again."""
        return (self.engine.name, self.repo, self.asked_revision) == (image, repo, revision)


def placeholder(engine: str, gateway: str, repo: str, revision: str | None) -> Lock:
    """A lock that pins nothing: zeros stand where nothing was looked up, and no file of the model is named."""
    digest = f"sha256:{'0' * 64}"
    return Lock(
        engine=LockedImage(name=engine, digest=digest),
        gateway=LockedImage(name=gateway, digest=digest),
        repo=repo,
        asked_revision=revision,
        commit="0" * 40,
        files=(),
    )
