# SPDX-License-Identifier: GPL-2.0-or-later
"""Each word, in both directions, from its evidence alone."""

from __future__ import annotations

import pytest

from nicrig.verifier.events import CARD_EVENTS
from nicrig.verifier.functions import RecordKind
from nicrig.witnesses.classify import PATIENCE
from nicrig.witnesses.judge import FrameFinding, Witnesses
from nicrig.witnesses.words import DROPPED, Word
from tests.controller.witnesses.stream import (
    BUFFER_BYTES,
    PACKETS,
    PAGE,
    PHYSICAL,
    SHARED,
    SKB,
    SKB_PHYSICAL,
    Stream,
    frame,
)

ONE, TWO, THREE = frame(1), frame(2), frame(3)
OLD = frame(100, 1000)
LINE = 64


def stream(*, bytes_kept: bool = True, channel: bool = False) -> Stream:
    """A driver whose first buffer has held a frame before."""
    return Stream(bytes_kept=bytes_kept, channel=channel).setup().receives(OLD, 0)


def mixed(new: bytes, old: bytes, *, lines: range) -> bytes:
    """The new bytes, except for some cache lines of the old ones."""
    made = bytearray(new)
    for line in lines:
        made[line * LINE : (line + 1) * LINE] = old[line * LINE : (line + 1) * LINE]
    return bytes(made[: len(new)])


def word(built: Stream, way: str) -> str:
    finding = built.only()
    assert finding.way == way
    return finding.word


kept_or_not = pytest.mark.parametrize("bytes_kept", [True, False])
with_and_without_channel = pytest.mark.parametrize("channel", [False, True])


@kept_or_not
@with_and_without_channel
def test_clean_frames_are_coherent(bytes_kept: bool, channel: bool) -> None:
    built = stream(bytes_kept=bytes_kept, channel=channel).receives(ONE, 1).receives(TWO, 0).echoes(OLD)
    assert built.echoes(ONE).echoes(TWO).counts() == {}


# -- in ---------------------------------------------------------------------------------------------------------
def built_in(seen: bytes, *, slot: int = 0, data: bytes = ONE) -> Stream:
    """A frame that was flushed in time, as the CPU sees it."""
    return stream().receives(data, slot, seen=seen)


def test_a_look_before_the_device_wrote() -> None:
    built = stream()
    built.injected.append(ONE)
    built.flushes_read(0).indicates(OLD[:200], 0).writes(ONE, 0)
    assert word(built, "in") == "written-after-completion"


@kept_or_not
def test_a_look_before_the_flush(bytes_kept: bool) -> None:
    built = stream(bytes_kept=bytes_kept)
    built.injected.append(ONE)
    built.writes(ONE, 0).indicates(OLD[:200], 0).flushes_read(0)
    assert word(built, "in") == "read-before-flush"


def test_the_flush_of_the_next_frame_in_the_buffer_does_not_count_for_this_one() -> None:
    built = stream()
    built.injected.append(ONE)
    built.writes(ONE, 0).indicates(OLD[:200], 0).receives(TWO, 0)
    assert word(built, "in") == "stale"


@kept_or_not
def test_no_flush_at_all(bytes_kept: bool) -> None:
    built = stream(bytes_kept=bytes_kept)
    built.injected.append(ONE)
    built.writes(ONE, 0).indicates(OLD[:200], 0)
    assert word(built, "in") == "stale"


def test_the_older_frame_in_the_buffer_is_not_taken_for_the_new_one() -> None:
    """Both frames have the same length, so the stale bytes equal the older frame."""
    built = Stream().setup().receives(ONE, 0)
    built.injected.append(TWO)
    built.writes(TWO, 0).indicates(ONE, 0)
    assert word(built, "in") == "stale"


def test_a_flush_of_another_buffer() -> None:
    built = stream()
    built.injected.append(ONE)
    built.writes(ONE, 0).flushes_read(1).indicates(OLD[:200], 0)
    assert word(built, "in") == "stale"


