# SPDX-License-Identifier: GPL-2.0-or-later
"""What every test may use."""

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

CACHE = Path(__file__).resolve().parent.parent / ".cache"

settings.register_profile("nicrig", database=DirectoryBasedExampleDatabase(CACHE / "hypothesis"), deadline=None)
settings.load_profile("nicrig")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on trio; session-wide, so that a rig may live as long as the session."""
    return "trio"
