# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean traffic is coherent in any order of its steps; traffic with one fault never is."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from nicrig.verifier.events import column_of
from nicrig.verifier.records import CardFrameIn, CardFrameOut
from nicrig.witnesses.pairing import out_of_order
from tests.controller.witnesses.stream import PAGE, PHYSICAL, SLOTS, Stream, frame

LENGTHS = st.lists(st.integers(60, 300), min_size=1, max_size=12)
Thing = TypeVar("Thing")


class Traffic:
    """Frames that are echoed; a step is skipped when no frame is due for it."""

    def __init__(self, built: Stream, lengths: list[int]) -> None:
        self.built = built
        built.injected = [frame(number, length) for number, length in enumerate(lengths)]
        self.done = [0, 0, 0, 0]

    def step(self, kind: int) -> None:
        ahead = len(self.built.injected) if kind == 0 else self.done[kind - 1]
        number = self.done[kind]
        if number < ahead and (kind or number - self.done[1] < SLOTS):
            (self.write, self.see, self.send, self.read)[kind](self.built.injected[number], number)
            self.done[kind] += 1

    def write(self, data: bytes, number: int) -> None:
        self.built.writes(data, number % SLOTS)

    def see(self, data: bytes, number: int) -> None:
        self.built.flushes_read(number % SLOTS).indicates(data, number % SLOTS)

    def send(self, data: bytes, number: int) -> None:
        self.built.flushes_write(self.built.sends(data), len(data))

    def read(self, data: bytes, number: int) -> None:
        self.built.reads(data, number + 1).completes(data, number + 1)
        self.built.echoed.append(data)


@st.composite
def clean(draw: st.DrawFn) -> Stream:
    """The steps of each side in their order, with the sides interleaved."""
    built = Stream(bytes_kept=draw(st.booleans()), channel=draw(st.booleans())).setup()
    lengths = draw(LENGTHS)
    traffic = Traffic(built, lengths)
    for kind in draw(st.lists(st.integers(0, 3), max_size=40)):
        traffic.step(kind)
    for kind in range(4):
        for _ in lengths:
            traffic.step(kind)
    return built


@given(clean())
def test_clean_traffic_is_coherent(built: Stream) -> None:
    assert built.counts() == {}


SIGHTINGS = {
    "card.frame_in": column_of(CardFrameIn, "digest"),
    "card.frame_out": column_of(CardFrameOut, "digest"),
    "NdisMIndicateReceivePacket": "result",
    "MiniportSendPackets": "result",
    "NdisMSendComplete": "result",
}


@given(clean(), st.data())
def test_one_wrong_byte_at_any_witness_is_seen(built: Stream, data: st.DataObject) -> None:
    places = [place for place, event in enumerate(built.events) if event.function in SIGHTINGS]
    place = data.draw(st.sampled_from(places))
    event = built.events[place]
    name = SIGHTINGS[event.function]
    bit = 1 << data.draw(st.integers(0, 31))
    built.events[place] = event._replace(**{name: getattr(event, name) ^ bit})
    assert built.counts() != {}


@given(clean(), st.data())
def test_one_wrong_length_is_seen(built: Stream, data: st.DataObject) -> None:
    lengths = {name for name in SIGHTINGS if name != "NdisMSendComplete"}
    place = data.draw(st.sampled_from([n for n, event in enumerate(built.events) if event.function in lengths]))
    built.events[place] = built.events[place]._replace(c=built.events[place].c + data.draw(st.sampled_from((-1, 1))))
    assert built.counts() != {}


def less_or_more(things: list[Thing], place: int, *, more: bool) -> None:
    if more:
        things.insert(place, things[place])
    else:
        del things[place]


@given(clean(), st.data(), st.booleans())
def test_one_frame_less_or_more_on_the_wire_is_seen(built: Stream, data: st.DataObject, more: bool) -> None:
    frames = data.draw(st.sampled_from([built.injected, built.echoed]))
    if more or len(frames) > 1:  # without a frame on the way out, none is missing
        less_or_more(frames, data.draw(st.integers(0, len(frames) - 1)), more=more)
        assert built.counts() != {}


@given(clean(), st.data(), st.booleans())
def test_one_look_less_or_more_is_seen(built: Stream, data: st.DataObject, more: bool) -> None:
    names = SIGHTINGS.keys() - {"NdisMSendComplete"}
    place = data.draw(st.sampled_from([n for n, event in enumerate(built.events) if event.function in names]))
    less_or_more(built.events, place, more=more)
    built.number_again()
    assert built.counts() != {}


@given(clean(), st.data())
def test_another_address_is_seen(built: Stream, data: st.DataObject) -> None:
    if built.channel:  # what the driver copies from is not recorded
        return
    moves = ("card.frame_in", "card.frame_out")
    place = data.draw(st.sampled_from([n for n, event in enumerate(built.events) if event.function in moves]))
    built.events[place] = built.events[place]._replace(b=PHYSICAL + 100 * PAGE)
    assert set(built.counts()) == {"misdirected"}


@given(st.permutations(range(8)))
def test_what_is_out_of_order_is_the_least_that_explains_it(numbers: list[int]) -> None:
    late = out_of_order(numbers)
    rest = [number for number in numbers if number not in late]
    assert rest == sorted(rest)
    longest: dict[int, int] = {}
    for place, number in enumerate(numbers):
        longest[number] = 1 + max((longest[before] for before in numbers[:place] if before < number), default=0)
    assert len(rest) == max(longest.values())


def test_of_two_swapped_frames_the_one_that_was_overtaken_is_out_of_order() -> None:
    assert out_of_order([0, 2, 1, 3]) == {1}
