# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.models.subordinate.packing import pack, packed_ends, unpack
from nicrig_device.spec.descriptors import Refusal

FRAMES = st.lists(st.binary(min_size=14, max_size=200), min_size=1, max_size=20)


def packed(frames: list[bytes]) -> Bytes:
    batch = Frames.of(frames)
    target = np.full(int(packed_ends(batch.length)[-1]), 0xEE, np.uint8)
    pack(target, batch)
    return target


def test_the_datasheet_s_example_of_two_packed_frames() -> None:
    data = packed([b"\x11" * 60, b"\x22" * 61]).tobytes()
    assert data == b"\x3c\0\0\0" + b"\x11" * 60 + b"\x3d\0\0\0" + b"\x22" * 61 + b"\0\0\0"


@given(FRAMES)
def test_what_was_packed_comes_out_again(frames: list[bytes]) -> None:
    data = packed(frames)
    taken, end, refusal = unpack(data)
    assert (taken.tolist(), end, refusal) == (frames, data.size, None)


@given(FRAMES, st.integers(0, 4200))
def test_a_cut_leaves_the_whole_frames_before_it(frames: list[bytes], cut: int) -> None:
    data = packed(frames)[:cut]
    taken, end, refusal = unpack(data)
    assert taken.tolist() == frames[: len(taken)]
    assert refusal in (None, Refusal.CHAIN)
    assert end == data.size if refusal is None else end <= data.size


@given(st.binary(max_size=300))
def test_any_bytes_give_frames_inside_them(data: bytes) -> None:
    taken, end, _ = unpack(np.frombuffer(data, np.uint8))
    assert 0 <= end <= len(data)
    assert all(taken.offset + taken.length <= len(data))


@pytest.mark.parametrize("size", range(14, 1523, 7))
def test_a_packed_frame_ends_on_a_multiple_of_4(size: int) -> None:
    (end,) = packed_ends(np.array([size]))
    assert end % 4 == 0
    assert 0 <= end - 4 - size < 4
