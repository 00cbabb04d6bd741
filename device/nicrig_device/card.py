# SPDX-License-Identifier: GPL-2.0-or-later
"""The card: its kind, registers, interrupts and link put together, without library or socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nicrig_device.dma.barrier import full_barrier
from nicrig_device.dma.frames import Frames
from nicrig_device.dma.memory import GuestMemory
from nicrig_device.hooks import Hook, Hooks
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
from nicrig_device.timing import Timing
from nicrig_device.wire.behaviour import Act, Behaviour
from nicrig_device.wire.egress import Egress
from nicrig_device.wire.framing import WirePort
from nicrig_interface.files import RECORDER_FILE, TRACE_FILE

EVENT_MASK = 0xFFFF
WATCH_SECONDS = 0.0001
"""How long an unkind card watches the doorbells in each turn of its loop."""


class Card:
    """What all kinds share, around the part that is one kind's.

    `fire` sends a vector's message and returns whether a client takes messages. The records of guest and card are
    files in `folder`, which other processes read; without a folder they are in memory.
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
        self.not_in_force: list[str] = []
        """The rights that this card's process could not give up, see confinement.py."""
        self.memory = GuestMemory()
        self.page = DoorbellPage(kind.page_bytes)
        self.counters = Counters()
        self.hooks = Hooks()
        self.timing = Timing()
        self.egress = Egress(wire, self.counters, self.hooks)
        self.recorder = RecordRing(folder and folder / RECORDER_FILE)
        try:
            trace = RecordRing(folder and folder / TRACE_FILE)
        except OSError:
            self.recorder.close()
            raise
        self.record_rings = (self.recorder, trace)
        self.trace = Trace(*self.record_rings)
        self.ledger = Ledger(self.recorder, self.memory, self.counters, self.trace, self.hooks)
        self.refusals = Refusals(self.counters, self._refused)
        self.fire_vector = fire
        self._words = self.page.words
        self._sleeping = self.page.index(EVENT_BLOCK, registers.SLEEPING)
        self._event = self.page.index(EVENT_BLOCK, registers.EVENT)
        self._link = self.page.index(EVENT_BLOCK, registers.LINK)
        board = Board(
            self.memory,
            self.ledger,
            self.page,
            self.egress,
            self.counters,
            self.refusals,
            self.trace,
            self.hooks,
            self.timing,
        )
        self.kind = kind(board)
        moderation = Moderation(registers.MODERATION)
        event_arm = self.page.index(EVENT_BLOCK, registers.EVENT_ARM)
        sources = [*self.kind.sources, Source(vectors - 1, event_arm, self._event)]
        self.interrupts = Interrupts(self.page, sources, moderation, self._fire, self.timing.moment)
        capability = registers.CAPABILITY.pack(QUEUES=kind.queues, VECTORS=vectors, RING_MAX=kind.ring_max)
        self.control = ControlRegisters(
            self, self.interrupts, moderation, self.counters, self.refusals, self.trace, self.hooks, capability
        )
        self.ports = Ports(self.control, self.refusals)
        self.kind.add_registers(self.control, self.interrupts)
        self._words[self._link] = 1
        self._delayed = False
        self.next_due: float | None = None
        """When the card next has something to do by itself, in seconds of the monotonic clock; None for never."""

    def reset(self) -> None:
        """Function, device or lost-connection reset (section 8). After it returns no DMA and no interrupt follows."""
        self.counters.add("resets")
        self.trace.add(TraceEvent.RESET)
        self.kind.reset()
        self.ledger.reset()
        self.interrupts.reset()
        self.refusals.clear()
        self.ports.reset()
        self.receiving = False
        self.page.clear(keep=(self._link, self._sleeping))
        for hook in self.hooks.armed:
            hook.reset()

    @property
    def link_up(self) -> bool:
        return self.egress.link_up

    def set_link(self, up: bool) -> None:
        """Bring the link up or down. A change counts as an event."""
        if up != self.egress.link_up:
            self.egress.link_up = up
            self._words[self._link] = int(up)
            self.trace.add(TraceEvent.LINK, int(up))
            self._count_event()

    def behave(self, act: Act) -> None:
        """Call `act` with all frames from now on."""
        self.hooks.armed = (Behaviour(act, self._deliver_behind, self.egress, self.counters), *self.hooks.armed)

    def receive(self, frames: Frames) -> None:
        """Take a batch from the wire."""
        if not self.egress.link_up:
            self.counters.add("rx_link_down", len(frames))
        else:
            self._deliver(frames, self.hooks.armed)

    def _deliver_behind(self, frames: Frames) -> None:
        """Take frames that the behaviour made, past the behaviour."""
        self._deliver(frames, self.hooks.armed[1:])

    def _deliver(self, frames: Frames, hooks: tuple[Hook, ...]) -> None:
        if not self.receiving:
            self.counters.add("rx_disabled", len(frames))
            return
        frames = self._within_limits(frames)
        for hook in hooks:
            frames = hook.frames_in(frames)
        if len(frames):
            self.kind.receive(frames)

    def _within_limits(self, frames: Frames) -> Frames:
        short, long = frames.length < FRAME_MIN, frames.length > FRAME_MAX
        wrong = short | long
        if not wrong.any():
            return frames
        self.counters.add("rx_too_short", int(np.count_nonzero(short)))
        self.counters.add("rx_too_long", int(np.count_nonzero(long)))
        return frames.select(~wrong)

    def transmit(self) -> bool:
        """Do what the driver's doorbells ask for. Returns whether there was anything to do.

        Whatever goes wrong in it costs what was asked for: it is raised once, and not again in the next turn.
        """
        if self._holds():
            return False
        try:
            return self.kind.transmit() or (self.timing.unkind and self._watch() and self.kind.transmit())
        except BaseException:
            self.kind.give_up()
            raise

    def _watch(self) -> bool:
        """For a moment do nothing but watch the doorbells, so that one is seen at once. Returns whether one came."""
        words, (one, other) = self._words, self.kind.doorbells
        before, also = words[one], words[other]
        end = time.monotonic() + WATCH_SECONDS
        while words[one] == before and words[other] == also:
            if time.monotonic() > end:
                return False
        self.kind.glance()
        return True

    def interrupt(self, now: float) -> None:
        """Do what is due, and note in `next_due` when the next thing is."""
        hooked: tuple[float | None, ...] = ()
        for hook in self.hooks.armed:
            hooked += (hook.due(now),)
        self._delayed = any(due is not None for due in hooked)
        # In this order: what is published now may fire now.
        dues = (*hooked, self.timing.due(now), self.interrupts.work(now), self.ledger.due(now))
        self.next_due = min((due for due in dues if due is not None), default=None)

    def may_sleep(self, now: float) -> bool:
        """Publish SLEEPING. False if a doorbell came before the driver could see it. `wake` ends the sleep.

        Arm words that came in that moment are answered here, because the driver saw no SLEEPING and did not kick.
        """
        self._words[self._sleeping] = 1
        full_barrier()
        if self.kind.moved() and not self._holds():
            self.wake()
            return False
        self.interrupt(now)
        if not self._delayed:  # a fault that is late still records
            self.trace.rest()
        return True

    def wake(self) -> None:
        self._words[self._sleeping] = 0

    def close(self) -> None:
        """Release guest memory, the doorbell page and the records."""
        self.memory.clear()
        self.kind.reset()
        self.page.close()
        for ring in self.record_rings:
            ring.close()

    def _count_event(self) -> None:
        self._words[self._event] = (self._words[self._event] + 1) & EVENT_MASK

    def _refused(self, code: int, index: int, transmit: bool) -> None:
        self.trace.add(TraceEvent.REFUSAL, code, index, int(transmit))
        self._count_event()

    def _holds(self) -> bool:
        armed = self.hooks.armed
        return bool(armed) and any(hook.holds() for hook in armed)  # no generator in a turn without hooks

    def _fire(self, vector: int) -> None:
        messages = 1
        for hook in self.hooks.armed:
            messages = hook.messages(vector, messages)
        taken = True
        for _ in range(messages):
            taken = self.fire_vector(vector) and taken
        if taken:
            self.counters.add("interrupts")
            if self.trace.steps:
                self.trace.add(TraceEvent.INTERRUPT, vector)
