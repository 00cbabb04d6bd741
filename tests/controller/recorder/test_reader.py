# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig.errors import RigError
from nicrig.recorder import CALL_SITES_FILE
from nicrig.recorder.call_sites import Row, Table
from nicrig.recorder.reader import CARD_NUMBERS, READ_MAX, Batch, Recorder, RecordReader
from nicrig.verifier.functions import BY_NAME
from nicrig_interface.answers import RecorderLayout
from tests.fakes.recorder import ALL_ONES, BUILD, HEAD, SETTLED, Record, Rings
from tests.strategies import distorted, word

CAPACITY = 8


@pytest.fixture
def rings(tmp_path: Path) -> Rings:
    return Rings(tmp_path, CAPACITY)


@pytest.fixture
def ring(rings: Rings) -> RecordReader:
    return RecordReader(Path(rings.layout.recorder), rings.layout)


def write(rings: Rings, guest: int = 0, *, card: list[int] | None = None) -> None:
    """Records of the guest, then a doorbell of the card after each of these guest records."""
    for _ in range(guest):
        rings.guest.write(function=1)
    for result in card or []:
        rings.card.write(function=5, result=result)


def numbers(ring: RecordReader, until: int | None = None, *, to_end: bool = False) -> list[int]:
    """The numbers of all records that a read gives."""
    batches = ring.read(ring.head if until is None else until, to_end=to_end)
    return [number for batch in batches for number in batch["sequence"].tolist()]


def order(batches: list[Batch]) -> list[str]:
    """All records in order: g3 is the guest's third, c2 the card's after the guest's second."""
    rows = [row for batch in batches for row in batch.records]
    return [f"c{row['result']}" if row["function"] > 0x7FFF else f"g{row['sequence']}" for row in rows]


def lost(batches: list[Batch]) -> int:
    return sum(batch.card_lost for batch in batches)


def hook(monkeypatch: pytest.MonkeyPatch, ring: RecordReader, during: Callable[[], None]) -> None:
    """Run `during` once, when the next read has copied and reads HEAD for the second time."""
    looks = iter([lambda: None, during])

    def head(_: RecordReader) -> int:
        next(looks, lambda: None)()
        return ring.word(HEAD // 8)

    monkeypatch.setattr(RecordReader, "head", property(head))


# -- one ring ----------------------------------------------------------------------------------------------


def test_records_are_read_once_across_the_ring_s_end(rings: Rings, ring: RecordReader) -> None:
    for first in range(1, 40, 5):
        write(rings, 5)
        assert numbers(ring) == list(range(first, first + 5))
        assert numbers(ring) == []
    assert ring.lost == 0


def test_nothing_is_read_beyond_until(rings: Rings, ring: RecordReader) -> None:
    write(rings, 5)
    assert numbers(ring, until=3) == [1, 2, 3]
    assert ring.done == 3


@pytest.mark.parametrize(("written", "gone"), [(8, 0), (9, 1), (30, 22)])
def test_a_slow_reader_loses_the_oldest_and_counts_them(
    rings: Rings, ring: RecordReader, written: int, gone: int
) -> None:
    write(rings, written)
    assert numbers(ring) == list(range(gone + 1, written + 1))
    assert ring.lost == gone


def test_a_read_of_many_comes_in_bounded_pieces(tmp_path: Path) -> None:
    rings = Rings(tmp_path, READ_MAX + 10)
    write(rings, READ_MAX + 10)
    ring = RecordReader(Path(rings.layout.recorder), rings.layout)
    assert [len(batch) for batch in ring.read(ring.head)] == [READ_MAX, 10]


def test_a_record_that_is_not_whole_is_waited_for(rings: Rings, ring: RecordReader) -> None:
    write(rings, 1)
    slow = rings.guest.begin()
    write(rings, 1)
    assert numbers(ring) == [1]
    rings.guest.fill(Record(slow))
    assert numbers(ring) == [2, 3]
    assert ring.lost == 0


def test_a_writer_that_lost_its_cpu_is_not_dead(rings: Rings, ring: RecordReader) -> None:
    slow = rings.guest.begin()
    for _ in range(3):
        assert numbers(ring) == []
    rings.guest.fill(Record(slow))
    assert numbers(ring) == [1]
    assert ring.lost == 0


def test_records_that_never_become_whole_are_waited_for_once_and_passed_over(
    monkeypatch: pytest.MonkeyPatch, rings: Rings, ring: RecordReader
) -> None:
    monkeypatch.setattr("nicrig.recorder.reader.DEAD_SECONDS", 0)
    write(rings, 1)
    rings.guest.begin()
    rings.guest.begin()
    write(rings, 1)
    assert numbers(ring) == [1]
    rings.guest.begin()  # begun after the wait started
    assert numbers(ring) == [4]
    assert (ring.lost, ring.done) == (2, 4)
    assert numbers(ring) == []
    assert ring.lost == 3


def test_at_the_end_nothing_is_waited_for(rings: Rings, ring: RecordReader) -> None:
    write(rings, 1)
    rings.guest.begin()
    write(rings, 2)
    assert numbers(ring, to_end=True) == [1, 3, 4]
    assert ring.lost == 1


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "begun"])
def test_a_record_that_is_overwritten_while_it_is_copied_is_lost(
    monkeypatch: pytest.MonkeyPatch, rings: Rings, ring: RecordReader, whole: bool
) -> None:
    write(rings, 8)
    hook(monkeypatch, ring, lambda: write(rings, 1) if whole else rings.guest.set_word(HEAD, 9))
    assert numbers(ring, until=8) == [2, 3, 4, 5, 6, 7, 8]
    assert ring.lost == 1