def updated(*, length: int, seen: bytes) -> Stream:
    """A driver that updates its shared memory, and flushes nothing."""
    built = stream()
    built.injected.append(ONE)
    return built.writes(ONE, 0).add("NdisMUpdateSharedMemory", length, SHARED, PHYSICAL).indicates(seen, 0)


def test_an_update_of_the_shared_memory_is_a_flush() -> None:
    assert updated(length=200, seen=ONE).counts() == {}
    assert word(updated(length=14, seen=mixed(ONE, OLD, lines=range(1, 4))), "in") == "torn"
    late = stream()
    late.injected.append(ONE)
    late.writes(ONE, 0).indicates(OLD[:200], 0).add("NdisMUpdateSharedMemory", 200, SHARED, PHYSICAL)
    assert word(late, "in") == "read-before-flush"


def test_a_flush_of_a_part_of_the_frame() -> None:
    built = stream()
    built.injected.append(ONE)
    built.writes(ONE, 0).flushes_read(0, 100).indicates(mixed(ONE, OLD, lines=range(2, 4)), 0)
    assert word(built, "in") == "torn"


@kept_or_not
def test_a_transfer_that_was_completed_too_late_or_never(bytes_kept: bool) -> None:
    late = stream(bytes_kept=bytes_kept, channel=True)
    late.injected.append(ONE)
    never = stream(bytes_kept=bytes_kept, channel=True)
    never.injected.append(ONE)
    assert word(late.writes(ONE, 0).indicates(OLD[:200], 0).flushes_read(0), "in") == "read-before-flush"
    assert word(never.writes(ONE, 0).indicates(OLD[:200], 0), "in") == "stale"


def test_a_copy_that_was_indicated_before_its_transfer_was_completed() -> None:
    """Where no cache is in the way the bytes are right."""
    built = stream(channel=True)
    built.injected.append(ONE)
    assert word(built.writes(ONE, 0).indicates(ONE, 0).flushes_read(0), "in") == "read-before-flush"


def test_lines_of_the_device_s_and_lines_that_lay_there() -> None:
    assert word(built_in(mixed(ONE, OLD, lines=range(1, 2))), "in") == "torn"


def test_only_lines_that_lay_there() -> None:
    assert word(built_in(OLD[: len(ONE)]), "in") == "stale"


def test_lines_that_are_alike_in_both_say_nothing() -> None:
    half = OLD[:128] + ONE[128:]
    assert word(built_in(OLD[: len(ONE)], data=half), "in") == "stale"


@pytest.mark.parametrize("at", [0, 70, 199])
def test_a_byte_that_no_side_wrote(at: int) -> None:
    seen = ONE[:at] + bytes([ONE[at] ^ 1]) + ONE[at + 1 :]
    assert word(built_in(seen), "in") == "changed-under-device"


def test_the_beginning_of_the_frame() -> None:
    assert word(built_in(ONE[:-1]), "in") == "truncated"
    assert word(Stream(bytes_kept=False).setup().receives(ONE, 1, seen=ONE[:60]), "in") == "truncated"


def test_more_than_the_device_moved() -> None:
    assert word(built_in(ONE + OLD[200:201]), "in") == "overrun"


def test_a_device_that_writes_elsewhere_than_posted() -> None:
    built = stream()
    built.injected.append(ONE)
    built.writes(ONE, 0, address=PHYSICAL + 5 * PAGE, posted=PHYSICAL).flushes_read(0).indicates(OLD[:200], 0)
    assert word(built, "in") == "misdirected"


def test_two_frames_in_each_other_s_buffers() -> None:
    built = stream()
    built.injected += [ONE, TWO]
    built.writes(ONE, 1, address=PHYSICAL + 2 * PAGE).writes(TWO, 2, address=PHYSICAL + PAGE)
    built.flushes_read(1).indicates(TWO, 1).flushes_read(2).indicates(ONE, 2)
    assert built.counts() == {"misdirected": 2}


