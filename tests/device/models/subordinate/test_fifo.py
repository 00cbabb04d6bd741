# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.frames import Frames
from nicrig_device.models.subordinate.fifo import Fifo
from nicrig_device.models.subordinate.packing import unpack
from tests.fakes.subordinate_driver import packed

FRAMES_MAX, BYTES_MAX = 12, 512
STEP = st.one_of(
    st.tuples(st.just("push"), st.lists(st.integers(14, 200), min_size=0, max_size=6)),
    st.tuples(st.just("take"), st.integers(0, 600)),
)


def fitting(frames: list[bytes], room: int) -> int:
    """How many of the frames fit, packed, in order."""
    ends = itertools.accumulate(len(packed(frame)) for frame in frames)
    return sum(end <= room for end in ends)


@given(st.lists(STEP, max_size=40))
def test_the_fifo_is_a_bounded_queue(steps: list[tuple[str, list[int] | int]]) -> None:
    fifo, held, number = Fifo(FRAMES_MAX, BYTES_MAX), list[bytes](), 0
    for what, value in steps:
        if isinstance(value, list):
            frames = [bytes([(number := number + 1) & 0xFF]) * size for size in value]
            room = BYTES_MAX - sum(len(packed(frame)) for frame in held)
            fits = min(fitting(frames, room), FRAMES_MAX - len(held))
            assert fifo.push(Frames.of(frames)) == fits
            held += frames[:fits]
        else:
            fits = fitting(held, value)
            taken = fifo.take(value)
            assert unpack(taken.data)[0].tolist() == held[:fits]
            assert taken.length.tolist() == [len(frame) for frame in held[:fits]]
            held = held[fits:]
        assert len(fifo) == len(held), what


def test_what_is_cleared_is_gone() -> None:
    fifo = Fifo(FRAMES_MAX, BYTES_MAX)
    fifo.push(Frames.of([bytes(60)] * 3))
    fifo.clear()
    assert len(fifo) == 0
    assert fifo.take(BYTES_MAX).data.size == 0
