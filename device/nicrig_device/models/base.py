# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes one kind of card differ from another: the way of the frames between wire and driver.

A kind is one object; the card around it has all that the kinds share. A further kind is a file with a class and its
name in device/nicrig_device/models/catalogue.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from nicrig_device.dma.frames import Frames
from nicrig_device.dma.memory import GuestMemory
from nicrig_device.ledger.ledger import Ledger
from nicrig_device.pci.doorbells import DoorbellPage
from nicrig_device.pci.interrupt import Interrupts, Source
from nicrig_device.pci.refusals import Refusals
from nicrig_device.recorder import Trace
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.layout import Register, RegisterBlock
from nicrig_device.spec.registers import BAR_BYTES
from nicrig_device.wire.egress import Egress


@dataclass(frozen=True, slots=True)
class Board:
    """The parts that every kind works with."""

    memory: GuestMemory
    ledger: Ledger
    page: DoorbellPage
    egress: Egress
    counters: Counters
    refusals: Refusals
    trace: Trace


@dataclass(frozen=True, slots=True)
class RingState:
    """A ring of places that go from the driver to the card and back, as it is now."""

    name: str
    """What goes through it."""
    queue: int
    """Queue pair."""
    enabled: bool
    base: int | None
    """Device address; none for what lies in the card."""
    size: int
    """Places; bytes for a channel."""
    head: int
    """How far the card has come: an index, or a number of transfers or frames."""
    tail: int
    """How far the driver has come, as its doorbell says; of a FIFO how far the wire has."""
    posted: int
    """Places that are the card's now; of a FIFO the frames that wait."""


class Registry(Protocol):
    """Where a kind enters the control registers that only it has."""

    def add(
        self,
        block: RegisterBlock,
        register: Register,
        read: Callable[[], int] | None,
        write: Callable[[int], None] | None = None,
    ) -> None: ...


class CardModel(ABC):
    """One card has one. What runs here runs on the card's one thread, and each call is bounded."""

    name: ClassVar[str]
    device_id: ClassVar[int]
    page_bytes: ClassVar[int] = BAR_BYTES
    """Size of BAR2."""
    has_ports: ClassVar[bool] = False
    """Whether there is BAR4."""
    queues: ClassVar[int] = 0
    ring_max: ClassVar[int] = 0
    blocks: ClassVar[tuple[tuple[RegisterBlock, int], ...]] = ()
    """BAR2's blocks besides EVENT, and how many copies there are of each."""
    sources: tuple[Source, ...]
    """What asks for interrupts, but for events."""

    @abstractmethod
    def __init__(self, board: Board) -> None: ...

    @abstractmethod
    def add_registers(self, registry: Registry, interrupts: Interrupts) -> None:
        """Enter this kind's own control registers."""

    @abstractmethod
    def rings(self) -> list[RingState]:
        """How its rings stand, for people to see; changes nothing."""

    @abstractmethod
    def receive(self, frames: Frames) -> None:
        """Take a batch off the wire, each frame FRAME_MIN to FRAME_MAX bytes; it is valid for this call only."""

    @abstractmethod
    def transmit(self) -> bool:
        """Do what the doorbells ask for; whether there was anything."""

    @abstractmethod
    def moved(self) -> bool:
        """Whether a doorbell that needs a kick holds something that `transmit` has not dealt with."""

    @abstractmethod
    def reset(self) -> None:
        """Stop, and forget all but the counters; the caller clears BAR2's words. No DMA follows."""
