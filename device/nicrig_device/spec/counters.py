# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's counters (docs/datasheet.md section 11), declared once: BAR0 from COUNTER_BASE, monitor and ethtool."""

from __future__ import annotations

from collections.abc import Iterator

from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import FINDING_DOC, HAND_OVER_DOC, HandOverFinding, LedgerFinding

COUNTER_BASE = 0x400
"""BAR0 offset of the first; each is 64 bits, low word first. Reading a low word latches its high word."""

COUNTERS = {
    "rx_frames": "Frames given to the driver: written to posted buffers, moved by a transfer, or put into slots.",
    "rx_bytes": "Bytes of those frames.",
    "rx_no_buffer": "Frames dropped: no buffer was posted, or the FIFO or the slots were full.",
    "rx_disabled": "Frames dropped: receiver or ring off, or waiting in the FIFO at a reset.",
    "rx_link_down": "Frames dropped: link down.",
    "rx_too_long": "Frames dropped: longer than FRAME_MAX or than the posted buffer.",
    "rx_refused": "Frames dropped: the next descriptor was refused.",
    "rx_too_short": "Frames dropped: shorter than FRAME_MIN.",
    "tx_frames": "Frames taken from the driver and handed to the wire.",
    "tx_bytes": "Bytes of those frames.",
    "tx_no_peer": "Frames dropped: no peer on the wire.",
    "tx_stalled": "Frames dropped: no peer on the wire has read for a second.",
    "tx_link_down": "Frames dropped: link down.",
    "interrupts": "Vectors fired.",
    "kicks": "Writes to KICK.",
    "resets": "Resets of any kind.",
    **{f"refused_{refusal.name.lower()}": f"Refusals with code {refusal.value}." for refusal in Refusal},
    **{finding.counter: f"The ledger: {FINDING_DOC[finding]}" for finding in LedgerFinding},
    "behaviour_dropped": "Frames dropped: the behaviour failed, or the wire had no room for its frames.",
    **{finding.counter: f"An unkind card: {HAND_OVER_DOC[finding]}" for finding in HandOverFinding},
}

COUNTER_INDEX = {name: index for index, name in enumerate(COUNTERS)}


class Counters:
    """Plain integers by name. No reset clears them."""

    def __init__(self) -> None:
        self._values = dict.fromkeys(COUNTERS, 0)

    def add(self, name: str, amount: int = 1) -> None:
        self._values[name] += amount

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def snapshot(self) -> dict[str, int]:
        return dict(self._values)

    def __iter__(self) -> Iterator[int]:
        return iter(self._values.values())
