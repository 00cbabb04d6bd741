# SPDX-License-Identifier: GPL-2.0-or-later
"""What every test may use."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on trio; session-wide, so that a rig may live as long as the session."""
    return "trio"
