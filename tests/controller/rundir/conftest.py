# SPDX-License-Identifier: GPL-2.0-or-later
"""Short folders for rigs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Replaces pytest's folder: its path names test and worker, which leaves no room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder:
        yield Path(folder)
