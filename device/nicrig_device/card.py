# SPDX-License-Identifier: GPL-2.0-or-later
"""The card: its kind, registers, interrupts and link put together. Knows no library and no socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nicrig_device.dma.barrier import full_barrier
from nicrig_device.dma.frames import Frames
from nicrig_device.dma.memory import GuestMemory
from nicrig_device.ledger.ledger import Ledger
from nicrig_device.models.base import Board, CardModel
from nicrig_device.pci.control import ControlRegisters
from nicrig_device.pci.doorbells import DoorbellPage
from nicrig_device.pci.interrupt import Interrupts, Moderation, Source
from nicrig_device.pci.ports import Ports
from nicrig_device.pci.refusals import Refusals
from nicrig_device.recorder import RecordRing, Trace, TraceEvent
from nicrig_device.spec import registers
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.registers import EVENT_BLOCK, FRAME_MAX, FRAME_MIN
from nicrig_device.wire.egress import Egress
from nicrig_device.wire.framing import WirePort
from nicrig_device.wire.hook import Act, Behaviour

EVENT_MASK = 0xFFFF
RECORDER_FILE, TRACE_FILE = "recorder", "trace"


class Card:
    """What all kinds share, around the one that `kind` makes.

    `fire` sends a vector's message and says whether anybody is listening to it. The records of guest and card are
    files in `folder`, for others to read; without one they are memory.
    """

    def __init__(
        self,
        kind: type[CardModel],
        mac: bytes,
        vectors: int,
        wire: WirePort,
        fire: Callable[[int], bool],
        folder: Path | None = None,
    ) -> None:
        self.mac = mac
        self.receiving = False
        self.memory = GuestMemory()
        self.page = DoorbellPage(kind.page_bytes)
        self.counters = Counters()
        self.egress = Egress(wire, self.counters)
        self.recorder = RecordRing(folder and folder / RECORDER_FILE)
        try:
            self._trace_ring = RecordRing(folder and folder / TRACE_FILE)
        except OSError:
            self.recorder.close()
            raise
        self.trace = Trace(self.recorder, self._trace_ring)
        self.ledger = Ledger(self.recorder, self.memory, self.counters, self.trace)
        self.refusals = Refusals(self.counters, self._refused)
        self.fire_vector = fire
        self._words = self.page.words
        self._sleeping = self.page.index(EVENT_BLOCK, registers.SLEEPING)
        self._event = self.page.index(EVENT_BLOCK, registers.EVENT)
        self._link = self.page.index(EVENT_BLOCK, registers.LINK)
        board = Board(self.memory, self.ledger, self.page, self.egress, self.counters, self.refusals, self.trace)
        self.kind = kind(board)
        moderation = Moderation(registers.MODERATION)
        event_arm = self.page.index(EVENT_BLOCK, registers.EVENT_ARM)
        sources = [*self.kind.sources, Source(vectors - 1, event_arm, self._event)]
        self.interrupts = Interrupts(self.page, sources, moderation, self._fire)
        capability = registers.CAPABILITY.pack(QUEUES=kind.queues, VECTORS=vectors, RING_MAX=kind.ring_max)
        self.control = ControlRegisters(
            self, self.interrupts, moderation, self.counters, self.refusals, self.trace, capability
        )
        self.ports = Ports(self.control, self.refusals)
        self.kind.add_registers(self.control, self.interrupts)
        self._words[self._link] = 1
        self.next_due: float | None = None
        """When the card has something to do, if nothing wakes it before, on the monotonic clock."""

    def reset(self) -> None:
        """Function, device or lost-connection reset (section 8): when it returns no DMA and no interrupt follows."""
        self.counters.add("resets")
        self.trace.add(TraceEvent.RESET)
        self.kind.reset()
        self.ledger.reset()
        self.interrupts.reset()
        self.refusals.clear()
        self.ports.reset()
        self.receiving = False
        self.page.clear(keep=(self._link, self._sleeping))

    @property
    def link_up(self) -> bool:
        return self.egress.link_up

    def set_link(self, up: bool) -> None:
        """Bring the link up or down; a change counts as an event."""
        if up != self.egress.link_up:
            self.egress.link_up = up
            self._words[self._link] = int(up)
            self.trace.add(TraceEvent.LINK, int(up))
            self._count_event()

    def behave(self, act: Act) -> None:
        """From now on `act` says what becomes of the frames."""
        self.egress.behave = Behaviour(act, self._deliver, self.egress.send, self.counters).move

    def receive(self, frames: Frames) -> None:
        """Take a batch from the wire."""
        if not self.egress.link_up:
            self.counters.add("rx_link_down", len(frames))
        elif self.egress.behave is not None and self.receiving:
            self.egress.behave(self._within_limits(frames).tolist(), [])
        else:
            self._deliver(frames)

    def _deliver(self, frames: Frames) -> None:
        if not self.receiving:
            self.counters.add("rx_disabled", len(frames))
        else:
            self.kind.receive(self._within_limits(frames))

    def _within_limits(self, frames: Frames) -> Frames:
        short, long = frames.length < FRAME_MIN, frames.length > FRAME_MAX
        wrong = short | long
        if not wrong.any():
            return frames
        self.counters.add("rx_too_short", int(np.count_nonzero(short)))
        self.counters.add("rx_too_long", int(np.count_nonzero(long)))
        return frames.select(~wrong)

    def transmit(self) -> bool:
        """Do what the driver's doorbells ask for; whether there was anything."""
        return self.kind.transmit()

    def interrupt(self, now: float) -> None:
        """Fire what is due, and note when the next moderated vector or finding will be."""
        dues = (self.interrupts.work(now), self.ledger.due(now))
        self.next_due = min((due for due in dues if due is not None), default=None)

    def may_sleep(self, now: float) -> bool:
        """Say SLEEPING; False if a doorbell came before the driver could see that. `wake` ends it.

        Arm words that came in that moment are answered here: their driver saw no SLEEPING and did not kick.
        """
        self._words[self._sleeping] = 1
        full_barrier()
        if self.kind.moved():
            self.wake()
            return False
        self.interrupt(now)
        self.trace.rest()
        return True

    def wake(self) -> None:
        self._words[self._sleeping] = 0

    def close(self) -> None:
        """Let go of guest memory, of the doorbell page and of the records."""
        self.memory.clear()
        self.kind.reset()
        self.page.close()
        self.recorder.close()
        self._trace_ring.close()

    def _count_event(self) -> None:
        self._words[self._event] = (self._words[self._event] + 1) & EVENT_MASK

    def _refused(self, code: int, index: int, transmit: bool) -> None:
        self.trace.add(TraceEvent.REFUSAL, code, index, int(transmit))
        self._count_event()

    def _fire(self, vector: int) -> None:
        if self.fire_vector(vector):
            self.counters.add("interrupts")
            if self.trace.steps:
                self.trace.add(TraceEvent.INTERRUPT, vector)