def test_a_frame_that_the_driver_never_indicates() -> None:
    built = stream()
    built.injected += [ONE, TWO]
    built.writes(ONE, 1).writes(TWO, 2).flushes_read(2).indicates(TWO, 2)
    assert word(built, "in") == "not-indicated"


def test_a_frame_that_the_driver_indicates_twice() -> None:
    built = stream().receives(ONE, 1).receives(TWO, 2)
    built.indicates(ONE, 1)
    assert word(built, "in") == "duplicated"


def test_frames_that_the_driver_swaps() -> None:
    built = stream()
    built.injected += [ONE, TWO]
    built.writes(ONE, 1).writes(TWO, 2).flushes_read(1).flushes_read(2).indicates(TWO, 2).indicates(ONE, 1)
    assert word(built, "in") == "reordered"


def test_a_frame_that_was_not_injected() -> None:
    assert word(stream().indicates(ONE, 3), "in") == "unexpected"


@pytest.mark.parametrize(
    ("moved", "expected"),
    [(ONE[:-1], "truncated"), (ONE + b"!", "overrun"), (ONE[:-1] + b"!", "corrupted")],
)
def test_what_the_device_itself_makes_of_a_frame(moved: bytes, expected: str) -> None:
    built = stream().receives(moved, 1)
    built.injected[-1] = ONE
    assert word(built, "in") == expected


def test_a_frame_that_the_device_drops_doubles_or_swaps() -> None:
    dropped = stream().receives(ONE, 1)
    dropped.injected.append(TWO)
    doubled = stream().receives(ONE, 1).receives(ONE, 2)
    doubled.injected.pop()
    swapped = stream().receives(ONE, 1).receives(TWO, 2)
    swapped.injected[-2:] = [TWO, ONE]
    assert [word(built, "in") for built in (dropped, doubled, swapped)] == ["lost", "duplicated", "reordered"]


# -- out --------------------------------------------------------------------------------------------------------
def sending() -> tuple[Stream, int]:
    built = Stream().setup().receives(ONE, 0)
    return built, built.sends(ONE)


def finish(built: Stream, number: int, *, after: bytes = ONE, wire: bytes | None = None) -> str:
    built.completes(after, number)
    moved = next(event for event in built.events if event.function == "card.frame_out")
    read = built.frame_of(moved.d, moved.c, True)
    built.echoed.append(read if wire is None and read else wire or b"")
    return word(built, "out")


def test_a_read_before_the_flush() -> None:
    built, number = sending()
    assert finish(built.reads(OLD[:200], number).flushes_write(number, 200), number) == "read-before-flush"


def test_a_read_without_a_flush() -> None:
    built, number = sending()
    assert finish(built.reads(OLD[:200], number), number) == "stale"


def test_a_read_after_a_flush_of_a_part() -> None:
    built, number = sending()
    built.flushes_write(number, 64).reads(mixed(ONE, OLD, lines=range(1, 4)), number)
    assert finish(built, number) == "torn"


def test_a_flush_of_the_first_of_several_buffers_says_nothing_of_the_others() -> None:
    built = Stream().setup().receives(ONE, 0)
    number = built.sends(ONE, first=60)
    built.flushes_write(number, 60).reads(ONE[:60], number).completes(ONE, number)
    built.echoed.append(ONE[:60])
    assert word(built, "out") == "truncated"


def test_a_flush_that_misses_the_frame() -> None:
    built, number = sending()
    built.add("NdisFlushBuffer", built.events[-2].b, SKB + number * PAGE + 1024, 64, 1).reads(OLD[:200], number)
    assert finish(built, number) == "stale"


