# SPDX-License-Identifier: GPL-2.0-or-later
"""The card as a PCI function: BAR accesses and guest memory, as the endpoint brings them."""

from __future__ import annotations

import logging

from device import registers
from device.card import Card
from device.frames import Bytes
from device.layout import Bar
from device.recorder import RECORDER_BYTES, Event

log = logging.getLogger("device")


class CardFunction:
    """Turns byte accesses into register accesses, and a client's ranges into guest memory."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def bars(self) -> list[Bar]:
        """The base address registers, with the files behind those that a guest may map."""
        return [
            Bar(registers.BAR_CONTROL, registers.BAR_BYTES),
            Bar(registers.BAR_MSIX, registers.BAR_BYTES),
            Bar(registers.BAR_DOORBELL, registers.BAR_BYTES, self._card.page.fd),
            Bar(registers.BAR_RECORDER, RECORDER_BYTES, self._card.recorder.fd),
        ]

    def read(self, bar: int, offset: int, size: int) -> bytes:
        if bar == registers.BAR_CONTROL:
            return self._card.control.read(offset, size).to_bytes(max(size, 4), "little")[:size]
        if (mapped := self._mapped(bar)) is not None:
            return bytes(mapped[offset : offset + size]).ljust(size, b"\0")
        return bytes(size)  # QEMU keeps the MSI-X table itself

    def write(self, bar: int, offset: int, data: bytes) -> None:
        if bar == registers.BAR_CONTROL:
            value = int.from_bytes(data, "little")
            self._card.trace.add(Event.REGISTER, bar, offset, value)
            self._card.control.write(offset, len(data), value)
        elif (mapped := self._mapped(bar)) is not None:
            data = data[: max(0, len(mapped) - offset)]
            mapped[offset : offset + len(data)] = data

    def _mapped(self, bar: int) -> memoryview | None:
        """The bytes behind a mapped BAR, for a client that does not map it."""
        if bar == registers.BAR_DOORBELL:
            return self._card.page.bytes()
        return self._card.recorder.bytes() if bar == registers.BAR_RECORDER else None

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
