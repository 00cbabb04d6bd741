# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.frames import Frames, copy_pieces

SLOT = 128


@given(st.lists(st.binary(min_size=1, max_size=SLOT), min_size=1, max_size=12), st.booleans(), st.randoms())
def test_copy_pieces_moves_each_piece_and_nothing_else(pieces: list[bytes], uniform: bool, random) -> None:  # type: ignore[no-untyped-def]
    if uniform:
        pieces = [piece[:1] * 60 for piece in pieces]
    batch = Frames.of(pieces)
    order = list(range(len(pieces)))
    random.shuffle(order)
    target = np.full(len(pieces) * SLOT, 0xEE, np.uint8)
    copy_pieces(target, np.array(order) * SLOT, batch.data, batch.offset, batch.length)
    expected = bytearray(b"\xee" * target.size)
    for slot, piece in zip(order, pieces, strict=True):
        expected[slot * SLOT : slot * SLOT + len(piece)] = piece
    assert target.tobytes() == bytes(expected)


def test_a_batch_gives_its_frames_back() -> None:
    assert Frames.of([b"abc", b"", b"de"]).tolist() == [b"abc", b"", b"de"]
