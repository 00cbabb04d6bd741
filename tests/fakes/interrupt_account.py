# SPDX-License-Identifier: GPL-2.0-or-later
"""Arm words and the messages that may answer them (docs/datasheet.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass

from nicrig_device.dma.barrier import full_barrier
from nicrig_device.spec.registers import EVENT_ARM
from tests.fakes.bus import Bus
from tests.fakes.rules import expect

SEQUENCE_MASK = EVENT_ARM.field("SEQUENCE").mask >> EVENT_ARM.field("SEQUENCE").low


@dataclass(frozen=True)
class ArmWord:
    """An arm word in BAR2, the word with the count that it is compared with, and the vector that it asks for."""

    arm: int
    count: int
    vector: int


class InterruptAccount:
    """Arms, takes messages, and refuses a message that no arm word asked for.

    A message is legal when an arm word not yet answered has its count past INDEX. Counts only grow, so reading them
    after taking the message never accuses wrongly.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._sequence = 0
        self._waiting: list[tuple[ArmWord, int]] = []
        self._due = dict.fromkeys(range(bus.vector_count), 0)
        self.masked = True

    def arm(self, word: ArmWord, index: int) -> None:
        """Ask for one message once the count lies past `index`; look at the ring once more afterwards."""
        self._sequence = (self._sequence + 1) & SEQUENCE_MASK
        self._waiting.append((word, index))
        self._bus.doorbells[word.arm] = EVENT_ARM.pack(INDEX=index, SEQUENCE=self._sequence, ENABLE=1)
        full_barrier()

    def disarm(self, word: ArmWord) -> None:
        """Ask for no message; one may be under way."""
        self._bus.doorbells[word.arm] = 0
        full_barrier()

    def take(self, vector: int) -> int:
        """Messages of a vector since the last call."""
        count = self._bus.take_interrupts(vector)
        self._settle()
        expect(not (count and self.masked), 7, f"vector {vector} fired {count} times with CONTROL.INTERRUPT 0")
        due = self._due[vector]
        expect(count <= due, 7, f"vector {vector} fired {count} times, {due} were asked for")
        self._due[vector] = due - count
        return count

    def _settle(self) -> None:
        """Count the arm words that may have been answered by now."""
        waiting = []
        for word, index in self._waiting:
            if int(self._bus.doorbells[word.count]) != index:
                self._due[word.vector] += 1
            else:
                waiting.append((word, index))
        self._waiting = waiting

    def forget(self) -> None:
        """After a reset: what was under way is dropped, and nothing may come any more."""
        for vector in self._due:
            self._bus.take_interrupts(vector)
            self._due[vector] = 0
        self._waiting.clear()
        self.masked = True