def test_a_record_that_changes_under_the_copy_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, rings: Rings, ring: RecordReader
) -> None:
    """The card fills in its record before it publishes it."""
    write(rings, 8)
    hook(monkeypatch, ring, lambda: rings.guest.fill(Record(9)))
    assert numbers(ring, until=8) == []
    rings.guest.begin()
    assert numbers(ring) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert ring.lost == 1


@pytest.mark.parametrize("head", [1 << 40, (1 << 63) + 5, (1 << 64) - 1])
def test_a_guest_that_lies_about_its_head_gets_nothing_and_breaks_nothing(
    rings: Rings, ring: RecordReader, head: int
) -> None:
    write(rings, 3)
    rings.guest.set_word(HEAD, head)
    assert numbers(ring, to_end=True) == []
    rings.guest.set_word(HEAD, 0)
    assert numbers(ring, to_end=True) == []


def test_a_head_that_goes_back_takes_records_back_and_they_are_lost(rings: Rings, ring: RecordReader) -> None:
    write(rings, 6)
    assert numbers(ring) == [1, 2, 3, 4, 5, 6]
    rings.guest.set_word(HEAD, 2)
    assert numbers(ring) == []
    assert (ring.lost, ring.done) == (4, 2)
    write(rings, 1)
    assert numbers(ring) == [3]


def test_a_head_that_jumps_ahead_and_comes_back_is_followed(rings: Rings, ring: RecordReader) -> None:
    write(rings, 2)
    assert numbers(ring) == [1, 2]
    rings.guest.set_word(HEAD, ALL_ONES)
    assert numbers(ring, to_end=True) == []
    lost = ring.lost
    assert lost > 1 << 63
    rings.guest.set_word(HEAD, 2)
    assert numbers(ring, to_end=True) == []
    assert ring.lost > lost
    write(rings, 1)
    assert numbers(ring, to_end=True) == [3]


@pytest.mark.parametrize("size", [0, HEAD, HEAD + 4, 0x1000, 0x1000 + 70], ids=hex)
def test_a_file_that_is_cut_loses_records_and_ends_no_program(rings: Rings, size: int) -> None:
    """Mapped memory of a file that is cut would end the program with SIGBUS."""
    recorder = Recorder(rings.layout)
    write(rings, 2, card=[0, 1])
    assert order(list(recorder.read())) == ["c0", "g1", "c1", "g2"]
    write(rings, 2, card=[3])
    for path in (rings.layout.recorder, rings.layout.trace):
        os.truncate(path, size)
    assert order(list(recorder.read(to_end=True))) == []
    assert recorder.frame(1 << 32, 60, card=True) is None
    assert recorder.detail == 0 or size > 0x18
    assert recorder.lost > 0


