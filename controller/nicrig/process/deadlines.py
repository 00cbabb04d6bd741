# SPDX-License-Identifier: GPL-2.0-or-later
"""How long each step may take. Steps in the guest take longer, by the accelerator's scale."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from nicrig.errors import DeadlineError


@dataclass(frozen=True)
class Deadlines:
    """Seconds, for KVM on a busy machine."""

    scale: float = 1.0

    card_ready: float = 20.0
    """From the start of the card's process to its `ready`. No guest takes part: use it without a scale."""
    monitor: float = 10.0
    """One QMP command to QEMU, or the event that it causes."""
    boot: float = 20.0
    """From the start of QEMU, or a reboot, to the guest agent's first answer."""
    command: float = 20.0
    """One command in the guest, unless the caller gives another limit."""
    driver: float = 8.0
    """To load the driver and bring its interface up, or to unload it, where a driver that hangs needs a verdict."""
    answer: float = 4.0
    """One short command in a guest that may hang, where the verdict waits for it."""
    quiet: float = 1.0
    """Time without a returning frame. Frames still missing then are lost."""

    @contextmanager
    def limit(self, seconds: float, awaited: str) -> Iterator[None]:
        """Raise DeadlineError, which names what was `awaited`, when the body takes longer."""
        seconds *= self.scale
        with trio.move_on_after(seconds) as scope:
            yield
        if scope.cancelled_caught:
            raise DeadlineError(f"waited {seconds:.0f} s for {awaited}")
