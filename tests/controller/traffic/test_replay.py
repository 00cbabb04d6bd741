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
from nicrig.traffic.replay import Pace, as_recorded, extent_of, replay

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


YEARS = 42 * 365 * 86400.0


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([0, 1, 1 + YEARS, 2 + YEARS], [0, 1, 11, 12]),
        ([YEARS, YEARS + 1, 0, 2], [0, 1, 1, 3]),
        ([0, 10, 20.5], [0, 10, 20]),
        ([0, 10, 1, 11], [0, 10, 10, 11]),
    ],
)
def test_a_gap_is_bounded_and_a_clock_that_was_set_back_goes_on_from_there(
    moments: list[float], expected: list[float]
) -> None:
    assert due(at(*moments)) == expected


def test_a_frame_without_a_time_is_due_with_its_neighbour() -> None:
    frames = at(0, 0, 1, 1, 2)
    for untimed in (0, 3):
        frames[untimed] = frames[untimed]._replace(time=None)
    assert due(frames) == [0, 0, 1, 1, 2]
    assert due([FileFrame(None, b"", 0)] * 2) == [0, 0]


def test_the_extent_counts_what_is_not_kept() -> None:
    extent = extent_of(at(0, 30, 130, 1, 2), longest_gap=20)
    assert (extent.length, extent.long_gaps, extent.widest, extent.jumps_back) == (41, 2, 100, 1)


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
        trio.run(lambda: replay(RigPaths(tmp_path), path, Pace(), times=1, say=print))
