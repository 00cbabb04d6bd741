# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of every kind of card in its signals to the driver: interrupts, link, registers, ends of sends."""

from __future__ import annotations

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.faults.fault import FaultHook
from nicrig_device.spec import registers

STORM_MESSAGES, STORM_SECONDS = 1000, 0.0001
"""How many messages a storm has, and the time between two of them."""
FLAP_SECONDS = 0.01
ALL_ONES = 0xFFFFFFFF
STATUS_OFFSET = registers.CARD_BLOCK.address(registers.STATUS)
READY = registers.STATUS.field("READY").mask


class LostInterrupt(FaultHook):
    def messages(self, vector: int, count: int) -> int:
        return 0 if self.trigger.next() else count


class DoubledInterrupt(FaultHook):
    def messages(self, vector: int, count: int) -> int:
        return count + self.trigger.next()


class Storm(FaultHook):
    """Sends the messages one by one, because messages that no CPU has taken yet become one."""

    def messages(self, vector: int, count: int) -> int:
        if self.trigger.next():
            self.trigger.later(lambda: self._go_on(vector, STORM_MESSAGES), STORM_SECONDS)
        return count

    def _go_on(self, vector: int, left: int) -> None:
        if left and self.card.interrupts.unmasked:
            self.card.fire_vector(vector)
            self.trigger.later(lambda: self._go_on(vector, left - 1), STORM_SECONDS)


class FlappingLink(FaultHook):
    """The link goes down at the end of the turn, behind the frames, and comes back."""

    def frames_in(self, frames: Frames) -> Frames:
        if self.trigger.among(len(frames)):
            self.trigger.later(self._down, 0)
        return frames

    def _down(self) -> None:
        self.card.set_link(False)
        self.trigger.later(lambda: self.card.set_link(True), FLAP_SECONDS)


class StuckRegisters(FaultHook):
    def register_read(self, offset: int, value: int) -> int:
        return ALL_ONES if self.trigger.next() else value


class NotReady(FaultHook):
    def register_read(self, offset: int, value: int) -> int:
        return value & ~READY if offset == STATUS_OFFSET and self.trigger.next() else value


class HeldSends(FaultHook):
    """Once it has begun, only a reset ends it."""

    def frames_out(self, framed: Bytes, count: int) -> tuple[Bytes, int]:
        self.trigger.passed += count
        return framed, count

    def holds(self) -> bool:
        return self.trigger.reached

    def reset(self) -> None:
        if self.trigger.reached:
            self.trigger.strike()
