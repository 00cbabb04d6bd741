# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
import trio.testing

from nicrig.verdict.one_way import Intake, Outlet

pytestmark = pytest.mark.anyio

FRAMES = [bytes([number]) * 60 for number in range(10)]
SOURCE = b"\2\0\0\0\0\1"
QUIET = 0.05


def sent_by(source: bytes, number: int) -> bytes:
    return bytes(6) + source + bytes([number]) * 48


class Card:
    """A wire whose card has room for as many frames as it was given, and hands out `coming`."""

    def __init__(self, room: int = 0, coming: Sequence[Sequence[bytes]] = ()) -> None:
        self.room = room
        self.batches: list[list[bytes]] = []
        self._coming = list(coming)

    async def send(self, frames: Sequence[bytes]) -> None:
        self.batches.append(list(frames))

    async def receive(self) -> list[bytes]:
        if not self._coming:
            await trio.sleep_forever()
        return list(self._coming.pop(0))

    async def free(self, sent: int) -> int:
        return self.room - sent


async def test_frames_go_in_by_batches() -> None:
    card = Card(room=10)
    made = Intake(card, FRAMES, quiet=QUIET, batch=4, room=card.free)
    await made.run()
    assert card.batches == [FRAMES[:4], FRAMES[4:8], FRAMES[8:]]
    assert made.wire_had == (FRAMES, None)
    assert not made.stalled


async def test_a_card_without_room_gets_no_more() -> None:
    card = Card(room=6)
    made = Intake(card, FRAMES, quiet=QUIET, batch=4, room=card.free)
    await made.run()
    assert (made.stalled, made.sent, made.wire_had) == (True, 4, (FRAMES[:4], None))


async def test_frames_wait_for_room() -> None:
    card = Card(room=4)
    made = Intake(card, FRAMES[:8], quiet=5, batch=4, room=card.free)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        await trio.testing.wait_all_tasks_blocked()
        assert card.batches == [FRAMES[:4]]
        card.room = 8
    assert card.batches == [FRAMES[:4], FRAMES[4:8]]


def test_frames_come_a_pause_apart() -> None:
    card = Card(room=10)

    async def times() -> float:
        began = trio.current_time()
        await Intake(card, FRAMES[:4], quiet=5, batch=1, room=card.free, pause=0.5).run()
        return trio.current_time() - began

    assert trio.run(times, clock=trio.testing.MockClock(autojump_threshold=0)) == 4 * 0.5
    assert card.batches == [[frame] for frame in FRAMES[:4]]


async def test_what_the_guest_sends_is_taken_and_its_own_frames_are_counted() -> None:
    mine, own = [sent_by(SOURCE, number) for number in range(3)], sent_by(b"\2\0\0\0\0\7", 9)
    made = Outlet(Card(coming=[mine[:1], [own, *mine[1:]]]), 3, quiet=5, source=SOURCE)
    await made.run()
    assert (made.stalled, made.own, made.wire_had) == (False, 1, (None, mine))


async def test_a_guest_that_sends_no_more_is_left() -> None:
    made = Outlet(Card(coming=[[sent_by(SOURCE, 1)]]), 3, quiet=QUIET, source=SOURCE)
    await made.run()
    assert (made.stalled, len(made.echoed)) == (True, 1)
