# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor says of itself, in its greeting and to `query-version`."""

from __future__ import annotations

import msgspec


class Triple(msgspec.Struct, frozen=True):
    """A version number."""

    major: int = 0
    minor: int = 1
    micro: int = 0


class Version(msgspec.Struct):
    """QMP has a version of `qemu`, whoever speaks it: here it is the card's."""

    qemu: Triple = Triple()
    package: str = "nicrig"


GREETING = {"QMP": {"version": Version(), "capabilities": []}}