@pytest.mark.parametrize("read", [ONE, OLD[:200]])
def test_a_store_while_the_device_owns_the_buffer(read: bytes) -> None:
    built, number = sending()
    built.flushes_write(number, 200).reads(read, number)
    assert finish(built, number, after=ONE[:-1] + b"!") == "changed-under-device"


def test_a_device_that_reads_elsewhere() -> None:
    built, number = sending()
    built.flushes_write(number, 200).reads(TWO, number, address=SKB_PHYSICAL, posted=SKB_PHYSICAL + number * PAGE)
    assert finish(built, number) == "misdirected"


@pytest.mark.parametrize(
    ("read", "expected", "copied"),
    [
        (ONE[:-1], "truncated", "truncated"),
        (ONE + b"!", "overrun", "overrun"),
        (mixed(ONE, OLD, lines=range(1)), "torn", "copied-wrong"),
        (OLD[:200], "stale", "copied-wrong"),
    ],
)
def test_what_the_device_reads_of_a_frame(read: bytes, expected: str, copied: str) -> None:
    assert word(Stream().setup().receives(ONE, 0).echoes(ONE, read=read), "out") == expected
    assert word(Stream(channel=True).setup().receives(ONE, 0).echoes(ONE, read=read), "out") == copied


@pytest.mark.parametrize(
    ("wire", "expected"),
    [(ONE[:-1], "truncated"), (ONE + b"!", "overrun"), (ONE[:-1] + b"!", "corrupted")],
)
def test_what_the_wire_gets_of_a_frame(wire: bytes, expected: str) -> None:
    built, number = sending()
    assert finish(built.flushes_write(number, 200).reads(ONE, number), number, wire=wire) == expected


def test_frames_that_never_go_out_go_out_twice_or_in_another_order() -> None:
    def both() -> Stream:
        return Stream().setup().receives(ONE, 0).receives(TWO, 1)

    never = both().echoes(ONE)
    never.completes(TWO, never.sends(TWO))
    twice = both().echoes(ONE).reads(ONE, 1).echoes(TWO)
    twice.echoed.insert(1, ONE)
    wire_swapped = both().echoes(ONE).echoes(TWO)
    wire_swapped.echoed.reverse()
    assert [word(built, "out") for built in (never, twice, wire_swapped)] == ["lost", "duplicated", "reordered"]


def test_a_frame_that_was_wrong_already_has_one_word_also_when_it_changes_further() -> None:
    built = stream()
    built.injected.append(ONE)
    built.writes(ONE, 0).indicates(OLD[:200], 0).echoes(OLD).echoes(OLD[:100] + ONE[100:])
    assert word(built, "in") == "stale"


def test_a_loss_in_the_guest_s_stack_does_not_count_against_the_driver() -> None:
    built = stream().receives(ONE, 1).echoes(OLD)
    assert word(built, "stack") == "lost"


# -- a guest that answers as it likes ---------------------------------------------------------------------------
def settled(built: Stream, *, left: list[bytes]) -> dict[str, int]:
    """The counts when these frames left and the guest does not echo."""
    witnesses = Witnesses()
    witnesses.begin()
    witnesses.feed(built.events, built.frame_of)
    assert witnesses.sent == len(built.echoed)
    witnesses.settle(built.injected, left, echoing=False)
    return {str(word): count for word, count in witnesses.counts.items()}


def test_an_answer_is_no_echo_and_every_hop_is_judged() -> None:
    built = stream().receives(ONE, 1).echoes(TWO)
    assert settled(built, left=[TWO]) == {}
    assert settled(built, left=[THREE]) == {"corrupted": 1}
    assert settled(stream().receives(ONE, 0, seen=OLD[:200]), left=[]) == {"stale": 1}


def test_a_frame_that_no_witness_saw_is_lost() -> None:
    built = Stream()
    built.injected.append(ONE)
    assert settled(built, left=[]) == {"lost": 1}


