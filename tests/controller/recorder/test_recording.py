# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig.errors import RecordingError
from nicrig.recorder import recording
from nicrig.verdict.offline import judge
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import BY_NAME, FUNCTIONS, Detail, Phase, RecordKind
from tests.strategies import damaged

NAMES = [*BY_NAME, *CARD_EVENTS]
HEADER = recording.header(Detail.FRAMES)
GOOD = recording.line(make_event(1, "NdisMSetAttributesEx", RecordKind.CALL, Phase.INITIALIZE, 0, 0, 0, 5))


def full(name: str, kind: RecordKind) -> Event:
    """An event with a value in every field that its line keeps, some of them the largest."""
    arity = 4 if kind == RecordKind.LEAVE else len(BY_NAME[name].arguments if name in BY_NAME else CARD_EVENTS[name])
    values = [(1 << 64) - 1, 2, 3, 4][:arity] + [0] * (4 - arity)
    where = 2, 1, 65535, (1 << 64) - 1
    return make_event(1 << 40, name, kind, Phase.RUN, *where, *values, (1 << 64) - 1, "miniport/send.c:50")


def save(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(lines))
    return path


@pytest.mark.parametrize("detail", Detail)
def test_every_function_and_card_event_comes_back_as_it_was(tmp_path: Path, detail: Detail) -> None:
    made = [full(name, kind) for name in BY_NAME for kind in RecordKind] + [
        full(name, RecordKind.CALL) for name in CARD_EVENTS
    ]
    path = save(tmp_path / "r", recording.header(detail), *map(recording.line, made))
    loaded, _, events = recording.load(path)
    assert (loaded, list(events)) == (detail, made)


@pytest.mark.parametrize("name", NAMES)
def test_a_call_s_text_names_each_argument_with_its_value(name: str) -> None:
    names = BY_NAME[name].arguments if name in BY_NAME else CARD_EVENTS[name]
    inside = ", ".join(f"{argument}={value:#x}" for argument, value in zip(names, (10, 11, 12, 13), strict=False))
    shown = recording.text(make_event(7, name, RecordKind.CALL, Phase.RUN, 0, 0, 0, 0, 10, 11, 12, 13, 0))
    assert f" {name}({inside})" in shown


def test_functions_have_no_more_arguments_than_a_record() -> None:
    assert max(len(function.arguments) for function in FUNCTIONS) <= 4


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (
            make_event(7, "NdisMSleep", RecordKind.CALL, Phase.HALT, 0, 0, 3, 1_500_000_000, 50),
            "7     1.500000 cpu3 PASSIVE halt            NdisMSleep(microseconds=0x32)",
        ),
        (
            make_event(8, "NdisMGetDmaAlignment", RecordKind.CALL, Phase.INITIALIZE, 2, 1, 0, 0, result=64),
            "cpu0 DISPATCH +1 initialize  NdisMGetDmaAlignment() -> 0x40",
        ),
        (
            make_event(9, "MiniportInitialize", RecordKind.ENTER, Phase.INITIALIZE, 0, 0, 0, 0, 0x5A17),
            "cpu0 PASSIVE initialize      > MiniportInitialize(device=0x5a17)",
        ),
        (
            make_event(9, "MiniportInitialize", RecordKind.LEAVE, Phase.INITIALIZE, 0, 0, 0, 0, result=0xC0000001),
            "cpu0 PASSIVE initialize      < MiniportInitialize() -> 0xc0000001",
        ),
        (make_event(9, "DriverUnload", RecordKind.LEAVE, Phase.NONE, 0, 0, 0, 0), "< DriverUnload()"),
        (
            make_event(9, "NdisMIndicateReceivePacket", RecordKind.LEAVE, Phase.RUN, 2, 0, 0, 0, 64, 5),
            "< NdisMIndicateReceivePacket(a=0x40, b=0x5, c=0x0, d=0x0)",
        ),
        (make_event(1, "card.link", RecordKind.CALL, 0, 0, 0, 0, 0, 1, result=3), f"{'card':<28} card.link(up=0x1)"),
        (make_event(1, "#999", 9, 8, 7, 0, 0, 0, 1), f"{'cpu0 7 8':<28} #999(a=0x1, b=0x0, c=0x0, d=0x0)"),
    ],
)
def test_an_event_s_text_says_where_and_what(event: Event, end: str) -> None:
    assert recording.text(event).endswith(end)


