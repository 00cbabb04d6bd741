# SPDX-License-Identifier: GPL-2.0-or-later
from hypothesis import given
from hypothesis import strategies as st

from nicrig.captures.follow import PATIENCE, Followed, Follower
from nicrig.verifier.functions import Detail
from tests.controller.witnesses.stream import Stream, frame

FRAMES, NOW = Detail.FRAMES, 0


def following(stream: Stream) -> Follower:
    """A follower that has the addresses of the buffers, and has been fed the rest."""
    follower = Follower("bus-master", 64)
    begin = next(number for number, event in enumerate(stream.events) if event.function.startswith("card."))
    follower.feed(stream.events[:begin], stream.frame_of)
    follower.begin()
    follower.feed(stream.events[begin:], stream.frame_of)
    return follower


def verdicts(followed: list[Followed]) -> list[str]:
    return [each.comments[-1] for each in followed]


def test_a_frame_that_came_in_has_its_place_its_flush_and_its_verdict() -> None:
    stream = Stream().setup().receives(frame(1), 3)
    (followed,) = following(stream).take(FRAMES, NOW)
    flush = next(event for event in stream.events if event.function == "NdisFlushBuffer")
    assert followed.comments == [
        "rx0 descriptor 3 at 0x10003000, 200 bytes",
        f"flush: NdisFlushBuffer, record {flush.sequence}, at {flush.time / 1e9:.9f} s of the guest's clock",
        "verdict: coherent",
    ]
    assert (followed.frame, followed.outgoing, followed.queue) == (frame(1), False, 0)


def test_a_frame_that_went_out_has_them_too() -> None:
    (followed,) = following(Stream().setup().receives(frame(1), 3).echoes(frame(2))).take(FRAMES, NOW)[1:]
    assert followed.outgoing
    assert followed.comments[0] == "tx0 descriptor 1 at 0x20001000, 200 bytes"
    assert followed.comments[1].startswith("flush: NdisFlushBuffer, ")
    assert followed.comments[2] == "verdict: coherent"


def test_a_transfer_of_a_channel_is_flushed_by_its_completion() -> None:
    stream = Stream(channel=True).setup().receives(frame(1), 3)
    follower = Follower("subordinate", 64)
    follower.feed(stream.events[:1], stream.frame_of)
    follower.begin()
    follower.feed(stream.events[1:], stream.frame_of)
    (followed,) = follower.take(FRAMES, NOW)
    assert followed.comments[0].startswith("rx0 transfer 3 at ")
    assert followed.comments[1].startswith("flush: NdisMCompleteDmaTransfer, ")
    assert followed.comments[2] == "verdict: coherent"


def test_the_queue_pair_comes_from_the_ring_index() -> None:
    (followed,) = following(Stream().setup().writes(frame(1), 2 << 16 | 5)).take(Detail.ALLOCATIONS, NOW)
    assert followed.queue == 2
    assert followed.comments[0].startswith("rx2 descriptor 5 at ")


def test_without_records_of_the_guest_a_frame_is_passed_on_at_once_and_not_judged() -> None:
    (followed,) = following(Stream().setup().writes(frame(1), 3)).take(Detail.ALLOCATIONS, NOW)
    assert followed.comments == ["rx0 descriptor 3 at 0x10003000, 200 bytes"]


def test_a_frame_waits_for_the_cpu_but_not_for_ever() -> None:
    follower = following(Stream().setup().writes(frame(1), 3))
    assert follower.take(FRAMES, PATIENCE) == []
    assert verdicts(follower.take(FRAMES, 2 * PATIENCE)) == [
        "verdict: none: no record that the CPU looked at it within a second"
    ]
    assert follower.held == 0


def test_the_end_waits_for_nothing() -> None:
    follower = following(Stream().setup().writes(frame(1), 3))
    assert verdicts(follower.take(FRAMES, NOW, to_end=True)) == [
        "verdict: none: no record that the CPU looked at it before the capture ended"
    ]


def test_a_lost_flush_is_named_once_what_could_explain_it_had_its_time() -> None:
    stream = Stream().setup().receives(frame(1), 3).writes(frame(2), 3).indicates(frame(1), 3)
    follower = following(stream)
    assert verdicts(follower.take(FRAMES, NOW)) == ["verdict: coherent"]
    assert verdicts(follower.take(FRAMES, 2 * PATIENCE)) == [
        "verdict: stale: nothing flushed the buffer between the device's write and the CPU's sighting"
    ]


def test_a_late_flush_is_named() -> None:
    stream = Stream().setup().receives(frame(1), 3).writes(frame(2), 3).indicates(frame(1), 3).flushes_read(3)
    assert verdicts(following(stream).take(FRAMES, 2 * PATIENCE))[1] == (
        "verdict: read-before-flush: the CPU looked at the frame before the flush of its buffer"
    )


def test_torn_bytes_are_named_by_what_lay_there_before() -> None:
    old, new = frame(1), frame(2)
    stream = Stream().setup().receives(old, 3).receives(new, 3, seen=new[:64] + old[64:])
    assert verdicts(following(stream).take(FRAMES, 2 * PATIENCE))[1].startswith("verdict: torn: ")


def test_after_lost_records_the_frames_under_way_get_no_verdict() -> None:
    stream = Stream().setup().writes(frame(1), 3)
    follower = following(stream)
    follower.lost()
    assert verdicts(follower.take(FRAMES, NOW)) == ["verdict: none: records of the guest were lost"]
    fed = len(stream.events)
    follower.feed(stream.receives(frame(2), 4).events[fed:], stream.frame_of)
    assert verdicts(follower.take(FRAMES, NOW)) == ["verdict: coherent"]


@given(st.lists(st.integers(0, 3), max_size=60))
def test_however_the_records_arrive_each_frame_comes_once_in_order_and_coherent(parts: list[int]) -> None:
    stream = Stream().setup()
    for number in range(12):
        stream.receives(frame(number), number % 4)
        stream.echoes(frame(100 + number))
    follower, told, at = Follower("bus-master", 64), list[Followed](), 2 * 16
    follower.feed(stream.events[:at], stream.frame_of)
    follower.begin()
    for part in [*parts, len(stream.events)]:
        follower.feed(stream.events[at : at + part], stream.frame_of)
        at += part
        told += follower.take(FRAMES, NOW)
        assert follower.held < 10
    assert [each.frame for each in told] == [frame(number + way) for number in range(12) for way in (0, 100)]
    assert set(verdicts(told)) == {"verdict: coherent"}
