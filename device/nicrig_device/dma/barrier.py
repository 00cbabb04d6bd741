# SPDX-License-Identifier: GPL-2.0-or-later
"""The one memory barrier that the sleep and arm protocols need (docs/datasheet.md sections 6 and 7)."""

from __future__ import annotations

import platform
import threading

STRONGLY_ORDERED = frozenset({"x86_64", "AMD64"})
_LOCK = threading.Lock()


def require_strong_ordering(machine: str = platform.machine()) -> None:
    """Raises RuntimeError on a machine whose stores may pass stores: Python has no release fence."""
    if machine not in STRONGLY_ORDERED:
        raise RuntimeError(f"the card needs x86-64's memory order, this machine is {machine}: run it on an x86-64 host")


def full_barrier() -> None:
    """Order all earlier loads and stores before all later ones.

    Python has no fence. An uncontended lock is taken with a locked instruction, which on x86-64 drains the store
    buffer; that is all that a store followed by a load of another word lacks there.
    """
    with _LOCK:
        pass
