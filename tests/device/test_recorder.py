# SPDX-License-Identifier: GPL-2.0-or-later
"""The rings against a writer and reader of the datasheet's words (tests/fakes/recorder.py)."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from crc32c import crc32c

from nicrig_device.dma.frames import Frames
from nicrig_device.recorder import CAPACITY, PACKED, RECORDER_BYTES, SLOT_BYTES, SLOTS, RecordRing, Trace, TraceEvent
from nicrig_device.spec.descriptors import DESCRIPTOR
from tests.fakes import recorder as datasheet
from tests.fakes.recorder import ASLEEP, DETAIL, HEAD, MAGIC, SETTLED, SLOT_HEAD, Record, RecorderMemory


class Bench:
    """The card's two rings, a trace, and both rings as a guest or reader sees them."""

    def __init__(self, folder: Path) -> None:
        self.rings = RecordRing(folder / "recorder"), RecordRing(folder / "trace")
        self.guest, self.own = (RecorderMemory(memoryview(mmap.mmap(ring.fd, RECORDER_BYTES))) for ring in self.rings)
        self.trace = Trace(*self.rings)

    def close(self) -> None:
        for ring in self.rings:
            ring.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_new_ring_has_the_datasheet_s_words(bench: Bench) -> None:
    for memory in (bench.guest, bench.own):
        assert memory.word(MAGIC).to_bytes(8, "little") == b"NICRRECD"
        assert memory.word(datasheet.CAPACITY) == CAPACITY
        assert (memory.word(HEAD), memory.word(DETAIL)) == (0, 0)
    assert datasheet.RECORDS_AT + CAPACITY * datasheet.RECORD.size <= RECORDER_BYTES


def test_what_a_guest_writes_is_what_the_card_s_record_type_reads(bench: Bench) -> None:
    small = {"phase": 15, "irql": 3, "site": 0xABCDE, "cpu": 255, "locks": 14}
    record = Record(bench.guest.begin(), time=101, function=102, kind=103, a=1, b=2, c=3, d=4, result=5, **small)
    bench.guest.fill(record)
    assert tuple(bench.rings[0].records[0].tolist()) == (1, 101, 102, 103, 0x3F, 0xEFFABCDE, 1, 2, 3, 4, 5)
    assert PACKED == {"state": {"phase": 4, "irql": 4}, "place": {"site": 20, "cpu": 8, "locks": 4}}
    assert bench.trace.stamp() == 1


def test_an_event_is_a_record_with_the_guest_s_head_as_its_result(bench: Bench) -> None:
    bench.guest.write()
    bench.trace.add(TraceEvent.REFUSAL, 1, 2, 3, 4)
    bench.trace.add(TraceEvent.LINK, 1, stamp=0)
    first, second = bench.own.record(1), bench.own.record(2)
    assert bench.own.word(HEAD) == 2
    assert first == Record(1, first.time, TraceEvent.REFUSAL, a=1, b=2, c=3, d=4, result=1)
    assert second == Record(2, second.time, TraceEvent.LINK, a=1, result=0)
    assert 0 < first.time <= second.time


def test_buffers_are_a_record_each_with_their_place(bench: Bench) -> None:
    descriptors = np.array([(0x1000 * number, 60 + number, 0, 0) for number in range(3)], DESCRIPTOR)
    bench.trace.add_buffers(
        TraceEvent.READ, 9, np.array([0xFFFE, 0xFFFF, 0]), descriptors, np.arange(7, 10, dtype=np.uint16)
    )
    read = [bench.own.record(number) for number in (1, 2, 3)]
    assert [(each.a, each.b, each.c, each.d, each.result) for each in read] == [
        (0xFFFE, 0, 60, 7, 9),
        (0xFFFF, 0x1000, 61, 8, 9),
        (0, 0x2000, 62, 9, 9),
    ]
    assert [each.sequence for each in read] == [1, 2, 3]


def test_frames_are_a_record_each_with_the_digest_of_their_bytes(bench: Bench) -> None:
    frames = Frames.of([bytes(60), bytes(range(61))])
    bench.trace.add_frames(TraceEvent.FRAME_IN, 9, np.array([7, 8]), np.array([0x1000, 0x2000]), frames)
    first, second = bench.own.record(1), bench.own.record(2)
    assert (first.function, first.a, first.b, first.c, first.result) == (TraceEvent.FRAME_IN, 7, 0x1000, 60, 9)
    assert [first.d, second.d] == [crc32c(frame) for frame in frames.tolist()]
    assert bench.own.word(SLOT_HEAD) == 0


