# SPDX-License-Identifier: GPL-2.0-or-later
"""A reference driver of the non-DMA kind: all control through the I/O ports; asserts docs/datasheet.md section 16."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nicrig_device.models.non_dma.non_dma import NonDma
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import STATUS_CODE_SHIFT, Refusal, Status
from nicrig_device.spec.layout import Register, RegisterBlock
from nicrig_device.spec.registers import (
    BAR_PORTS,
    FRAME_MAX,
    FRAME_MIN,
    PORT_BLOCK,
    RX_SLOT_BLOCK,
    SLOT_FRAME,
    SLOTS,
    TX_SLOT_BLOCK,
)
from tests.fakes.bus import WAIT_SECONDS, Bus
from tests.fakes.card_driver import CardDriver, queue_arm
from tests.fakes.driver import RX_WORDS, TX_WORDS
from tests.fakes.driver_ring import INDEX_MASK, RingFullError, RingWords, distance, ring_doorbell
from tests.fakes.rules import expect


class PortControl:
    """BAR0's registers by the two I/O ports."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def port(self, register: Register, value: int | None = None) -> int:
        """Read a port, or write it."""
        data = None if value is None else value.to_bytes(4, "little")
        return int.from_bytes(self._bus.access(BAR_PORTS, PORT_BLOCK.address(register), 4, data), "little")

    def read_control(self, offset: int) -> int:
        self.port(registers.PORT_INDEX, offset)
        return self.port(registers.PORT_DATA)

    def write_control(self, offset: int, value: int) -> None:
        self.port(registers.PORT_INDEX, offset)
        self.port(registers.PORT_DATA, value)


class Slots:
    """One direction's slots, as the driver maps them."""

    def __init__(self, bus: Bus, block: RegisterBlock) -> None:
        everything = bus.doorbells.view(np.uint8)
        self.bytes = everything[block.base : block.base + block.count * block.stride].reshape(block.count, -1)
        self.words = self.bytes.view(np.uint32)

    def frame(self, index: int, length: int) -> npt.NDArray[np.uint8]:
        return self.bytes[index % SLOTS, SLOT_FRAME : SLOT_FRAME + length]


