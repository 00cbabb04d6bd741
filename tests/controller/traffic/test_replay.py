# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from nicrig.captures import pcapng
from nicrig.captures.capture_file import FileFrame
from nicrig.errors import UsageError
from nicrig.rundir.paths import RigPaths
from nicrig.traffic.replay import as_recorded, extent_of, replay

START = 1_700_000_000_000_000_000


def due(frames: list[FileFrame], times: int = 1) -> list[float]:
    return [moment for moment, _ in as_recorded(frames, extent_of(frames), times)]


def at(*moments: float) -> list[FileFrame]:
    return [FileFrame(START + int(moment * 1e9), b"", 0) for moment in moments]


def test_frames_are_due_at_their_recorded_intervals() -> None:
    assert due(at(0, 0.25, 1)) == [0, 0.25, 1]


def test_a_frame_older_than_the_one_before_is_due_with_it() -> None:
    assert due(at(0, 1, 0.5, 1.5)) == [0, 1, 1, 1.5]


def test_a_repetition_starts_after_one_mean_interval() -> None:
    assert due(at(0, 1, 2), times=3)[:7] == [0, 1, 2, 3, 4, 5, 6]


def test_a_single_frame_is_always_due_at_once() -> None:
    assert due(at(5), times=3) == [0, 0, 0]


def test_an_outgoing_frame_is_not_sent_and_has_no_part_in_the_times() -> None:
    frames = at(0, 5, 6)
    frames[0] = frames[0]._replace(outgoing=True)
    assert extent_of(frames).frames == 2
    assert due(frames, times=2) == [0, 1, 2, 3]


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=30), st.integers(1, 3))
def test_no_frame_is_due_before_the_one_in_front_of_it(times: list[int], repetitions: int) -> None:
    moments = due([FileFrame(time, b"", 0) for time in times], repetitions)
    assert len(moments) == repetitions * len(times)
    assert moments == sorted(moments)
    assert moments[0] == 0


def test_a_capture_with_only_outgoing_frames_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    path.write_bytes(pcapng.section("") + pcapng.interface("a", "b") + pcapng.packet(0, START, b"x" * 60, "out"))
    with pytest.raises(UsageError, match="all its frames are outgoing"):
        trio.run(lambda: replay(RigPaths(tmp_path), path, rate=None, flat_out=False, times=1))