def test_the_bytes_of_frames_are_kept_while_the_guest_keeps_them(bench: Bench) -> None:
    bench.guest.set_word(DETAIL, 3)
    frames = [bytes([number % 251]) * 60 for number in range(SLOTS + 1)]
    bench.trace.add_frames(TraceEvent.FRAME_OUT, 0, 0, 0, Frames.of(frames))
    slots = [bench.own.record(number).d >> 32 for number in (1, SLOTS, SLOTS + 1)]
    assert slots == [1, SLOTS, SLOTS + 1]
    assert bench.own.word(SLOT_HEAD) == SLOTS + 1
    held = bytes(bench.rings[1].slots[: SLOT_BYTES + 60])
    assert (held[:60], held[SLOT_BYTES:]) == (frames[SLOTS], frames[1])


def test_of_a_frame_longer_than_a_slot_the_beginning_is_kept(bench: Bench) -> None:
    bench.guest.set_word(DETAIL, 3)
    bench.trace.add_frames(TraceEvent.FRAME_OUT, 0, 0, 0, Frames.of([bytes([1]) * (SLOT_BYTES + 9)]))
    assert bytes(bench.rings[1].slots[: SLOT_BYTES + 1]) == bytes([1]) * SLOT_BYTES + bytes(1)


def test_new_records_take_the_place_of_the_oldest(bench: Bench) -> None:
    descriptors = np.zeros(4096, DESCRIPTOR)
    status = np.zeros(4096, np.uint16)
    for _ in range(CAPACITY // 4096 + 1):
        bench.trace.add_buffers(TraceEvent.WRITE, 0, 0, descriptors, status)
    bench.trace.add(TraceEvent.LINK, 1)
    written = bench.own.word(HEAD)
    assert written == (CAPACITY // 4096 + 1) * 4096 + 1 > CAPACITY
    for number in (written, written - 1, CAPACITY + 1, CAPACITY, written - CAPACITY + 1):
        assert bench.own.record(number).sequence == number
    assert bench.own.record(1).sequence == CAPACITY + 1


@pytest.mark.parametrize(("detail", "frames"), [(0, False), (1, False), (2, True)])
def test_the_guest_s_detail_says_whether_frames_are_traced(bench: Bench, detail: int, frames: bool) -> None:
    bench.guest.set_word(DETAIL, detail)
    assert bench.trace.frames is frames


def test_a_capture_gets_the_frames_with_their_bytes_and_nothing_else_at_any_detail(bench: Bench) -> None:
    bench.trace.captures.add("a session")
    assert (bench.trace.frames, bench.trace.steps) == (True, False)
    bench.trace.add_frames(TraceEvent.FRAME_IN, 0, 0, 0, Frames.of([bytes(60)]))
    assert bench.own.record(1).d >> 32 == bench.own.word(SLOT_HEAD) == 1
    bench.trace.captures.clear()
    assert not bench.trace.frames


def test_settled_is_the_head_at_a_turn_s_begin_and_all_ones_at_rest(bench: Bench) -> None:
    bench.guest.write()
    bench.trace.begin()
    bench.guest.write()
    assert bench.own.word(SETTLED) == 1
    bench.trace.rest()
    assert bench.own.word(SETTLED) == ASLEEP


def test_closing_removes_the_files_and_leaves_what_is_mapped(bench: Bench, tmp_path: Path) -> None:
    bench.guest.write(a=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recorder", "trace"]
    for name in ("recorder", "trace"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    bench.close()
    assert list(tmp_path.iterdir()) == []
    assert bench.guest.record(1).a == 5
    bench.rings = (RecordRing(), RecordRing())  # for the fixture to close
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_card_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    killed = RecordRing(path)
    killed.words[2] = 7
    ring = RecordRing(path)
    assert path.stat().st_size == RECORDER_BYTES
    assert ring.words[2] == 0
    killed.close()
    assert path.exists(), "it removes only its own file"
    ring.close()
    assert not path.exists()


def test_what_a_card_left_that_was_killed_at_once_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "trace").touch()
    RecordRing(tmp_path / "trace").close()


def a_file(path: Path) -> None:
    path.write_bytes(b"old")


def a_link_to_a_ring(path: Path) -> None:
    target = path.with_name("target")
    target.write_bytes(b"NICRRECD")
    path.symlink_to(target)


@pytest.mark.parametrize("make", [a_file, a_link_to_a_ring, Path.mkdir, os.mkfifo])
def test_a_file_of_the_user_stays_and_the_card_says_so(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "recorder"
    make(path)
    before = path.lstat()
    with pytest.raises(FileExistsError, match="recorder exists and is not a card's: choose another folder"):
        RecordRing(path)
    assert path.lstat() == before
    assert all(entry.lstat().st_size == 8 for entry in tmp_path.glob("target"))


def test_a_ring_s_file_has_its_room_on_the_disk_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "recorder"
    ring = RecordRing(path)
    assert path.stat().st_blocks * 512 >= RECORDER_BYTES, "a page that cannot be had later would kill card and guest"
    ring.close()


def test_a_ring_without_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        RecordRing(tmp_path / "recorder")
    assert list(tmp_path.iterdir()) == []
