# SPDX-License-Identifier: GPL-2.0-or-later
"""The kinds of card, by the name that `--kind` takes."""

from __future__ import annotations

from nicrig_device.models.base import CardModel
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.models.non_dma.non_dma import NonDma
from nicrig_device.models.subordinate.subordinate import Subordinate

KINDS: dict[str, type[CardModel]] = {kind.name: kind for kind in (BusMaster, Subordinate, NonDma)}