class NonDmaDriver(CardDriver):
    """`refusals` collects the lengths of frames that were not sent: an honest test finds it empty."""

    def __init__(self, bus: Bus) -> None:
        self.ports = PortControl(bus)
        super().__init__(bus, NonDma, queue_arm(RX_WORDS), queue_arm(TX_WORDS), by=self.ports)
        self._rx_words, self._tx_words = RingWords.of(RX_WORDS, 0), RingWords.of(TX_WORDS, 0)
        self.rx_slots, self.tx_slots = Slots(bus, RX_SLOT_BLOCK), Slots(bus, TX_SLOT_BLOCK)
        self.refusals: list[int] = []
        self.rx_head = self.rx_tail = self.tx_head = self.tx_tail = 0
        self.kicks = 0

    # -- start and stop -----------------------------------------------------------------------------------

    def start(self) -> None:
        self.card.check_identity()
        self.reset()
        self.rx_head = self.rx_tail = self.tx_head = self.tx_tail = 0
        self.refusals.clear()
        self._running = True
        self.set_interrupts(enabled=True)
        self.set_receiver(enabled=True)

    def prepare(self) -> None:
        """Give the card every receive slot that it has not."""
        self.give(SLOTS - distance(self.rx_tail, self.rx_head))

    def give(self, count: int) -> None:
        """Give the card so many more receive slots; section 6: no kick."""
        self.rx_tail = (self.rx_tail + count) & INDEX_MASK
        self.bus.doorbells[self._rx_words.tail] = self.rx_tail

    def stop(self) -> None:
        if not self._running:
            return
        self.card.set_control(INTERRUPT=0, RECEIVE=0)
        self.reset()
        damage = self.bus.memory.damage()
        expect(damage is None, 16, f"the card wrote to guest memory, at {damage or 0:#x}")
        self._running = False

    # -- receive ------------------------------------------------------------------------------------------

    def completed(self) -> int:
        """Filled slots that the driver has not taken."""
        count = distance(int(self.bus.doorbells[self._rx_words.head]), self.rx_head)
        given = distance(self.rx_tail, self.rx_head)
        expect(count <= given, 16, f"RX_HEAD is {count} past the driver's head, {given} slots were given")
        return count

    def receive(self, *, give: bool = True) -> list[bytes]:
        """The frames that are there; their slots go back to the card."""
        frames = []
        count = self.completed()
        for index in range(self.rx_head, self.rx_head + count):
            length = int(self.rx_slots.words[index % SLOTS, 0])
            expect(FRAME_MIN <= length <= FRAME_MAX, 2, f"a frame of {length} bytes in slot {index % SLOTS}")
            frames.append(self.rx_slots.frame(index, length).tobytes())
        self.rx_head = (self.rx_head + count) & INDEX_MASK
        if give:
            self.give(count)
        return frames

    def receive_exactly(self, count: int, seconds: float = WAIT_SECONDS) -> list[bytes]:
        frames: list[bytes] = []
        while len(frames) < count:
            self.bus.wait(lambda: self.completed() > 0, f"{count} frames ({len(frames)} came)", seconds)
            frames += self.receive()
        expect(len(frames) == count, 16, f"{count} frames were to come, {len(frames)} came")
        return frames

    # -- transmit -----------------------------------------------------------------------------------------

    @property
    def posted(self) -> int:
        return distance(self.tx_tail, self.tx_head)

    def send(self, frames: Sequence[bytes]) -> None:
        if len(frames) > SLOTS - self.posted:
            raise RingFullError(f"{SLOTS - self.posted} transmit slots are free, {len(frames)} are needed")
        for number, frame in enumerate(frames):
            self.write_slot(self.tx_tail + number, frame, len(frame))
        self.ring(self.tx_tail + len(frames))

    def write_slot(self, index: int, frame: bytes, length: int) -> None:
        """Any length over any bytes; the status is made one that the card never writes."""
        self.tx_slots.frame(index, len(frame))[:] = np.frombuffer(frame, np.uint8)
        self.tx_slots.words[index % SLOTS, :2] = (length, 0xFFFFFFFF)

    def ring(self, tail: int) -> None:
        """The transmit doorbell; kicks if need be."""
        self.tx_tail = tail & INDEX_MASK
        self.kicks += ring_doorbell(self.bus, self._tx_words.tail, self.tx_tail, self.ports)

    def reap(self) -> int:
        """Take back the slots that are done; how many frames were sent."""
        count = distance(int(self.bus.doorbells[self._tx_words.head]), self.tx_head)
        expect(count <= self.posted, 16, f"TX_HEAD is {count} past the driver's head, {self.posted} were posted")
        sent = sum(self._check_sent(index) for index in range(self.tx_head, self.tx_head + count))
        self.tx_head = (self.tx_head + count) & INDEX_MASK
        return sent

    def _check_sent(self, index: int) -> bool:
        length, status = map(int, self.tx_slots.words[index % SLOTS, :2])
        if status == Status.DONE:
            return True
        refused = Status.DONE | Status.ERROR | Refusal.LENGTH << STATUS_CODE_SHIFT
        expect(status == refused, 16, f"transmit slot {index % SLOTS} has status {status:#x}")
        self.refusals.append(length)
        return False

    def reap_all(self, seconds: float = WAIT_SECONDS) -> int:
        """Wait until the card has given every slot back; how many frames were sent."""
        head = self._tx_words.head
        self.bus.wait(lambda: int(self.bus.doorbells[head]) == self.tx_tail, "transmit slots to come back", seconds)
        return self.reap()

    def send_and_reap(self, frames: Sequence[bytes]) -> None:
        for first in range(0, len(frames), SLOTS):
            batch = frames[first : first + SLOTS]
            self.send(batch)
            sent = self.reap_all()
            expect(sent == len(batch), 16, f"{len(batch)} frames were to be sent, {sent} were")

    # -- interrupts ---------------------------------------------------------------------------------------

    def arm_receive(self) -> bool:
        self._interrupts.arm(self._rx_arm, self.rx_head)
        return self.completed() > 0

    def arm_transmit(self) -> bool:
        self._interrupts.arm(self._tx_arm, self.tx_head)
        return int(self.bus.doorbells[self._tx_words.head]) != self.tx_head