def test_all_is_there_when_each_witness_has_seen_what_the_one_before_it_saw() -> None:
    witnesses = Witnesses()
    witnesses.begin()
    assert not witnesses.complete(1)
    built = Stream().setup()
    built.writes(ONE, 0)
    witnesses.feed(built.events)
    assert not witnesses.complete(1)
    before = len(built.events)
    built.indicates(ONE, 0)
    witnesses.feed(built.events[before:])
    assert witnesses.complete(1)
    assert not witnesses.complete(2)


# -- when the driver posted or completed -----------------------------------------------------------------------
@pytest.mark.parametrize("read", [ONE, OLD[:200]])
def test_a_send_that_was_completed_before_the_device_read_it(read: bytes) -> None:
    built, number = sending()
    built.flushes_write(number, 200).completes(ONE, number).reads(read, number)
    built.echoed.append(read)
    assert word(built, "out") == "completed-before-read"


def test_a_read_that_seems_to_come_in_time_is_late_when_others_are() -> None:
    """The device's record says when it read at the earliest."""
    built, number = sending()
    built.flushes_write(number, 200).completes(ONE, number).reads(ONE, number)
    second = built.sends(TWO)
    built.flushes_write(second, 200).reads(bytes(200), second).completes(TWO, second)
    built.echoed += [ONE, bytes(200)]
    assert built.counts()["completed-before-read"] == 2
    assert built.counts()["stale"] == 0


def test_a_driver_that_copies_may_complete_a_send_at_once() -> None:
    built = Stream(channel=True).setup().receives(ONE, 0)
    number = built.sends(ONE)
    built.flushes_write(number, 200).completes(ONE, number).reads(ONE, number)
    built.echoed.append(ONE)
    assert built.counts() == {}


def test_a_buffer_that_the_device_writes_while_the_protocol_has_it() -> None:
    built = stream().receives(ONE, 1).receives(TWO, 1)
    built.add("MiniportReturnPacket", PACKETS + 1, kind=RecordKind.ENTER)
    assert built.counts() == {}, "the first packet came back when its indication returned"
    lent = stream().receives(ONE, 1)
    lent.injected.append(TWO)
    lent.writes(TWO, 1).add("MiniportReturnPacket", PACKETS + 1, kind=RecordKind.ENTER)
    lent.flushes_read(1).indicates(TWO, 1)
    assert word(lent, "in") == "posted-while-lent"


def overwritten(*, posted: int) -> Stream:
    """Two frames go to one buffer before the driver looks; the device had this many when it wrote the first."""
    built = stream()
    built.injected += [ONE, TWO]
    built.add("card.doorbell", 0, posted, 0, 16)
    built.writes(ONE, 1).add("card.doorbell", 0, 17, 1, 16).writes(TWO, 1)
    return built.flushes_read(1).indicates(TWO, 1).indicates(TWO, 1)


def test_a_buffer_that_was_in_the_ring_twice_or_was_posted_before_its_frame_was_indicated() -> None:
    assert word(overwritten(posted=2), "in") == "posted-twice"
    assert word(overwritten(posted=1), "in") == "posted-early"


def test_a_buffer_that_was_in_the_ring_twice_and_took_both_frames_of_a_batch() -> None:
    """The device looks at what it wrote when the batch is done: both buffers have the later frame."""
    built = stream()
    built.injected += [ONE, THREE]
    both = THREE[:-1] + b"!"
    built.add("card.doorbell", 0, 2, 0, 16).writes(both, 1).writes(THREE, 1)
    built.flushes_read(1).indicates(THREE, 1).indicates(both, 1)
    assert built.counts() == {"posted-twice": 1}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (OLD[:200], "copied-early"),
        (ONE[:100] + OLD[100:200], "copied-early"),
        (TWO[:199] + ONE[199:], "copied-late"),
        (ONE[:50] + TWO[50:199] + ONE[199:], "copied-late"),
        (bytes(200), "copied-wrong"),
    ],
)
def test_what_a_driver_copies(seen: bytes, expected: str) -> None:
    """The transfer was completed in time: what is wrong is the copy, and no cache."""
    built = stream(channel=True)
    built.injected += [ONE, TWO[:-1]]
    built.writes(ONE, 0).flushes_read(0).writes(TWO[:-1], 0).indicates(seen, 0)
    built.flushes_read(0).indicates(TWO[:-1], 0)
    assert word(built, "in") == expected