SLEEP = full("NdisMSleep", RecordKind.CALL)


@pytest.mark.parametrize(
    ("event", "known"),
    [
        (SLEEP, True),
        (SLEEP._replace(irql=7), True),
        (SLEEP._replace(function="#999"), False),
        (SLEEP._replace(kind=len(RecordKind)), False),
        (SLEEP._replace(phase=6), False),
    ],
)
def test_whether_an_event_is_declared(event: Event, known: bool) -> None:
    assert recording.declared(event) is known


def changed(old: bytes, new: bytes) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "line 1 is not the header"),
        ([b"\xff\xfe\x00"], "line 1 is not the header"),
        ([b"#!/bin/sh\n"], "line 1 is not the header"),
        ([GOOD], "line 1 is not the header"),
        ([HEADER.replace(b"frames", b"everything")], "unknown detail 'everything'"),
        ([HEADER.replace(b'"version":2', b'"version":3')], "version 3 is not 2"),
        ([HEADER, GOOD, GOOD[:50]], "line 3 is not a record"),
        ([HEADER, b"\n"], "line 2 is not a record"),
        ([HEADER, b"\xff\n"], "line 2 is not a record"),
        ([HEADER, changed(b'"sequence":1', b'"sequence":"1"')], "line 2 is not a record"),
        ([HEADER, changed(b'"sequence":1,', b"")], "line 2 is not a record: .*sequence"),
        ([HEADER, changed(b'"sequence":1', b'"sequel":1,"sequence":1')], "line 2 is not a record: .*sequel"),
        ([HEADER, changed(b"NdisMSet", b"NdisMGet")], "unknown function 'NdisMGetAttributesEx'"),
        ([HEADER, changed(b'"call"', b'"shout"')], "line 2 is not a record: 'shout'"),
        ([HEADER, changed(b'"initialize"', b'"9"')], "line 2 is not a record: '9'"),
        ([HEADER, changed(b'"hang"', b'"hung"')], r"NdisMSetAttributesEx has the arguments .*hang.* not .*hung"),
        ([HEADER, changed(b'"context":0,', b"")], "NdisMSetAttributesEx has the arguments"),
        (
            [HEADER, changed(b'"time":5', b'"time":-5')],
            "line 2 is not a record: a number is negative or longer than 64",
        ),
        ([HEADER, changed(b'"time":5', b'"time":1' + b"0" * 400)], "line 2 is not a record"),
        ([HEADER, changed(b'"sequence":1', b'"sequence":18446744073709551616')], "line 2 is not a record"),
        ([HEADER, changed(b'"context":0', b'"context":18446744073709551616')], "line 2 is not a record"),
        ([HEADER, changed(b'"function"', b'"func\\ntion"')], r"line 2 is not a record: .*func\\ntion"),
        ([HEADER, b"[" * 4000], "line 2 is not a record"),
        ([HEADER, GOOD, b"x" * 5000], "line 3 is not a record: it is longer than 4096 bytes"),
        ([HEADER.replace(b'"first":1', b'"first":-1')], "line 1 .* the first record's number is negative"),
        ([b"\0" * (1 << 20)], "line 1 is not the header .* it is longer than 4096 bytes"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, lines: list[bytes], words: str) -> None:
    path = save(tmp_path / "bad", *lines)
    with pytest.raises(RecordingError, match=words) as caught:
        list(recording.load(path).events)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize("name", ["none", "."])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match="name a file that `nicrig demo --record` made"):
        recording.load(tmp_path / name)


VALID = [
    HEADER + GOOD * 3 + b"".join(recording.line(full(name, RecordKind.CALL)) for name in NAMES[::9]) + recording.end(3)
]


def outcome(path: Path) -> str:
    """What the judge says of the file: a verdict, or its one line of error."""
    try:
        shown = [recording.text(event) for event in recording.load(path).events]
        judged = judge(path)
    except RecordingError as error:
        return str(error)
    return f"{judged.clean} {len(shown)}"


