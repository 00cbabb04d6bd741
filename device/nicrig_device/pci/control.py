# SPDX-License-Identifier: GPL-2.0-or-later
"""BAR0 (docs/datasheet.md section 2): finds the register of an access and acts on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nicrig_device.hooks import Hooks
from nicrig_device.pci.interrupt import Interrupts, Moderation
from nicrig_device.pci.refusals import Refusals
from nicrig_device.recorder import Trace, TraceEvent
from nicrig_device.spec import registers
from nicrig_device.spec.counters import COUNTER_BASE, COUNTERS, Counters
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.layout import Access, Register, RegisterBlock

WORD = 4
MASK_32, MASK_64 = (1 << 32) - 1, (1 << 64) - 1


class Switches(Protocol):
    """The parts of the card that registers read and switch."""

    mac: bytes
    receiving: bool

    @property
    def link_up(self) -> bool: ...

    def reset(self) -> None: ...

    def wake(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Handler:
    """How one register is read and written; None where the datasheet does not allow it."""

    register: Register
    read: Callable[[], int] | None
    write: Callable[[int], None] | None


class ControlRegisters:
    """Answers aligned 32-bit accesses and refuses all others. A kind adds its own registers to the card's."""

    def __init__(
        self,
        card: Switches,
        interrupts: Interrupts,
        moderation: Moderation,
        counters: Counters,
        refusals: Refusals,
        trace: Trace,
        hooks: Hooks,
        capability: int,
    ) -> None:
        self._card = card
        self._interrupts = interrupts
        self._moderation = moderation
        self._counters = counters
        self._refusals = refusals
        self._trace = trace
        self._hooks = hooks
        self._capability = capability
        self._latched_high = 0
        self.handlers: dict[int, Handler] = {}
        self._add_card()

    def read(self, offset: int, size: int) -> int:
        """The value of an access. A refused one gives 0."""
        value = self._read(offset, size)
        for hook in self._hooks.armed:
            value = hook.register_read(offset, value)
        return value

    def _read(self, offset: int, size: int) -> int:
        if size == WORD and COUNTER_BASE <= offset < COUNTER_BASE + 8 * len(COUNTERS) and offset % WORD == 0:
            return self._read_counter(offset - COUNTER_BASE)
        handler = self.handlers.get(offset) if size == WORD else None
        if handler is None or handler.read is None:
            self._refuse("read", offset, size)
            return 0
        return handler.read()

    def write(self, offset: int, size: int, value: int) -> None:
        """Act on a write. A refused one does nothing."""
        self._trace.add(TraceEvent.REGISTER, registers.BAR_CONTROL, offset, value & MASK_64)
        handler = self.handlers.get(offset) if size == WORD else None
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

    def add(
        self,
        block: RegisterBlock,
        register: Register,
        read: Callable[[], int] | None,
        write: Callable[[int], None] | None = None,
    ) -> None:
        """Enter a register. Raises ValueError when its handlers do not match its declared access."""
        allowed = register.access in (Access.READ_WRITE, Access.WRITE)
        if (write is not None) != allowed:
            raise ValueError(f"register {register.name} is {register.access.value}: its handlers must match")
        self.handlers[block.address(register)] = Handler(register, read, write)

    def _add_card(self) -> None:
        card, block = self._card, registers.CARD_BLOCK
        for register in (registers.IDENTITY, registers.VERSION, registers.LIMIT):
            self.add(block, register, lambda register=register: register.reset)  # type: ignore[misc]
        self.add(block, registers.CAPABILITY, lambda: self._capability)
        self.add(block, registers.MAC_LOW, lambda: int.from_bytes(card.mac[:4], "little"))
        self.add(block, registers.MAC_HIGH, lambda: int.from_bytes(card.mac[4:], "little"))
        self.add(block, registers.CONTROL, self._read_control, self._write_control)
        self.add(block, registers.STATUS, self._read_status)
        self.add(block, registers.KICK, None, self._kick)
        self.add(block, registers.FAULT, lambda: self._refusals.fault, lambda _: self._refusals.clear())
        self.add(block, registers.MODERATION, lambda: self._moderation.word, self._moderation.set)

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
