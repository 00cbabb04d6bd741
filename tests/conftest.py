# SPDX-License-Identifier: GPL-2.0-or-later
"""What every test may use."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

CACHE = Path(__file__).resolve().parent.parent / ".cache"

set_hypothesis_home_dir(CACHE / "hypothesis")
settings.register_profile("nicrig", deadline=None)  # a busy machine is not a failure
settings.register_profile("soak", settings.get_profile("nicrig"), max_examples=5000)
settings.load_profile("nicrig")

# A shell in the background has its jobs ignore Ctrl-C, and what these start would too: tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on trio; session-wide, so that a rig may live as long as the session."""
    return "trio"
