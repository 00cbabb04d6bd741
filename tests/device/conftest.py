# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from nicrig_device.log import flood


@pytest.fixture(autouse=True)
def quiet_log() -> None:
    """Each test begins with a log that has cut nothing off."""
    flood.clear()