NOISE = bytes(0xA5 ^ at for at in range(200))


def noisy(built: Stream) -> FrameFinding:
    """The one fault, when an unkind card writes NOISE."""
    witnesses = built.judged(noise=NOISE)
    assert sum(witnesses.counts.values()) == 1, witnesses.counts
    return next(iter(witnesses.findings.values()))


@with_and_without_channel
def test_a_frame_with_the_noise_of_an_unkind_card(channel: bool) -> None:
    built = stream(channel=channel).receives(ONE, 0, seen=ONE[:60] + NOISE[60:199] + ONE[199:])
    assert noisy(built).word == ("copied-late" if channel else "posted-early")
    other = stream(channel=channel).receives(ONE, 0, seen=ONE[:199] + b"!")
    assert noisy(other).word == ("copied-wrong" if channel else "changed-under-device")


def test_a_packet_that_becomes_noise_while_the_protocol_has_it() -> None:
    """The protocol sends back what it got, out of the same memory."""
    held = stream().echoes(OLD).receives(ONE, 0)
    held.echoes(NOISE)
    assert (noisy(held).word, noisy(held).way) == ("posted-while-lent", "stack")
    sent, number = sending()
    sent.flushes_write(number, 200).reads(ONE, number).completes(ONE[:100] + NOISE[100:], number)
    sent.echoed.append(ONE)
    assert (noisy(sent).word, noisy(sent).way) == ("posted-while-lent", "out")
    read, number = sending()
    read.flushes_write(number, 200).reads(NOISE, number).completes(ONE, number)
    read.echoed.append(NOISE)
    assert noisy(read).word == "posted-while-lent"


@pytest.mark.parametrize("word", DROPPED)
def test_a_frame_that_the_card_dropped(word: Word) -> None:
    built = stream()
    built.injected += [ONE, TWO]
    witnesses = Witnesses()
    witnesses.begin(built.injected)
    witnesses.feed(built.events, built.frame_of)
    witnesses.settle(built.injected, None, dropped={word: 1})
    assert witnesses.counts == {word: 1, "lost": 1}


def test_the_shortest_of_the_missing_frames_was_too_short_and_the_longest_too_long() -> None:
    built = stream()
    built.injected += [ONE, bytes(9), bytes(1600), TWO]
    witnesses = Witnesses()
    witnesses.begin(built.injected)
    witnesses.feed(built.events, built.frame_of)
    witnesses.settle(built.injected, None, dropped={"rx_no_buffer": 1, "rx_too_long": 1, "rx_too_short": 1})
    lengths = {word: finding.views["wire"].length for word, finding in witnesses.findings.items()}
    assert lengths == {"rx_no_buffer": len(ONE), "rx_too_short": 9, "rx_too_long": 1600, "lost": len(TWO)}


def test_a_frame_that_a_reset_of_the_card_dropped_is_lost() -> None:
    built = stream()
    built.injected += [ONE]
    built.add("card.reset")
    witnesses = Witnesses()
    witnesses.begin(built.injected)
    witnesses.feed(built.events, built.frame_of)
    witnesses.settle(built.injected, None, dropped={"rx_disabled": 1})
    assert witnesses.counts == {"lost": 1}


