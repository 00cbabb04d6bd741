# SPDX-License-Identifier: GPL-2.0-or-later
"""A transfer of the subordinate kind, as the guest asks for it (docs/datasheet.md section 15)."""

from __future__ import annotations

from dataclasses import dataclass

from nicrig_device.spec.registers import START

INDEX, TRANSMIT = START.field("INDEX").mask, START.field("TRANSMIT").mask


@dataclass(frozen=True, slots=True)
class Transfer:
    """The card's own copy of START and of the channel's words, each word read once."""

    start: int
    address: int
    length: int
    control: int

    @property
    def index(self) -> int:
        return self.start & INDEX

    @property
    def transmit(self) -> bool:
        return bool(self.start & TRANSMIT)
