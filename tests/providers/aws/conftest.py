"""The provider on the emulated AWS."""

from __future__ import annotations

import pytest
from providers.clouds.cloud import Cloud
from providers.clouds.kinds import KINDS


@pytest.fixture
def cloud(aws, home, monkeypatch):
    """The provider, with what tests do with it."""
    KINDS["aws"].quicker(monkeypatch)
    return Cloud(KINDS["aws"], aws)