def test_who_has_a_frame_that_is_lost() -> None:
    held = stream()
    held.injected.append(ONE)
    held.writes(ONE, 1)
    assert "the driver still has that memory" in held.only().why
    again = stream()
    again.injected += [ONE, TWO]
    again.writes(ONE, 1).writes(TWO, 1).flushes_read(1).indicates(TWO, 1)
    assert "the driver gave that memory back" in again.only().why
    pending, _ = sending()
    assert "did not complete the send" in pending.only().why
    failed, number = sending()
    failed.add("NdisMSendComplete", PACKETS + 0x1000 + number, 0xC0000001, 0, 0, failed.digest(ONE))
    assert "completed the send with status 0xc0000001" in failed.only().why


@pytest.mark.parametrize(
    ("then", "named"),
    [
        (["card.interrupt", "MiniportHandleInterrupt"], "not-indicated"),
        (["MiniportHandleInterrupt"], "not-indicated"),
        (["MiniportHandleInterrupt", "card.reset"], "lost"),
        (["card.interrupt", "MiniportISR"], "interrupt-ignored"),
        ([], "no-interrupt"),
        (["card.reset", "card.interrupt", "MiniportHandleInterrupt"], "lost"),
        (["pause", "card.reset", "card.interrupt", "MiniportHandleInterrupt"], "no-interrupt"),
    ],
)
def test_what_a_driver_did_about_a_frame_that_it_never_indicated(then: list[str], named: Word) -> None:
    built = stream().add("card.interrupt")
    built.injected.append(ONE)
    built.writes(ONE, 1)
    for function in then:
        if function == "pause":
            built.pause += PATIENCE
            continue
        built.add(function, kind=RecordKind.CALL if function in CARD_EVENTS else RecordKind.ENTER)
    assert word(built, "in") == named


TRANSMIT = 1


def test_a_send_without_a_doorbell() -> None:
    built = Stream().setup().receives(ONE, 0).add("card.doorbell", TRANSMIT, 1)
    number = built.sends(ONE)
    assert word(built, "out") == "no-doorbell"
    built.completes(ONE, number)
    assert word(built, "out") == "lost"


def test_a_send_that_its_doorbell_did_not_bring_to_the_device() -> None:
    built, _ = sending()
    assert word(built.add("card.doorbell", TRANSMIT, 1), "out") == "lost"


def failed_though_sent(*, reset: bool = False, alive: bool = True) -> Stream:
    """The device sent a frame, and the driver says that it failed."""
    built = stream().echoes(OLD).receives(ONE, 1)
    number = built.sends(ONE)
    built.flushes_write(number, 200).reads(ONE, number)
    if reset:
        built.add("card.reset")
    built.add("NdisMSendComplete", PACKETS + 0x1000 + number, 0xC0000001, 0, 0, built.digest(ONE))
    built.echoed.append(ONE)
    return built.receives(TWO, 2).echoes(TWO) if alive else built


def test_a_send_that_the_device_sent_and_the_driver_reports_as_failed() -> None:
    assert word(failed_though_sent(), "out") == "misreported"
    assert failed_though_sent(reset=True).counts() == {}
    assert failed_though_sent().judged(refused=1).counts == {}
    assert failed_though_sent(alive=False).counts() == {}


# -- the guest's own doing ---------------------------------------------------------------------------------------
STATION = bytes.fromhex("5254006e6963")


def own(number: int) -> bytes:
    """A frame that the guest's own stack made."""
    return bytes(6) + STATION + frame(number, 188)


def judged_apart(built: Stream) -> Witnesses:
    witnesses = Witnesses()
    witnesses.station = STATION
    begin = next(n for n, event in enumerate(built.events) if event.function.startswith("card."))
    witnesses.feed(built.events[:begin], built.frame_of)
    witnesses.begin(built.injected)
    witnesses.feed(built.events[begin:], built.frame_of)
    witnesses.settle(built.injected, built.echoed)
    return witnesses


