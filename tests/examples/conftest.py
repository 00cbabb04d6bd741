# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of docs/packet-tests.md, as a user writes them: that they boot QEMU and share machines is said here."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.xdist_group("examples"))
