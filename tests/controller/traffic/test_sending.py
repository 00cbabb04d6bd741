# SPDX-License-Identifier: GPL-2.0-or-later
import math
from collections.abc import Callable, Iterable, Iterator

import pytest
import trio
import trio.testing

from nicrig.card.wire import Wire
from nicrig.traffic.sending import BATCH, BATCH_BYTES, Sent, Timed, at_once, at_rate, send


class TimedWire(Wire):
    """A wire that takes everything at once, and keeps the time of each write."""

    def __init__(self) -> None:
        self.writes: list[tuple[float, list[bytes]]] = []

    async def send(self, frames: Iterable[bytes]) -> None:
        await trio.lowlevel.checkpoint()
        self.writes.append((trio.current_time(), list(frames)))


def numbered(count: int) -> Iterator[bytes]:
    return (number.to_bytes(4, "big") for number in range(count))


def sent(count: int, timed: Callable[[Iterable[bytes]], Timed]) -> list[tuple[float, list[bytes]]]:
    """The writes and their times, in seconds after the start. The clock jumps to the next deadline."""
    wire = TimedWire()

    async def run() -> None:
        start = trio.current_time()
        frames, seconds = await send(wire, timed(numbered(count)))
        assert frames == count
        assert seconds == trio.current_time() - start
        wire.writes = [(when - start, batch) for when, batch in wire.writes]

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [frame for _, batch in wire.writes for frame in batch] == list(numbered(count))
    return wire.writes


def test_at_once_full_batches_go_without_waiting() -> None:
    writes = sent(2 * BATCH + 1, at_once)
    assert [len(batch) for _, batch in writes] == [BATCH, BATCH, 1]
    assert {when for when, _ in writes} == {0.0}


def test_no_frames_make_no_write() -> None:
    assert sent(0, at_once) == []


@pytest.mark.parametrize("rate", [0.5, 100, 3000])
def test_at_a_rate_no_frame_is_early_and_none_is_late(rate: float) -> None:
    writes = sent(50, lambda frames: at_rate(frames, rate))
    due = iter(range(50))
    for when, batch in writes:
        assert all(math.isclose(when, next(due) / rate, abs_tol=1e-9) for _ in batch)


def test_frames_that_are_due_together_go_in_one_write() -> None:
    moments = [0.0, 0.0, 0.5, 0.5, 0.5, 2.0]
    writes = sent(6, lambda frames: zip(moments, frames, strict=True))
    assert [(when, len(batch)) for when, batch in writes] == [(0.0, 2), (0.5, 3), (2.0, 1)]


def test_a_write_of_long_frames_is_bounded() -> None:
    wire = TimedWire()
    frames = [bytes(1 << 17)] * 20
    trio.run(lambda: send(wire, at_once(frames)), clock=trio.testing.MockClock(autojump_threshold=0))
    assert [len(batch) for _, batch in wire.writes] == [BATCH_BYTES >> 17, BATCH_BYTES >> 17, 4]


def test_the_result_as_text_and_as_json() -> None:
    result = Sent(10, 0.5, 6, {"rx_no_buffer": 3}, 1)
    assert result.text() == (
        "sent 10 frames in 0.500 s (20/s): the card gave 6 to the driver, dropped by contract: rx_no_buffer 3, "
        "1 are still waiting"
    )
    assert (
        result.json()
        == '{"frames":10,"seconds":0.5,"taken":6,"drops":{"rx_no_buffer":3},"refused":0,"waiting":1,"capture":{}}'
    )
