"""What all tests of recorded pages take."""

import pytest
from docs.recording import quickstart_module


@pytest.fixture(scope="module")
def quickstart():
    """scripts/quickstart.py."""
    return quickstart_module()
