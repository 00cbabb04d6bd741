# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.frames import Bytes
from nicrig_device.wire.framing import FramingError, split, write_prefixes
from tests.strategies import damaged

FRAMES = st.lists(st.binary(max_size=70), max_size=8)


def framed(frames: list[bytes]) -> bytes:
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


def as_bytes(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8)


@given(FRAMES, st.data())
def test_a_stream_cut_anywhere_gives_the_whole_frames_before_the_cut(frames: list[bytes], data: st.DataObject) -> None:
    stream = framed(frames)
    cut = data.draw(st.integers(0, len(stream)))
    first, used = split(as_bytes(stream[:cut]))
    rest, _ = split(as_bytes(stream[used:]))
    assert first.tolist() + rest.tolist() == frames


@given(damaged([framed([bytes(60), b"", b"abc"])]))
def test_any_bytes_are_frames_that_lie_within_them_or_a_framing_error(stream: bytes) -> None:
    try:
        frames, used = split(as_bytes(stream))
    except FramingError:
        return
    assert framed(frames.tolist()) == stream[:used]


def test_a_length_that_cannot_be_a_frame_is_a_framing_error() -> None:
    with pytest.raises(FramingError, match="4294967295"):
        split(as_bytes(b"\xff" * 8))


def test_prefixes_are_big_endian_at_their_offsets() -> None:
    target = np.zeros(12, np.uint8)
    write_prefixes(target, np.array([0, 8]), np.array([4, 0x0102]))
    assert target.tobytes() == b"\0\0\0\x04" + bytes(4) + b"\0\0\x01\x02"
