# SPDX-License-Identifier: GPL-2.0-or-later
"""The card as a PCI function: BAR accesses and guest memory, as the endpoint brings them."""

from __future__ import annotations

import logging

from device import registers
from device.card import Card
from device.frames import Bytes

log = logging.getLogger("device")


class CardFunction:
    """Turns byte accesses into register accesses, and a client's ranges into guest memory."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def read(self, bar: int, offset: int, size: int) -> bytes:
        if bar == registers.BAR_CONTROL:
            return self._card.control.read(offset, size).to_bytes(max(size, 4), "little")[:size]
        if bar == registers.BAR_DOORBELL:
            return bytes(self._card.page.bytes()[offset : offset + size]).ljust(size, b"\0")
        return bytes(size)  # QEMU keeps the MSI-X table itself

    def write(self, bar: int, offset: int, data: bytes) -> None:
        if bar == registers.BAR_CONTROL:
            self._card.control.write(offset, len(data), int.from_bytes(data, "little"))
        elif bar == registers.BAR_DOORBELL:
            page = self._card.page.bytes()
            data = data[: max(0, len(page) - offset)]
            page[offset : offset + len(data)] = data

    def reset(self) -> None:
        self._card.reset()

    def map_memory(self, start: int, data: Bytes) -> None:
        try:
            self._card.memory.add(start, data)
        except ValueError as error:
            log.warning("client's memory not taken: %s", error)

    def unmap_memory(self, start: int) -> None:
        self._card.memory.remove(start)

    def forget_memory(self) -> None:
        self._card.memory.clear()