def test_a_frame_of_the_guest_s_own_is_no_partner_of_another_one() -> None:
    built = stream().echoes(OLD).receives(ONE, 1).echoes(own(7)).echoes(ONE).receives(TWO, 2)
    built.echoed.remove(own(7))  # the exchange leaves it out
    judged = judged_apart(built)
    assert (judged.counts, judged.reordered, judged.findings["lost"].way) == ({"lost": 1}, 0, "stack")
    built.sends(own(8))  # under way when the chunk ends
    assert judged_apart(built).counts == {"lost": 1}


def test_what_the_driver_does_to_a_frame_of_the_guest_s_own_is_judged() -> None:
    built = stream().echoes(OLD)
    built.echoes(own(7), read=own(7)[:-9] + bytes(9)).echoed.pop()
    assert judged_apart(built).counts == {"torn": 1}


def test_a_queueing_discipline_that_reorders_is_not_the_driver() -> None:
    witnesses = stream().receives(ONE, 1).receives(TWO, 2).echoes(OLD).echoes(TWO).echoes(ONE).judged()
    assert (witnesses.counts, witnesses.reordered) == ({}, 1)


def test_of_a_run_that_was_cut_off_missing_frames_are_under_way() -> None:
    built = stream().receives(ONE, 1, seen=ONE[:-1]).receives(TWO, 2)
    witnesses = Witnesses()
    witnesses.begin(built.injected)
    witnesses.feed(built.events, built.frame_of)
    witnesses.settle(built.injected, [], under_way=True)
    assert witnesses.counts == {"truncated": 1}


# -- what is not there ------------------------------------------------------------------------------------------
def test_without_wires_device_and_cpu_are_compared() -> None:
    built = stream().receives(ONE, 0, seen=OLD[:200])
    assert built.judged(wires=False).counts == {"stale": 1}


def test_a_packet_that_the_layer_refuses_is_not_a_sighting() -> None:
    built = stream().receives(ONE, 1)
    assert built.add("NdisMIndicateReceivePacket", 1, 2, 200, 0, 0).counts() == {}


def test_lost_records_leave_the_wire() -> None:
    built = stream().receives(ONE, 0, seen=OLD[:200])
    built.echoed = [OLD, ONE]
    assert built.judged().counts == {"stale": 1, "lost": 1, "unexpected": 2}
    built.events[-1] = built.events[-1]._replace(sequence=built.events[-1].sequence + 1)
    assert built.judged().counts == {}


def test_lost_events_of_the_card_leave_the_wire() -> None:
    witnesses = Witnesses()
    witnesses.begin([ONE])
    witnesses.feed(stream().receives(ONE, 0, seen=OLD[:200]).events)
    witnesses.lost()
    witnesses.settle([ONE], [ONE])
    assert witnesses.counts == {}


def test_a_recording_is_judged_in_parts_that_end_where_nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nicrig.witnesses.judge.PART_EVENTS", 20)
    built = Stream(bytes_kept=False).setup()
    for number in range(50):
        built.receives(frame(number), number % 16).echoes(frame(number))
    built.receives(ONE, 0, seen=OLD[:200])
    witnesses = Witnesses()
    witnesses.judge_stream(built.events)
    assert witnesses.frames == {"in": 51, "out": 50}
    assert witnesses.counts == {"changed-under-device": 1}


def test_what_a_reset_took_is_not_lost() -> None:
    built = Stream(bytes_kept=False).setup().writes(ONE, 0)
    lost, taken = Witnesses(), Witnesses()
    lost.judge_stream(built.events)
    taken.judge_stream(built.add("card.reset").events)
    assert (lost.counts, taken.counts) == ({"no-interrupt": 1}, {})


def test_the_views_are_shown_in_the_order_of_the_way() -> None:
    finding: FrameFinding = built_in(mixed(ONE, OLD, lines=range(1, 2))).only()
    assert list(finding.views) == ["wire", "device", "cpu"]
    assert [sighting.length for sighting in finding.views.values()] == [200, 200, 200]
    assert BUFFER_BYTES > 200
