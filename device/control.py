# SPDX-License-Identifier: GPL-2.0-or-later
"""BAR0 decoded (docs/datasheet.md sections 2 and 3): which register an access means and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from device import registers
from device.counters import COUNTER_BASE, COUNTERS, Counters
from device.descriptors import Refusal
from device.interrupt import Interrupts, Moderation
from device.layout import Access, Block, Register
from device.queue import Ring
from device.refusals import Refusals

WORD = 4
MASK_32 = (1 << 32) - 1


class Switches(Protocol):
    """What the registers switch in the card."""

    mac: bytes
    link_up: bool
    receiving: bool

    def reset(self) -> None: ...

    def wake(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Handler:
    """How one register is read and written; None where the datasheet allows neither."""

    register: Register
    read: Callable[[], int] | None
    write: Callable[[int], None] | None


def _nothing() -> int:
    return 0


class ControlRegisters:
    """Answers aligned 32-bit accesses; refuses every other."""

    def __init__(
        self,
        card: Switches,
        rings: tuple[Ring, Ring],
        interrupts: Interrupts,
        moderation: Moderation,
        counters: Counters,
        refusals: Refusals,
        vectors: int,
    ) -> None:
        self._card = card
        self._interrupts = interrupts
        self._moderation = moderation
        self._counters = counters
        self._refusals = refusals
        self._vectors = vectors
        self._latched_high = 0
        self._handlers: dict[int, Handler] = {}
        self._add_card()
        self._add_ring(registers.RX_BLOCK, rings[0])
        self._add_ring(registers.TX_BLOCK, rings[1])

    def read(self, offset: int, size: int) -> int:
        """The value of an access; a refused one gives 0."""
        if size == WORD and COUNTER_BASE <= offset < COUNTER_BASE + 8 * len(COUNTERS) and offset % WORD == 0:
            return self._read_counter(offset - COUNTER_BASE)
        handler = self._handlers.get(offset) if size == WORD else None
        if handler is None or handler.read is None:
            self._refuse("read", offset, size)
            return 0
        return handler.read()

    def write(self, offset: int, size: int, value: int) -> None:
        """Act on a write; a refused one does nothing."""
        handler = self._handlers.get(offset) if size == WORD else None
        if handler is None or handler.write is None:
            self._refuse("write", offset, size)
            return
        handler.write(value & handler.register.mask)

    def _refuse(self, what: str, offset: int, size: int) -> None:
        self._refusals.refuse(Refusal.ACCESS, f"{what} of {size} bytes at BAR0+{offset:#x}", index=offset)

    def _read_counter(self, offset: int) -> int:
        if offset % 8:
            return self._latched_high
        value = list(self._counters)[offset // 8]
        self._latched_high = value >> 32 & MASK_32
        return value & MASK_32

    def _add(
        self,
        block: Block,
        register: Register,
        read: Callable[[], int] | None,
        write: Callable[[int], None] | None = None,
    ) -> None:
        allowed = register.access in (Access.READ_WRITE, Access.WRITE)
        if (write is not None) != allowed:
            raise ValueError(f"register {register.name} is {register.access.value}, its handler is not")
        self._handlers[block.address(register)] = Handler(register, read, write)

    def _add_card(self) -> None:
        card, block = self._card, registers.CARD_BLOCK
        capability = registers.CAPABILITY.pack(VECTORS=self._vectors)
        for register in (registers.IDENTITY, registers.VERSION, registers.LIMIT):
            self._add(block, register, lambda register=register: register.reset)  # type: ignore[misc]
        self._add(block, registers.CAPABILITY, lambda: capability)
        self._add(block, registers.MAC_LOW, lambda: int.from_bytes(card.mac[:4], "little"))
        self._add(block, registers.MAC_HIGH, lambda: int.from_bytes(card.mac[4:], "little"))
        self._add(block, registers.CONTROL, self._read_control, self._write_control)
        self._add(block, registers.STATUS, self._read_status)
        self._add(block, registers.KICK, None, self._kick)
        self._add(block, registers.FAULT, lambda: self._refusals.fault, lambda _: self._refusals.clear())
        self._add(block, registers.MODERATION, lambda: self._moderation.word, self._moderation.set)

    def _add_ring(self, block: Block, ring: Ring) -> None:
        def write_base_low(value: int) -> None:
            if self._may_shape(ring):
                ring.base = ring.base >> 32 << 32 | value

        def write_base_high(value: int) -> None:
            if self._may_shape(ring):
                ring.base = value << 32 | ring.base & MASK_32

        def write_size(value: int) -> None:
            if self._may_shape(ring):
                ring.size = value

        def write_control(value: int) -> None:
            if value and not ring.enabled:
                ring.enable()
                self._interrupts.forget(ring.words.arm)
            elif not value:
                ring.disable()

        self._add(block, registers.RING_BASE_LOW, lambda: ring.base & MASK_32, write_base_low)
        self._add(block, registers.RING_BASE_HIGH, lambda: ring.base >> 32, write_base_high)
        self._add(block, registers.RING_SIZE, lambda: ring.size, write_size)
        self._add(block, registers.RING_CONTROL, lambda: int(ring.enabled), write_control)

    def _may_shape(self, ring: Ring) -> bool:
        if ring.enabled:
            ring.refuse(Refusal.ACCESS, "base or size written while the ring is enabled")
        return not ring.enabled

    def _read_control(self) -> int:
        return registers.CONTROL.pack(INTERRUPT=int(self._interrupts.unmasked), RECEIVE=int(self._card.receiving))

    def _write_control(self, value: int) -> None:
        if registers.CONTROL.field("RESET").of(value):
            self._card.reset()
            return
        self._interrupts.unmasked = bool(registers.CONTROL.field("INTERRUPT").of(value))
        self._card.receiving = bool(registers.CONTROL.field("RECEIVE").of(value))

    def _read_status(self) -> int:
        return registers.STATUS.pack(LINK=int(self._card.link_up), FAULT=int(bool(self._refusals.fault)))

    def _kick(self, _: int) -> None:
        self._counters.add("kicks")
        self._card.wake()
