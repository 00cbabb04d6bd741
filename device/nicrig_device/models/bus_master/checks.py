# SPDX-License-Identifier: GPL-2.0-or-later
"""What the card checks in a descriptor before it acts on it (docs/datasheet.md sections 5 and 9)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.memory import GuestMemory, RegionSpans
from nicrig_device.ledger.ledger import NO_POSITIONS, Ledger, Positions
from nicrig_device.models.queue import Ring
from nicrig_device.models.status_words import Codes
from nicrig_device.spec.descriptors import Descriptors, Refusal
from nicrig_device.spec.registers import BUFFER_MAX


def check_buffers(
    memory: GuestMemory, ledger: Ledger, ring: Ring, descriptors: Descriptors
) -> tuple[list[RegionSpans], Codes, Positions]:
    """Find the buffers of a ring's next descriptors, and refuse those that the card must not touch.

    Returns where they lie in guest memory, without refused ones; their codes; and their positions in the ledger, empty
    while it judges nothing.
    """
    length = descriptors["length"]
    sized = (length - np.uint32(1)) < BUFFER_MAX  # length 0 wraps to the largest
    spans, inside = memory.locate(descriptors["address"], length)
    codes = np.zeros(len(descriptors), np.uint16)
    refused = not inside.all() or not sized.all()
    if refused:
        codes[~inside] = Refusal.ADDRESS
        codes[~sized] = Refusal.LENGTH
    positions = NO_POSITIONS
    ledger.update()
    if ledger.judging:
        positions = ledger.positions(descriptors["address"])
        refused |= ledger.judge(
            descriptors["address"], length, positions, codes, transmit=ring.transmit, index=ring.head
        )
    if refused:
        spans = _only(spans, codes == 0)
    return spans, codes, positions


def _only(spans: list[RegionSpans], good: npt.NDArray[np.bool_]) -> list[RegionSpans]:
    """The spans without those of refused descriptors."""
    cut = []
    for span in spans:
        chosen = np.ones(len(good), bool) if isinstance(span.chosen, slice) else span.chosen
        cut.append(RegionSpans(span.region, chosen & good, span.offset[good[chosen]]))
    return cut


def refuse_all(ring: Ring, descriptors: Descriptors, codes: Codes) -> None:
    """Count and report the refused descriptors, one log line for each code."""
    for code in np.unique(codes[codes != 0]):
        which = np.flatnonzero(codes == code)
        first = int(which[0])
        bad = descriptors[first]
        text = (
            f"{'transmit' if ring.transmit else 'receive'} descriptor at {bad['address']:#x} of {bad['length']} bytes"
        )
        ring.refuse(Refusal(code), text, ring.head + first, len(which))
