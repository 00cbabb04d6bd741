# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's version, as the monitor's greeting and `query-version` give it."""

from __future__ import annotations

import re
from importlib.metadata import version

import msgspec


class Triple(msgspec.Struct, frozen=True):
    """A version number."""

    major: int
    minor: int
    micro: int


class Version(msgspec.Struct):
    """QMP calls the version `qemu` for every server; here it is the card's."""

    qemu: Triple = Triple(*map(int, re.findall(r"\d+", version("nicrig"))[:3]))
    package: str = "nicrig"


GREETING = {"QMP": {"version": Version(), "capabilities": []}}
