# SPDX-License-Identifier: GPL-2.0-or-later
"""The card as a PCI function: takes BAR accesses and guest memory from the endpoint."""

from __future__ import annotations

from nicrig_device.card import Card
from nicrig_device.dma.frames import Bytes
from nicrig_device.log import log
from nicrig_device.pci.control import ControlRegisters
from nicrig_device.pci.ports import Ports
from nicrig_device.recorder import RECORDER_BYTES
from nicrig_device.spec import registers
from nicrig_device.spec.layout import Bar


class CardFunction:
    """Turns byte accesses into register accesses, and a client's ranges into guest memory."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.device_id = card.kind.device_id

    def bars(self) -> list[Bar]:
        """The base address registers, with the files behind those that a guest may map."""
        bars = [
            Bar(registers.BAR_CONTROL, registers.BAR_BYTES),
            Bar(registers.BAR_MSIX, registers.BAR_BYTES),
            Bar(registers.BAR_DOORBELL, self._card.page.size, self._card.page.fd),
            Bar(registers.BAR_RECORDER, RECORDER_BYTES, self._card.recorder.fd),
        ]
        if self._card.kind.has_ports:
            bars.append(Bar(registers.BAR_PORTS, registers.PORTS, ports=True))
        return bars

    def read(self, bar: int, offset: int, size: int) -> bytes:
        if (trapped := self._trapped(bar)) is not None:
            return trapped.read(offset, size).to_bytes(max(size, 4), "little")[:size]
        if (mapped := self._mapped(bar)) is not None:
            return bytes(mapped[offset : offset + size]).ljust(size, b"\0")
        return bytes(size)  # QEMU keeps the MSI-X table itself

    def write(self, bar: int, offset: int, data: bytes) -> None:
        if (trapped := self._trapped(bar)) is not None:
            trapped.write(offset, len(data), int.from_bytes(data, "little"))
        elif (mapped := self._mapped(bar)) is not None:
            data = data[: max(0, len(mapped) - offset)]
            mapped[offset : offset + len(data)] = data

    def _trapped(self, bar: int) -> ControlRegisters | Ports | None:
        """The part that answers accesses to a trapped BAR."""
        if bar == registers.BAR_CONTROL:
            return self._card.control
        return self._card.ports if bar == registers.BAR_PORTS else None

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
            log.warning("ignoring a memory range of the client: %s", error)

    def refuse_memory(self) -> None:
        """The client maps a range that the card does not take."""
        self._card.memory.refused += 1

    def unmap_memory(self, start: int) -> None:
        self._card.memory.remove(start)

    def forget_memory(self) -> None:
        self._card.memory.clear()