@given(damaged(VALID))
def test_any_damage_is_judged_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = save(tmp_path_factory.mktemp("recording") / "damaged", data)
    assert outcome(path).isprintable()


NUMBER = st.integers(0, (1 << 64) - 1) | st.integers(0, 4)
EVENT = st.builds(
    make_event, NUMBER, st.sampled_from(NAMES), st.sampled_from(RecordKind), st.sampled_from(Phase), *[NUMBER] * 9
)


@given(st.sampled_from(Detail), NUMBER, st.lists(EVENT, max_size=30))
def test_any_well_formed_recording_is_judged(
    tmp_path_factory: pytest.TempPathFactory, detail: Detail, first: int, events: list[Event]
) -> None:
    lines = map(recording.line, events)
    path = save(tmp_path_factory.mktemp("r") / "made", recording.header(detail, first), *lines, recording.end(0))
    assert outcome(path) in (f"True {len(events)}", f"False {len(events)}")


def test_a_recording_says_from_which_record_on_it_is(tmp_path: Path) -> None:
    begun_later = save(tmp_path / "later", recording.header(Detail.FRAMES, 77))
    assert recording.load(begun_later).first == 77
    older = save(tmp_path / "older", b'{"recording":"nicrig","version":1,"detail":"frames"}\n')
    assert recording.load(older).first == 1


def test_a_recording_of_the_version_before_has_no_call_sites(tmp_path: Path) -> None:
    assert b"site" not in GOOD
    older = save(tmp_path / "older", HEADER.replace(b'"version":2', b'"version":1'), GOOD, recording.end(0))
    (event,) = recording.load(older).events
    assert (event.function, event.site) == ("NdisMSetAttributesEx", "")


def test_a_call_s_text_ends_with_its_call_site_which_is_only_text(tmp_path: Path) -> None:
    (event,) = recording.load(save(tmp_path / "r", HEADER, GOOD)).events
    assert recording.text(event._replace(site="miniport/send.c:50")).endswith(") at miniport/send.c:50")
    hostile = GOOD.replace(b"}\n", b',"site":"\\u001b[2J"}\n')
    (event,) = recording.load(save(tmp_path / "hostile", HEADER, hostile)).events
    assert event.site == "\\x1b[2J"


def test_a_recording_says_how_many_records_it_lacks(tmp_path: Path) -> None:
    events = recording.load(save(tmp_path / "lossy", HEADER, changed(b"", b""), recording.end(7))).events
    assert [event.sequence for event in events] == [1]
    assert events.lost == 7


@pytest.mark.parametrize(("end", "cut"), [(recording.end(0), False), (b"", True)])
def test_a_recording_without_its_end_is_cut(tmp_path: Path, end: bytes, cut: bool) -> None:
    events = recording.load(save(tmp_path / "cut", HEADER, GOOD, end)).events
    assert len(list(events)) == 1
    assert events.cut is cut


def test_nothing_may_stand_behind_the_end(tmp_path: Path) -> None:
    path = save(tmp_path / "two", HEADER, recording.end(0), HEADER, GOOD)
    with pytest.raises(RecordingError, match="line 3 is not a record: it stands behind the recording's end"):
        list(recording.load(path).events)


def test_a_bad_end_is_one_clear_line(tmp_path: Path) -> None:
    path = save(tmp_path / "bad", HEADER, b'{"recording":"end","lost":"many"}\n')
    with pytest.raises(RecordingError, match=r"line 2 is not a record: .*lost"):
        list(recording.load(path).events)


@pytest.mark.parametrize("name", ["\x1b[2J", "x" * 1_000_000])
def test_what_is_wrong_with_a_file_is_printable_and_bounded(tmp_path: Path, name: str) -> None:
    words = json.dumps(name).encode()
    for lines in ([HEADER, changed(b'"NdisMSetAttributesEx"', words)], [HEADER.replace(b'"frames"', words)]):
        with pytest.raises(RecordingError) as caught:
            list(recording.load(save(tmp_path / "bad", *lines)).events)
        said = str(caught.value).removeprefix(str(tmp_path))
        assert said.isprintable()
        assert len(said) < 600
