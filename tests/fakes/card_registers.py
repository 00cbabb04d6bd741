# SPDX-License-Identifier: GPL-2.0-or-later
"""BAR0 and the card-wide words of BAR2 as a driver sees them, with what docs/datasheet.md promises of them."""

from __future__ import annotations

import itertools

import numpy as np

from nicrig_device.models.base import CardModel
from nicrig_device.spec import registers
from nicrig_device.spec.counters import COUNTER_BASE, COUNTERS
from nicrig_device.spec.layout import Register, RegisterBlock
from nicrig_device.spec.registers import BAR_BYTES, CARD_BLOCK, EVENT_BLOCK, RX_BLOCK, TX_BLOCK
from tests.fakes.bus import Bus, Control
from tests.fakes.rules import expect

KEPT_WORDS = (registers.LINK, registers.SLEEPING)
"""Words of BAR2 that a reset does not zero."""


def event_word(register: Register) -> int:
    """Index into BAR2's words of a card-wide one."""
    return EVENT_BLOCK.address(register) // 4


class CardRegisters:
    """Registers by declaration, those of queue pair `pair` where there is one a pair; reached by `by`, or the bus."""

    def __init__(self, bus: Bus, kind: type[CardModel], pair: int = 0, by: Control | None = None) -> None:
        self._bus = bus
        self._by = by or bus
        self._kind = kind
        self._pair = pair
        self._control = 0

    def read(self, register: Register, block: RegisterBlock = CARD_BLOCK) -> int:
        return self._by.read_control(block.address(register, self._pair if block.count > 1 else 0))

    def write(self, register: Register, value: int, block: RegisterBlock = CARD_BLOCK) -> None:
        self._by.write_control(block.address(register, self._pair if block.count > 1 else 0), value)

    def write_through(self, register: Register, value: int) -> None:
        """Write a register that must read back what was written."""
        self.write(register, value)
        expect(self.read(register) == value, 2, f"{register.name} does not read back {value:#x}")

    def check_identity(self) -> None:
        """Sections 1, 2 and 10: this is a nicrig card of a version that this driver supports."""
        identity, version = self.read(registers.IDENTITY), self.read(registers.VERSION)
        expect(identity == registers.MAGIC, 2, f"IDENTITY is {identity:#x}, not {registers.MAGIC:#x}")
        major = registers.VERSION.field("MAJOR").of(version)
        expect(major == registers.VERSION_MAJOR, 10, f"MAJOR is {major}, this driver needs {registers.VERSION_MAJOR}")
        capability, limit = self.read(registers.CAPABILITY), self.read(registers.LIMIT)
        queues = registers.CAPABILITY.field("QUEUES").of(capability)
        expect(queues == self._kind.queues, 2, f"the card has {queues} queue pairs, its kind {self._kind.queues}")
        ring_max = registers.CAPABILITY.field("RING_MAX").of(capability)
        expect(ring_max == self._kind.ring_max, 2, f"RING_MAX is {ring_max}, for this kind {self._kind.ring_max}")
        vectors = registers.CAPABILITY.field("VECTORS").of(capability)
        expect(vectors == self._bus.vector_count, 2, f"VECTORS is {vectors}, the bus has {self._bus.vector_count}")
        expect(limit == registers.LIMIT.reset, 2, f"LIMIT is {limit:#x}, not {registers.LIMIT.reset:#x}")
        expect(bool(registers.STATUS.field("READY").of(self.read(registers.STATUS))), 2, "STATUS.READY is 0")

    def check_after_reset(self) -> None:
        """Section 8: what every reset leaves of registers and BAR2."""
        self._control = 0
        for register in (registers.CONTROL, registers.FAULT, registers.MODERATION):
            expect(self.read(register) == register.reset, 8, f"{register.name} is not at its reset value")
        ring_blocks = (RX_BLOCK, TX_BLOCK) if self._kind.queues else ()
        for block, register in itertools.product(ring_blocks, registers.RING_REGISTERS):
            expect(self.read(register, block) == 0, 8, f"{block.name} {register.name} is not 0 after a reset")
        fault = registers.STATUS.field("FAULT").of(self.read(registers.STATUS))
        expect(not fault, 8, "STATUS.FAULT is set after a reset")
        words = self._bus.doorbells[: BAR_BYTES // 4].copy()
        words[[event_word(register) for register in KEPT_WORDS]] = 0
        expect(not words.any(), 8, f"BAR2 is not zero after a reset, at {np.flatnonzero(words) * 4}")

    def set_control(self, **fields: int) -> None:
        """Change these fields of CONTROL and leave the others."""
        now = {field.name: field.of(self._control) for field in registers.CONTROL.fields}
        self._control = registers.CONTROL.pack(**{**now, **fields})
        self.write_through(registers.CONTROL, self._control)

    def counters(self) -> dict[str, int]:
        """Section 11: all counters. Each low word is read first, which holds its high word still."""
        values = {}
        for number, name in enumerate(COUNTERS):
            offset = COUNTER_BASE + 8 * number
            low = self._by.read_control(offset)
            values[name] = low | self._by.read_control(offset + 4) << 32
        return values

    def fault(self) -> dict[str, int]:
        """FAULT's fields; CODE 0 for none."""
        word = self.read(registers.FAULT)
        return {field.name: field.of(word) for field in registers.FAULT.fields}

    def clear_fault(self) -> None:
        self.write(registers.FAULT, 0)
        expect(self.read(registers.FAULT) == 0, 2, "a write to FAULT did not clear it")

    @property
    def mac(self) -> bytes:
        low, high = self.read(registers.MAC_LOW), self.read(registers.MAC_HIGH)
        return low.to_bytes(4, "little") + high.to_bytes(4, "little")[:2]

    @property
    def link_up(self) -> bool:
        """Section 4's LINK, which STATUS.LINK has too."""
        return bool(self._bus.doorbells[event_word(registers.LINK)])

    @property
    def events(self) -> int:
        """Section 4's EVENT."""
        return int(self._bus.doorbells[event_word(registers.EVENT)])
