# SPDX-License-Identifier: GPL-2.0-or-later
"""What the card demands of a descriptor before it acts on it (docs/datasheet.md sections 5 and 9)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.memory import GuestMemory, RegionSpans
from nicrig_device.ledger.ledger import Ledger
from nicrig_device.models.queue import Ring
from nicrig_device.spec.descriptors import STATUS_CODE_SHIFT, Descriptors, Refusal, Status
from nicrig_device.spec.registers import BUFFER_MAX

Codes = npt.NDArray[np.uint16]
"""A Refusal a descriptor, 0 for none."""


def check_buffers(
    memory: GuestMemory, ledger: Ledger, ring: Ring, descriptors: Descriptors
) -> tuple[list[RegionSpans], Codes]:
    """Where the buffers of a ring's next descriptors lie, and why a descriptor is refused.

    No place holds the buffer of a refused descriptor.
    """
    length = descriptors["length"]
    sized = (length - np.uint32(1)) < BUFFER_MAX  # length 0 wraps to the largest
    places, inside = memory.locate(descriptors["address"], length)
    codes = np.zeros(len(descriptors), np.uint16)
    refused = not inside.all() or not sized.all()
    if refused:
        codes[~inside] = Refusal.ADDRESS
        codes[~sized] = Refusal.LENGTH
    if ledger.sees():
        refused |= ledger.judge(descriptors["address"], length, codes, transmit=ring.transmit, index=ring.head)
    if refused:
        places = _only(places, codes == 0)
    return places, codes


def _only(places: list[RegionSpans], good: npt.NDArray[np.bool_]) -> list[RegionSpans]:
    """The places cut down to the descriptors that are good."""
    cut = []
    for place in places:
        chosen = np.ones(len(good), bool) if isinstance(place.chosen, slice) else place.chosen
        cut.append(RegionSpans(place.region, chosen & good, place.offset[good[chosen]]))
    return cut


STATUS_DONE = int(Status.DONE)


def refused_status(code: Refusal) -> int:
    """The status word of what was refused with this code."""
    return Status.DONE | Status.ERROR | code << STATUS_CODE_SHIFT


def status_of(codes: Codes) -> npt.NDArray[np.uint16]:
    """The status words that give the descriptors back: DONE, with ERROR and the code where refused."""
    refused = np.uint16(Status.DONE | Status.ERROR) | (codes << np.uint16(STATUS_CODE_SHIFT))
    return np.where(codes == 0, np.uint16(Status.DONE), refused)


def refuse_all(ring: Ring, descriptors: Descriptors, codes: Codes) -> None:
    """Count and report the refused descriptors, one line a kind."""
    for code in np.unique(codes[codes != 0]):
        which = np.flatnonzero(codes == code)
        first = int(which[0])
        bad = descriptors[first]
        text = (
            f"{'transmit' if ring.transmit else 'receive'} descriptor at {bad['address']:#x} of {bad['length']} bytes"
        )
        ring.refuse(Refusal(code), text, ring.head + first, len(which))
