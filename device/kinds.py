# SPDX-License-Identifier: GPL-2.0-or-later
"""The kinds of card there are, by the name that `--kind` takes."""

from __future__ import annotations

from device.bus_master import BusMaster
from device.kind import Kind
from device.non_dma import NonDma
from device.subordinate import Subordinate

KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in (BusMaster, Subordinate, NonDma)}
