# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends frames to a running card at a given pace, and counts what the card did with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat

import msgspec
import trio

from nicrig.card import wire
from nicrig.card.monitor import DROPS, REFUSED, TAKEN, card_monitor, counters
from nicrig.card.wire import Wire
from nicrig.errors import ConnectionLostError
from nicrig.process.deadlines import Deadlines
from nicrig.process.polling import until
from nicrig.process.qmp import Qmp
from nicrig.rundir.paths import RigPaths

BATCH = 256
"""Most frames in one write. Ctrl-C and the clock are checked between two writes."""
BATCH_BYTES = 1 << 20
"""A write ends with the frame that reaches this size."""
QUIET = 1.0
"""Seconds without a change of the card's counters. Frames still missing in them then count as waiting in the card."""

_LIMITS = Deadlines()

Timed = Iterable[tuple[float, bytes]]
"""Frames, each with the time at which to send it, in seconds after the start. No time is before the one in front."""


def at_once(frames: Iterable[bytes]) -> Timed:
    """Every frame is due now: as fast as the card takes them."""
    return zip(repeat(0.0), frames, strict=False)


def at_rate(frames: Iterable[bytes], rate: float) -> Timed:
    """`rate` frames per second."""
    return ((number / rate, frame) for number, frame in enumerate(frames))


@dataclass(frozen=True)
class Sent:
    """How many frames were sent, in how many seconds, and what the card did with them.

    `taken` frames went to the driver. `drops` counts those that the card dropped by contract, by its counter, and
    `refused` those for which it refused the driver's descriptor. `waiting` frames were none of these after QUIET
    seconds. `capture` counts the packets of a replayed capture that were not sent as captured, by reason.
    """

    frames: int
    seconds: float
    taken: int
    drops: Mapping[str, int]
    waiting: int
    capture: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds if self.seconds else 0.0

    def text(self) -> str:
        """One line for the terminal."""
        names = ", ".join(f"{name} {count}" for name, count in self.drops.items())
        dropped = f", dropped by contract: {names}" if names else ""
        refused = f", {REFUSED} {self.refused}: the card refused the driver's descriptor" if self.refused else ""
        waiting = f", {self.waiting} are still waiting" if self.waiting else ""
        return (
            f"sent {self.frames} frames in {self.seconds:.3f} s ({self.rate:.0f}/s): "
            f"the card gave {self.taken} to the driver{dropped}{refused}{waiting}"
        )

    def json(self) -> str:
        made = {
            "frames": self.frames,
            "seconds": round(self.seconds, 6),
            "taken": self.taken,
            "drops": self.drops,
            "refused": self.refused,
            "waiting": self.waiting,
            "capture": self.capture,
        }
        return msgspec.json.encode(made).decode()


async def send(card: Wire, frames: Timed) -> tuple[int, float]:
    """Send each frame when it is due; frames due together share a write. Returns the number of frames and seconds."""
    start, sent = trio.current_time(), 0
    remaining = iter(frames)
    following = next(remaining, None)
    while following is not None:
        await trio.sleep_until(start + following[0])
        now = trio.current_time() - start
        batch: list[bytes] = []
        size = 0
        while following is not None and following[0] <= now and len(batch) < BATCH and size < BATCH_BYTES:
            batch.append(following[1])
            size += len(following[1])
            following = next(remaining, None)
        with _LIMITS.limit(_LIMITS.monitor, "the card to take frames from its wire"):
            await card.send(batch)
        sent += len(batch)
    return sent, trio.current_time() - start


async def send_to(paths: RigPaths, frames: Timed) -> Sent:
    """Send as `send` does, to the card at `paths`. Raises RigError when no card runs there or the card ends."""
    async with card_monitor(paths) as monitor:
        card = await wire.connect(paths.wire)
        try:
            card.only_send()
            before = await _counters(monitor)
            sent, seconds = await send(card, frames)
            after = await _settled(monitor, before, sent)
            closed = card.closed()
        finally:
            await card.aclose()
    grown = _grown(before, after)
    if closed:
        raise ConnectionLostError(
            f"the card closed the wire, and counted {sum(grown.values())} of {sent} frames: its log says why: "
            "see card.log in the rig's folder, or what nicrig serve printed"
        )
    drops = {name: grown[name] for name in DROPS if grown[name]}
    waiting = max(0, sent - sum(grown.values()))
    return Sent(sent, seconds, grown[TAKEN], drops, waiting, refused=grown[REFUSED])


async def _counters(monitor: Qmp) -> dict[str, int]:
    with _LIMITS.limit(_LIMITS.monitor, "the card to return its counters"):
        return await counters(monitor)


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in (TAKEN, *DROPS, REFUSED)}


async def _settled(monitor: Qmp, before: Mapping[str, int], sent: int) -> dict[str, int]:
    """The counters, once they account for all sent frames or have stopped growing."""
    now = await _counters(monitor)
    while sum(_grown(before, now).values()) < sent:
        with trio.move_on_after(QUIET) as quiet:
            now = await until(partial(_changed, monitor, now))
        if quiet.cancelled_caught:
            break
    return now


async def _changed(monitor: Qmp, before: Mapping[str, int]) -> dict[str, int] | None:
    """The counters if they changed, else None."""
    now = await _counters(monitor)
    return now if any(_grown(before, now).values()) else None
