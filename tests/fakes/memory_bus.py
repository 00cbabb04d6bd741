# SPDX-License-Identifier: GPL-2.0-or-later
"""A Bus without processes: the card's core stepped in the caller's own thread, and its wire as two lists."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from nicrig_device.card import Card
from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.models.base import CardModel
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.pci_function import CardFunction
from nicrig_device.spec import registers
from nicrig_device.wire.framing import split
from tests.fakes.bus import WAIT_SECONDS, Bus
from tests.fakes.guest_memory import GuestMemory, MemoryRange

MAC = bytes.fromhex("5254006e6963")


class MemoryWire:
    """What the transmit path sees of a wire whose other end is `sent`."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def full(self) -> bool:
        return False

    def refusal(self) -> str | None:
        return None

    def send(self, framed: Bytes, frames: int) -> None:
        self.sent += split(framed)[0].tolist()


class MemoryPeer:
    """The far end of the wire, with WirePeer's calls."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus

    def send(self, frames: Iterable[bytes]) -> None:
        self._bus.card.receive(Frames.of(frames))
        self._bus.step()

    def receive(self, count: int, seconds: float = WAIT_SECONDS) -> list[bytes]:
        sent = self._bus.sent
        self._bus.wait(lambda: len(sent) >= count, f"{count} frames on the wire", seconds)
        taken = sent[:count]
        del sent[:count]
        return taken

    def close(self) -> None:
        """Nothing to let go."""


class MemoryBus:
    """The card's core in its slot. Each access lets the card work, as a polling card would."""

    def __init__(self, vectors: int = registers.VECTORS, kind: type[CardModel] = BusMaster) -> None:
        self._wire = MemoryWire()
        self.card = Card(kind, MAC, vectors, self._wire, self._take_message)
        self.vector_count = vectors
        self._function = CardFunction(self.card)
        self._messages: Counter[int] = Counter()
        self.memory = GuestMemory(self._attach, self._detach)
        self.doorbells = np.frombuffer(self.card.page.bytes(), np.uint32)
        self.peer = MemoryPeer(self)

    @property
    def sent(self) -> list[bytes]:
        return self._wire.sent

    def step(self) -> None:
        """One turn of the card's loop."""
        self.card.transmit()
        self.card.interrupt(time.monotonic())

    def read_control(self, offset: int) -> int:
        return int.from_bytes(self.access(registers.BAR_CONTROL, offset, 4), "little")

    def write_control(self, offset: int, value: int) -> None:
        self.access(registers.BAR_CONTROL, offset, 4, value.to_bytes(4, "little"))

    def access(self, bar: int, offset: int, size: int, data: bytes | None = None) -> bytes:
        if data is None:
            return self._function.read(bar, offset, size)
        self._function.write(bar, offset, data)
        self.step()
        return b""

    def recorder(self) -> memoryview:
        return self.card.recorder.bytes()

    def take_interrupts(self, vector: int) -> int:
        return self._messages.pop(vector, 0)

    def _take_message(self, vector: int) -> bool:
        self._messages[vector] += 1
        return True

    def reset(self) -> None:
        self._function.reset()

    def disconnect(self) -> None:
        self._function.reset()
        self._function.forget_memory()

    def close(self) -> None:
        self.card.close()
        self.memory.close()

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        self.step()
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            self.step()

    def _attach(self, mapped: MemoryRange) -> None:
        if mapped.writable:
            self._function.map_memory(mapped.address, mapped.bytes)

    def _detach(self, mapped: MemoryRange) -> None:
        self._function.unmap_memory(mapped.address)


def _is_a_bus(bus: MemoryBus) -> Bus:
    """Checked by mypy only: the class keeps the seam's contract."""
    return bus