def test_a_missing_ring_is_an_error(rings: Rings, tmp_path: Path) -> None:
    with pytest.raises(RigError, match="no flight recorder"):
        RecordReader(tmp_path / "none", rings.layout)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_ring_that_is_no_file_is_an_error_and_makes_no_one_wait(rings: Rings, tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    with pytest.raises(RigError, match="it is no regular file"):
        RecordReader(path, rings.layout)


# -- both rings --------------------------------------------------------------------------------------------


def test_the_card_s_events_stand_where_they_happened(rings: Rings) -> None:
    write(rings, 3, card=[0, 1, 1, 3])
    assert order(list(Recorder(rings.layout).read())) == ["c0", "g1", "c1", "c1", "g2", "g3", "c3"]


def test_what_the_card_may_still_put_something_before_is_held_back(rings: Rings) -> None:
    recorder = Recorder(rings.layout)
    rings.card.set_word(SETTLED, 2)
    write(rings, 4, card=[2, 3])
    assert order(list(recorder.read())) == ["g1", "g2", "c2"]
    write(rings, card=[3])
    rings.card.set_word(SETTLED, 4)
    assert order(list(recorder.read())) == ["g3", "c3", "c3", "g4"]


def test_to_the_end_nothing_is_held_back(rings: Rings) -> None:
    rings.card.set_word(SETTLED, 1)
    write(rings, 3, card=[1, 7])
    assert order(list(Recorder(rings.layout).read(to_end=True))) == ["g1", "c1", "g2", "g3", "c7"]


def test_the_last_ones_are_the_guest_s_last_and_what_the_card_did_meanwhile(rings: Rings) -> None:
    write(rings, 6, card=[1, 4, 5])
    recorder = Recorder(rings.layout)
    assert order(list(recorder.last(2))) == ["c4", "g5", "c5", "g6"]
    assert recorder.lost == 0
    write(rings, 1)
    assert order(list(recorder.read())) == ["g7"]


def test_the_card_s_records_before_the_last_ones_are_left_out_and_not_lost(rings: Rings) -> None:
    write(rings, 6, card=[1, 2, 3])
    recorder = Recorder(rings.layout)
    assert order(list(recorder.last(3))) == ["c3", "g4", "g5", "g6"]
    assert recorder.lost == 0


def test_of_few_records_the_last_are_all(rings: Rings) -> None:
    write(rings, 2, card=[0])
    assert order(list(Recorder(rings.layout).last(5))) == ["c0", "g1", "g2"]


def test_what_the_card_loses_is_counted_in_the_batch(rings: Rings) -> None:
    write(rings, 1, card=[1] * 11)
    batches = list(Recorder(rings.layout).read())
    assert order(batches) == ["g1", *["c1"] * 8]
    assert lost(batches) == 3


def test_what_the_card_did_after_a_lost_guest_record_is_lost_too(rings: Rings) -> None:
    """Guest records 1 to 4 are overwritten: only before them and after record 5 is the card's place known."""
    write(rings, 12, card=[0, 1, 3, 4, 5, 12])
    batches = list(Recorder(rings.layout).read())
    assert order(batches) == ["c0", "g5", "c5", "g6", "g7", "g8", "g9", "g10", "g11", "g12", "c12"]
    assert lost(batches) == 3


def test_what_the_card_did_in_a_gap_between_two_reads_is_lost(rings: Rings) -> None:
    recorder = Recorder(rings.layout)
    write(rings, 2)
    assert order(list(recorder.read())) == ["g1", "g2"]
    write(rings, 9, card=[2, 3, 4])
    batches = list(recorder.read())
    assert order(batches) == ["c2", "g4", "c4", "g5", "g6", "g7", "g8", "g9", "g10", "g11"]
    assert lost(batches) == 1


def test_a_loss_without_any_record_is_reported_too(rings: Rings) -> None:
    rings.guest.begin()
    write(rings, card=[1])
    batches = list(Recorder(rings.layout).read(to_end=True))
    assert (order(batches), lost(batches)) == ([], 1)


def test_events_have_the_names_of_functions_and_of_the_card_s_events(rings: Rings) -> None:
    rings.guest.write(function=BY_NAME["MiniportHalt"].number, time=5, kind=1, phase=3, irql=2, locks=1, cpu=7, d=9)
    rings.guest.write(function=999)
    rings.card.write(function=9, a=1, result=1)
    recorder = Recorder(rings.layout)
    found = [event for batch in recorder.read() for event in recorder.events(batch.records)]
    assert [event.function for event in found] == ["MiniportHalt", "card.link", "#999"]
    assert tuple(found[0]) == (1, "MiniportHalt", 1, 3, 2, 1, 7, 5, 0, 0, 0, 9, 0, "")


def test_numbers_that_share_a_field_are_read_apart(rings: Rings) -> None:
    small = {"phase": 5, "irql": 3, "site": 0xFFFFE, "cpu": 255, "locks": 15}
    rings.guest.write(function=1, kind=4, **small)
    (batch,) = Recorder(rings.layout).read()
    assert {name: int(batch.records[0][name]) for name in small} == small


def test_a_call_has_its_line_if_the_table_is_of_the_build_that_records(rings: Rings, tmp_path: Path) -> None:
    (tmp_path / CALL_SITES_FILE).write_bytes(msgspec.json.encode(Table(5, ["miniport/send.c"], [Row(0x20, 0, 50)])))
    recorder = Recorder(rings.layout)

    def sites() -> list[str]:
        rings.guest.write(function=1, site=0x24)
        rings.guest.write(function=1)
        return [event.site for batch in recorder.read() for event in recorder.events(batch.records)]

    assert sites() == ["module+0x24", ""]
    rings.guest.set_word(BUILD, 5)
    assert sites() == ["miniport/send.c:50", ""]
    rings.guest.set_word(BUILD, 6)
    assert sites() == ["module+0x24", ""]


def test_a_frame_is_found_by_its_digest_until_its_slot_is_used_again(rings: Rings) -> None:
    recorder = Recorder(rings.layout)
    frames = [bytes([number]) * 60 for number in range(5)]
    guest, card = [rings.guest.keep(frame) for frame in frames], rings.card.keep(frames[4])
    assert [recorder.frame(digest, 60, False) for digest in guest] == [None, *frames[1:]]
    assert recorder.frame(card, 60, True) == frames[4]
    assert recorder.frame(card, 61, True) is None
    assert recorder.frame(card & 0xFFFF_FFFF, 60, True) is None


def test_nothing_is_under_way_when_the_card_sleeps_and_all_is_read(rings: Rings) -> None:
    recorder = Recorder(rings.layout)
    assert recorder.at_rest()
    write(rings, guest=1)
    assert not recorder.at_rest()
    list(recorder.read())
    assert recorder.at_rest()
    rings.card.set_word(SETTLED, 1)
    assert not recorder.at_rest()


def test_a_card_s_names_are_printable_and_bounded(rings: Rings) -> None:
    rings.layout.events["9"] = "\x1b[2J" + "x" * 100_000
    name = Recorder(rings.layout).names[CARD_NUMBERS + 9]
    assert name.startswith(r"\x1b[2J")
    assert len(name) < 200


def test_a_guest_cannot_record_in_the_card_s_name(rings: Rings) -> None:
    recorder = Recorder(rings.layout)
    rings.guest.write(function=CARD_NUMBERS + 5)
    rings.card.write(function=5, result=1)
    found = [event for batch in recorder.read(to_end=True) for event in recorder.events(batch.records)]
    assert [event.function for event in found] == ["#0", "card.doorbell"]


WORDS = word(64, CAPACITY, 1 << 20)
HOSTILE = st.lists(
    st.tuples(st.just("record"), st.tuples(word(16, 5), word(8), WORDS))
    | st.tuples(st.just("head"), WORDS)
    | st.tuples(st.just("slot"), st.tuples(st.integers(1, CAPACITY), WORDS))
    | st.tuples(st.sampled_from(["begin", "card", "read"]), st.none()),
    max_size=30,
)


@given(HOSTILE)
def test_whatever_a_guest_writes_into_its_ring_each_record_is_read_or_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    rings = Rings(tmp_path_factory.mktemp("rings"), CAPACITY)
    recorder, read = Recorder(rings.layout), 0
    for what, value in [*steps, ("read", None)]:
        if what == "record":
            rings.guest.set_word(HEAD, min(rings.guest.word(HEAD), ALL_ONES - 64))
            rings.guest.write(function=value[0], kind=value[1], result=value[2])
        elif what == "head":
            rings.guest.set_word(HEAD, min(value, ALL_ONES - 64))
        elif what == "slot":
            rings.guest.fill(Record(value[0])._replace(sequence=value[0], result=value[1]))
        elif what == "begin":
            rings.guest.begin()
        elif what == "card":
            rings.card.write(function=5, result=rings.guest.word(HEAD))
        else:
            for batch in recorder.read(to_end=True):
                read += int(np.count_nonzero(batch.records["function"] < CARD_NUMBERS))
                assert len(list(recorder.events(batch.records))) == len(batch.records)
            assert read + recorder.lost >= recorder.next - 1


LAYOUT = {
    "record": [["sequence", "<u8"], ["function", "<u2"], ["place", "<u4"], ["result", "<u8"]],
    "packed": {"place": {"site": 20, "cpu": 8}},
    **{"offset": 0x1000, "capacity": 8, "head": 2, "detail": 3, "settled": 4, "build": 7},
    "slots": {"offset": 0x2000, "count": 4, "bytes": 2048},
    "events": {"5": "card.doorbell"},
}


@given(distorted(LAYOUT))
def test_any_layout_that_a_card_describes_is_read_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, described: object
) -> None:
    rings = Rings(tmp_path_factory.mktemp("rings"), CAPACITY)
    rings.guest.write(function=1)
    sound = msgspec.to_builtins(rings.layout)
    if isinstance(described, dict):
        kept = {name for name in LAYOUT if described.get(name) == LAYOUT[name]}
        described = {**sound, **described, **{name: sound[name] for name in kept}}
    assert outcome_of(described).isprintable()


def outcome_of(described: object) -> str:
    """The records of a ring that is described so, or why it cannot be read."""
    try:
        recorder = Recorder(msgspec.convert(described, RecorderLayout))
        found = [event for batch in recorder.last(5) for event in recorder.events(batch.records)]
    except (msgspec.ValidationError, RigError) as error:
        return str(error) if isinstance(error, RigError) else "the monitor's answer is refused"
    return str([event.function for event in found])
