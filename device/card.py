# SPDX-License-Identifier: GPL-2.0-or-later
"""The card: its rings, registers, interrupts and link put together. Knows no library and no socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from device import registers
from device.barrier import full_barrier
from device.control import ControlRegisters
from device.counters import Counters
from device.doorbells import DoorbellPage
from device.frames import Frames
from device.interrupt import Interrupts, Moderation, Source
from device.memory import GuestMemory
from device.queue import Ring, RingWords
from device.receive import ReceivePath
from device.recorder import Event, RecordRing, Trace
from device.refusals import Refusals
from device.registers import EVENT_BLOCK
from device.transmit import TransmitPath
from device.wire import Wire

EVENT_MASK = 0xFFFF
RECORDER_FILE, TRACE_FILE = "recorder", "trace"


class Card:
    """One bus-master card with one queue pair.

    `fire` sends a vector's message and says whether anybody is listening to it. The records of guest and card are
    files in `folder`, for others to read; without one they are memory.
    """

    def __init__(
        self, mac: bytes, vectors: int, wire: Wire, fire: Callable[[int], bool], folder: Path | None = None
    ) -> None:
        self.mac = mac
        self.vectors = vectors
        self.link_up = True
        self.receiving = False
        self.memory = GuestMemory()
        self.page = DoorbellPage()
        self.counters = Counters()
        self.recorder = RecordRing(folder and folder / RECORDER_FILE)
        self._trace_ring = RecordRing(folder and folder / TRACE_FILE)
        self.trace = Trace(self.recorder, self._trace_ring)
        self.refusals = Refusals(self.counters, self._refused)
        self._fire_vector = fire
        self._words = self.page.words
        self._sleeping = self.page.index(EVENT_BLOCK, registers.SLEEPING)
        self._event = self.page.index(EVENT_BLOCK, registers.EVENT)
        self._link = self.page.index(EVENT_BLOCK, registers.LINK)
        rx_words = RingWords.of(registers.RX_TAIL, registers.RX_ARM, registers.RX_HEAD, 0)
        tx_words = RingWords.of(registers.TX_TAIL, registers.TX_ARM, registers.TX_HEAD, 0)
        self.rx = Ring(self.memory, self.page, self.refusals, self.trace, rx_words, 0, transmit=False)
        self.tx = Ring(self.memory, self.page, self.refusals, self.trace, tx_words, 0, transmit=True)
        self._receive_path = ReceivePath(self.memory, self.rx, self.counters, self.trace)
        self._transmit_path = TransmitPath(self.memory, self.tx, self.counters, self.trace, wire)
        moderation = Moderation(registers.MODERATION)
        event_words = RingWords(0, self.page.index(EVENT_BLOCK, registers.EVENT_ARM), self._event)
        sources = [
            Source(0, rx_words.arm, rx_words.head, moderated=True),
            Source(0, tx_words.arm, tx_words.head),
            Source(vectors - 1, event_words.arm, event_words.head),
        ]
        self.interrupts = Interrupts(self.page, sources, moderation, self._fire)
        self.control = ControlRegisters(
            self, (self.rx, self.tx), self.interrupts, moderation, self.counters, self.refusals, vectors
        )
        self._words[self._link] = 1
        self.next_due: float | None = None
        """When the next moderated vector is due, on the monotonic clock."""

    def reset(self) -> None:
        """Function, device or lost-connection reset (section 8): when it returns no DMA and no interrupt follows."""
        self.counters.add("resets")
        self.trace.add(Event.RESET)
        self.rx.reset()
        self.tx.reset()
        self.interrupts.reset()
        self.refusals.clear()
        self.receiving = False
        self.page.clear(keep=(self._link, self._sleeping))

    def set_link(self, up: bool) -> None:
        """Bring the link up or down; a change counts as an event."""
        if up != self.link_up:
            self.link_up = up
            self._words[self._link] = int(up)
            self.trace.add(Event.LINK, int(up))
            self._count_event()

    def receive(self, frames: Frames) -> None:
        """Take a batch from the wire."""
        if not self.link_up:
            self.counters.add("rx_link_down", len(frames))
        elif not self.receiving:
            self.counters.add("rx_disabled", len(frames))
        else:
            self._receive_path.deliver(frames)

    def transmit(self) -> bool:
        """Send what the doorbell covers; whether anything was sent. A bad receive doorbell is noticed here too."""
        self.rx.posted()
        return self._transmit_path.send(self.link_up)

    def interrupt(self, now: float) -> None:
        """Fire what is due, and note when the next moderated vector will be."""
        self.next_due = self.interrupts.work(now)

    def may_sleep(self, now: float) -> bool:
        """Say SLEEPING; False if a transmit doorbell came before the driver could see that. `wake` ends it.

        Arm words that came in that moment are answered here: their driver saw no SLEEPING and did not kick.
        """
        self._words[self._sleeping] = 1
        full_barrier()
        if self.tx.moved():
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
        self.rx.disable()
        self.tx.disable()
        self.page.close()
        self.recorder.close()
        self._trace_ring.close()

    def _count_event(self) -> None:
        self._words[self._event] = (self._words[self._event] + 1) & EVENT_MASK

    def _refused(self, code: int, index: int, transmit: bool) -> None:
        self.trace.add(Event.REFUSAL, code, index, int(transmit))
        self._count_event()

    def _fire(self, vector: int) -> None:
        if self._fire_vector(vector):
            self.counters.add("interrupts")
            if self.trace.frames:
                self.trace.add(Event.INTERRUPT, vector)
