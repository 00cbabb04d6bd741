# SPDX-License-Identifier: GPL-2.0-or-later
"""The seam between a driver under test or a fake one and a card: what a PCI bus gives a driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tests.fakes.guest_memory import GuestMemory

WAIT_SECONDS = 20.0


class Control(Protocol):
    """A way to the registers of BAR0."""

    def read_control(self, offset: int) -> int:
        """The 32-bit register at a byte offset of BAR0."""

    def write_control(self, offset: int, value: int) -> None:
        """Write a 32-bit register of BAR0; the card has acted on it when this returns."""


class Bus(Control, Protocol):
    """A card in its slot, with the guest's memory and interrupt lines."""

    memory: GuestMemory
    """Guest memory; what is mapped and unmapped here is mapped and unmapped for the card when the call returns."""
    doorbells: npt.NDArray[np.uint32]
    """BAR2's words, shared with the card."""
    vector_count: int
    """Interrupt vectors that are connected."""

    def access(self, bar: int, offset: int, size: int, data: bytes | None = None) -> bytes:
        """Any access to any BAR: a read of `size` bytes, or a write of `data`, which gives b""."""

    def recorder(self) -> memoryview:
        """BAR3, shared with the card."""

    def take_interrupts(self, vector: int) -> int:
        """Messages of a vector since the last call."""

    def reset(self) -> None:
        """The machine's reset."""

    def disconnect(self) -> None:
        """The other end goes away without a word; only `close` may follow."""

    def close(self) -> None:
        """Let go of card and memory. Idempotent."""

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Run the card until `condition` holds. TimeoutError names `what`; ConnectionError when the card is gone."""
