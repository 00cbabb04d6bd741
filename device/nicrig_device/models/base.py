# SPDX-License-Identifier: GPL-2.0-or-later
"""What one kind of card does differently from another: how frames move between wire and driver.

A kind is a class in its own file; the card around it has everything that the kinds share. To add one, see
docs/contributing/adding.md.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from nicrig_device.dma.frames import Frames
from nicrig_device.dma.memory import GuestMemory
from nicrig_device.hooks import Hooks
from nicrig_device.ledger.ledger import Ledger
from nicrig_device.pci.doorbells import DoorbellPage
from nicrig_device.pci.interrupt import Interrupts, Source
from nicrig_device.pci.refusals import Refusals
from nicrig_device.recorder import Trace
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.layout import Register, RegisterBlock
from nicrig_device.spec.registers import BAR_BYTES
from nicrig_device.timing import Timing
from nicrig_device.wire.egress import Egress
from nicrig_interface.answers import RingState
from nicrig_interface.vocabulary import CardKind


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
    hooks: Hooks
    timing: Timing


class Trait(enum.Flag):
    """What a kind has. A fault names the traits that it needs, and each kind that has them gets the fault."""

    NONE = 0
    DMA = enum.auto()
    """It touches guest memory."""
    DESCRIPTORS = enum.auto()
    """Its frames go through rings of descriptors in guest memory."""
    COUNTS = enum.auto()
    """The driver reads how many frames have come, not which descriptors are done."""


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
    """How one kind of card moves frames. Everything runs on the card's one thread; each call is bounded."""

    name: ClassVar[CardKind]
    device_id: ClassVar[int]
    traits: ClassVar[Trait]
    page_bytes: ClassVar[int] = BAR_BYTES
    """Size of BAR2."""
    has_ports: ClassVar[bool] = False
    """Whether there is BAR4."""
    queues: ClassVar[int] = 0
    ring_max: ClassVar[int] = 0
    blocks: ClassVar[tuple[tuple[RegisterBlock, int], ...]] = ()
    """BAR2's blocks besides EVENT, and how many copies there are of each."""
    doorbells: tuple[int, int]
    """Which words of BAR2 announce work; the same one twice if there is only one."""
    sources: tuple[Source, ...]
    """What asks for interrupts, apart from events."""

    @abstractmethod
    def __init__(self, board: Board) -> None: ...

    @abstractmethod
    def add_registers(self, registry: Registry, interrupts: Interrupts) -> None:
        """Enter this kind's own control registers."""

    @abstractmethod
    def rings(self) -> list[RingState]:
        """The state of its rings, for the monitor. Changes nothing."""

    @abstractmethod
    def receive(self, frames: Frames) -> None:
        """Take a batch off the wire, each frame FRAME_MIN to FRAME_MAX bytes. The batch is valid for this call only."""

    @abstractmethod
    def transmit(self) -> bool:
        """Do what the doorbells ask for. Returns whether there was anything to do."""

    @abstractmethod
    def give_up(self) -> None:
        """`transmit` has failed: end what the doorbells ask for, unsent, so that the next turn does not fail at it."""

    @abstractmethod
    def glance(self) -> None:
        """A doorbell was seen this moment: keep at once what `transmit` must find as it was then."""

    @abstractmethod
    def moved(self) -> bool:
        """Whether a doorbell that needs a kick holds something that `transmit` has not dealt with."""

    @abstractmethod
    def reset(self) -> None:
        """Stop, and forget everything but the counters. No DMA follows. The caller clears BAR2's words."""
