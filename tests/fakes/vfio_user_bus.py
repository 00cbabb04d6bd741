# SPDX-License-Identifier: GPL-2.0-or-later
"""A Bus over the vfio-user protocol: attaches to a card process as QEMU does."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nicrig_device.spec.registers import BAR_CONTROL, BAR_DOORBELL, BAR_RECORDER
from tests.fakes.bus import WAIT_SECONDS, Bus
from tests.fakes.guest_memory import GuestMemory, MemoryRange
from tests.fakes.vfio_user import VfioUserClient, VfioUserError
from tests.fakes.vfio_user_messages import CONFIG_REGION, DmaFlag, IrqIndex

POLL_SECONDS = 0.001
COMMAND_OFFSET, COMMAND_MEMORY_AND_MASTER = 0x04, 0x0006
CAPABILITY_POINTER = 0x34
CAPABILITY_IDS = {IrqIndex.MSI: 0x05, IrqIndex.MSIX: 0x11}
MESSAGE_ENABLE = {IrqIndex.MSI: 0x0001, IrqIndex.MSIX: 0x8000}
"""The enable bit in the 16-bit control word at offset 2 of the capability."""


class VfioUserBus:
    """A connected, negotiated card with BAR2 mapped and all message interrupts of its kind connected."""

    def __init__(self, path: Path | str) -> None:
        self.client = VfioUserClient.connect(path)
        self.memory = GuestMemory(self._attach, self._detach)
        self._eventfds: list[int] = []
        self.doorbells = np.zeros(0, np.uint32)
        try:
            self.server = self.client.negotiate()
            self.kind = self._interrupt_kind()
            self.doorbells = self.client.map_region(BAR_DOORBELL).view(np.uint32)
            self._enable_bus_master()
            self.vector_count = self._connect_interrupts()
        except BaseException:
            self.close()
            raise

    # -- attaching --------------------------------------------------------------------------------------

    def _interrupt_kind(self) -> IrqIndex:
        """The kind of message interrupts that the card offers: one of the two."""
        kinds = [kind for kind in (IrqIndex.MSIX, IrqIndex.MSI) if self.client.irq_count(kind)]
        if len(kinds) != 1:
            raise ValueError(f"the card must offer MSI-X or MSI, it offers {[kind.name for kind in kinds]}")
        return kinds[0]

    def _enable_bus_master(self) -> None:
        self.client.write_region(CONFIG_REGION, COMMAND_OFFSET, COMMAND_MEMORY_AND_MASTER.to_bytes(2, "little"))

    def _connect_interrupts(self) -> int:
        """Set the capability's enable bit and hand over an eventfd a vector; how many vectors."""
        count = self.client.irq_count(self.kind)
        self._eventfds = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(count)]
        control = self.find_capability(CAPABILITY_IDS[self.kind]) + 2
        word = int.from_bytes(self.client.read_region(CONFIG_REGION, control, 2), "little")
        with contextlib.suppress(VfioUserError):  # QEMU goes on too when the device refuses this write
            enabled = (word | MESSAGE_ENABLE[self.kind]).to_bytes(2, "little")
            self.client.write_region(CONFIG_REGION, control, enabled)
        self.client.set_irqs(self.kind, self._eventfds)
        return count

    def find_capability(self, identity: int) -> int:
        """Offset of a PCI capability in configuration space; LookupError when the card has none of it."""
        config = self.client.read_region(CONFIG_REGION, 0, 256)
        offset, seen = config[CAPABILITY_POINTER], set[int]()
        while offset and offset not in seen:
            if config[offset] == identity:
                return offset
            seen.add(offset)
            offset = config[offset + 1]
        raise LookupError(f"the card has no capability {identity:#x}; its list is at {sorted(seen)}")

    # -- the seam ---------------------------------------------------------------------------------------

    def read_control(self, offset: int) -> int:
        return int.from_bytes(self.client.read_region(BAR_CONTROL, offset, 4), "little")

    def write_control(self, offset: int, value: int) -> None:
        self.client.write_region(BAR_CONTROL, offset, value.to_bytes(4, "little"))

    def access(self, bar: int, offset: int, size: int, data: bytes | None = None) -> bytes:
        if data is None:
            return self.client.read_region(bar, offset, size)
        self.client.write_region(bar, offset, data)
        return b""

    def recorder(self) -> memoryview:
        return self.client.map_region(BAR_RECORDER).data

    def take_interrupts(self, vector: int) -> int:
        try:
            return os.eventfd_read(self._eventfds[vector])
        except BlockingIOError:
            return 0

    def reset(self) -> None:
        self.client.reset()

    def disconnect(self) -> None:
        self.client.close()

    def close(self) -> None:
        self.client.close()
        self.memory.close()
        self.doorbells = np.zeros(0, np.uint32)  # lets go of the mapping, which holds a descriptor
        for fd in self._eventfds:
            os.close(fd)
        self._eventfds.clear()

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            if self.client.hung_up(POLL_SECONDS):
                raise ConnectionResetError(f"{what}: the card closed the connection first")

    def _attach(self, mapped: MemoryRange) -> None:
        flags = DmaFlag.READ | (DmaFlag.WRITE if mapped.writable else 0)
        self.client.map_dma(mapped.address, mapped.bytes.size, (mapped.fd, mapped.offset), flags)

    def _detach(self, mapped: MemoryRange) -> None:
        self.client.unmap_dma(mapped.address, mapped.bytes.size)


def _is_a_bus(bus: VfioUserBus) -> Bus:
    """Checked by mypy only: the class keeps the seam's contract."""
    return bus
