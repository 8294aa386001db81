"""What Docker is told of a locked image."""

import pytest

from zephyr_deploy.release.lock import LockedImage

DIGEST = f"sha256:{'e1' * 32}"


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("example.org/tgi:3", "example.org/tgi"),
        ("example.org/tgi", "example.org/tgi"),
        ("example.org:5000/tgi", "example.org:5000/tgi"),
        ("example.org:5000/tgi:3", "example.org:5000/tgi"),
        ("caddy:2", "caddy"),
        (f"example.org/tgi@{DIGEST}", "example.org/tgi"),
        (f"example.org:5000/tgi:3@{DIGEST}", "example.org:5000/tgi"),
    ],
)
def test_an_image_by_its_repository_and_digest(name, repository):
    assert LockedImage(name=name, digest=DIGEST).reference == f"{repository}@{DIGEST}"
