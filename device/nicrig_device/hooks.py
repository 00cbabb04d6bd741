# SPDX-License-Identifier: GPL-2.0-or-later
"""The points at which a fault or your behaviour function can step into the card's work.

The card calls each point for every hook in `Hooks.armed`. Without a fault and without a behaviour the tuple is empty,
and a point costs one loop over nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.dma.transfer import Transfer
from nicrig_device.log import log, traced
from nicrig_device.recorder import Records
from nicrig_device.spec.descriptors import Descriptors

Chosen = npt.NDArray[np.bool_]


class Hook:
    """Changes nothing: override the points that you need. Everything runs on the card's one thread."""

    # -- frames ---------------------------------------------------------------------------------------
    def frames_in(self, frames: Frames) -> Frames:
        """Frames from the wire, of FRAME_MIN to FRAME_MAX bytes. Return the frames that the kind moves instead."""
        return frames

    def frames_out(self, framed: Bytes, count: int) -> tuple[Bytes, int]:
        """`count` frames of the driver in the wire's framing. Return what goes to the wire instead."""
        return framed, count

    # -- a bus master's descriptors, a subordinate's transfer -------------------------------------------
    def fetched(self, descriptors: Descriptors, *, transmit: bool) -> Descriptors:
        """The card's own copy of a ring's next descriptors. Return the copy that it works with: as many, or fewer."""
        return descriptors

    def transfer(self, transfer: Transfer) -> Transfer:
        """A transfer before it is checked. Return the one that runs instead."""
        return transfer

    def written(self, frames: Frames, chosen: Chosen) -> Chosen:
        """Frame i goes to the buffer of descriptor i if chosen[i]. Return which frames are written and recorded."""
        return chosen

    def write_back(self, status: npt.NDArray[np.uint16], *, transmit: bool) -> None:
        """The status words of the descriptors that go back now, before they are written. Change them in place."""

    # -- what the driver reads about received frames, of every kind -------------------------------------
    def told_lengths(self, length: npt.NDArray[np.uint32]) -> None:
        """The frames' lengths as the driver will read them. Change them in place."""

    def told_count(self, count: int, *, transmit: bool) -> int:
        """How far head moves, or how many frames a transfer has. Return what the driver reads instead."""
        return count

    # -- interrupts, registers, doorbells ---------------------------------------------------------------
    def messages(self, vector: int, count: int) -> int:
        """A vector fires. Return how many messages go out instead of `count`."""
        return count

    def register_read(self, offset: int, value: int) -> int:
        """A register of BAR0 was read. Return the value that the driver gets."""
        return value

    def holds(self) -> bool:
        """Whether the card leaves all doorbells alone for now."""
        return False

    def reset(self) -> None:
        """The card was reset."""

    # -- the ledger, and time ---------------------------------------------------------------------------
    def records(self, records: Records) -> Records:
        """GRANT and REVOKE records that the ledger is about to learn. Return those that it learns now."""
        return records

    def due(self, now: float) -> float | None:
        """Do what is due. Return when the next thing is, in seconds of the monotonic clock, or None."""
        return None


POINTS = tuple(name for name in vars(Hook) if not name.startswith("_"))
"""The names of the points."""


def guarded(hook: Hook, failed: Callable[[], None]) -> Hook:
    """The same hook, but whatever it raises costs a line in the log, and changes nothing. `failed` must take it out.

    Without that the card would come to the same point with the same batch again and again.
    """
    safe = Hook()
    for point in POINTS:
        if getattr(type(hook), point) is not getattr(Hook, point):
            setattr(safe, point, partial(_call, hook, point, failed))
    return safe


def _call(hook: Hook, point: str, failed: Callable[[], None], *given: object, **named: object) -> object:
    try:
        return getattr(hook, point)(*given, **named)
    except BaseException as error:
        log.error("disarming %s after an error in %s: %s", type(hook).__name__, point, traced(error))
        failed()
        return getattr(Hook, point)(hook, *given, **named)


class Hooks:
    """The hooks of one card, in the order of frames from wire to driver."""

    def __init__(self) -> None:
        self.armed: tuple[Hook, ...] = ()
