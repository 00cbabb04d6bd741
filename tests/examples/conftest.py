# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of docs/packet-tests.md. They are what a user writes; that they boot QEMU is said here."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)
