# SPDX-License-Identifier: GPL-2.0-or-later
"""Events as text: one line for people, or a JSON object for each line, which `nicrig verify` reads."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from nicrig.errors import RecordingError
from nicrig.input_file import open_input
from nicrig.text.printable import printable
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import BY_NAME, GRANT_ARGUMENTS, Detail, Irql, Phase, RecordKind

VERSION, OLDEST = 2, 1
"""The version that is written, and the oldest that is read: its events have no call sites."""
MASK = (1 << 64) - 1
LONGEST_LINE = 1 << 12
"""Most bytes of a line: several times as many as any record needs."""
SHOWN = 200
"""Most characters of a message about a line: the message may repeat what the line holds."""


CUT = "the recording is cut: its end is missing, and what happened there is not judged"


class Header(msgspec.Struct, forbid_unknown_fields=True, tag_field="recording", tag="nicrig"):
    """The first line of a recording. `detail` is how much the guest recorded, `first` its first record's number."""

    version: int
    detail: str
    first: int = 1


class End(msgspec.Struct, forbid_unknown_fields=True, tag_field="recording", tag="end"):
    """The last line of a recording: how many records were lost before they could be saved.

    A recording without it was cut, at a line's end, by a killed process or a full disk.
    """

    lost: int


class RecordingLine(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One event, with the arguments that its function records, by name."""

    sequence: int
    function: str
    kind: str
    phase: str
    irql: int
    locks: int
    cpu: int
    time: int
    arguments: dict[str, int]
    result: int
    site: str = ""


_ENCODER = msgspec.json.Encoder()
_HEADER = msgspec.json.Decoder(Header)
_END_START = b'{"recording"'
_END = msgspec.json.Decoder(End)
_LINE = msgspec.json.Decoder(RecordingLine)
_KINDS = [kind.name.lower() for kind in RecordKind]
_MARKS = ("", "> ", "< ", "grant ", "revoke ")
_PHASES = [phase.name.lower() for phase in Phase]
_LETTERS = ("a", "b", "c", "d")


def declared(event: Event) -> bool:
    """Whether function, kind and phase are declared ones: the guest may write anything into its records."""
    known = event.function in BY_NAME or event.function in CARD_EVENTS
    return known and event.kind < len(_KINDS) and event.phase < len(_PHASES)


def arguments(event: Event) -> dict[str, int]:
    """An event's arguments by name; by letter for an undeclared function, and for a LEAVE record."""
    return dict(zip(_arguments(event.function, event.kind), event.arguments, strict=False))


def _arguments(function: str, kind: int) -> tuple[str, ...]:
    if kind in (RecordKind.GRANT, RecordKind.REVOKE) and function in BY_NAME:
        return GRANT_ARGUMENTS
    if function in BY_NAME and kind != RecordKind.LEAVE:
        return BY_NAME[function].arguments
    return CARD_EVENTS.get(function, _LETTERS)


def header(detail: Detail, first: int = 1) -> bytes:
    """A recording's first line; `first` is the number of its first guest record."""
    return _ENCODER.encode(Header(VERSION, detail.name.lower(), first)) + b"\n"


def end(lost: int) -> bytes:
    """The last line of a recording that lacks `lost` records, mostly 0."""
    return _ENCODER.encode(End(lost)) + b"\n"


def line(event: Event) -> bytes:
    """An event as one line of a recording."""
    made = RecordingLine(
        sequence=event.sequence,
        function=event.function,
        kind=_name(_KINDS, event.kind),
        phase=_name(_PHASES, event.phase),
        irql=event.irql,
        locks=event.locks,
        cpu=event.cpu,
        time=event.time,
        arguments=arguments(event),
        result=event.result,
        site=event.site,
    )
    return _ENCODER.encode(made) + b"\n"


def _name(names: list[str], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def text(event: Event) -> str:
    """An event as a person reads it: number, seconds, where it ran, the call, and its call site."""
    shown = {} if event.kind == RecordKind.LEAVE and not any(arguments(event).values()) else arguments(event)
    inside = ", ".join(f"{name}={value:#x}" for name, value in shown.items())
    result = f" -> {event.result:#x}" if _has_result(event) else ""
    at = f" at {event.site}" if event.site else ""
    mark = _MARKS[event.kind] if event.kind < len(_MARKS) else ""
    if event.function in CARD_EVENTS:
        where = "card"
    else:
        level = Irql(event.irql).name if event.irql in set(Irql) else str(event.irql)
        held = f" +{event.locks}" if event.locks else ""
        where = f"cpu{event.cpu} {level}{held} {_name(_PHASES, event.phase)}"
    return f"{event.sequence:>9} {event.time / 1e9:>12.6f} {where:<28} {mark}{event.function}({inside}){result}{at}"


def _has_result(event: Event) -> bool:
    """Whether the record has a result: ENTER has a digest, LEAVE has any other result of a handler."""
    kind = BY_NAME[event.function].result if event.function in BY_NAME else ""
    return bool(kind) and event.kind != (RecordKind.LEAVE if kind == "digest" else RecordKind.ENTER)


class SavedEvents:
    """The events of a saved recording, read one by one.

    When all are read, `lost` is how many records it lacks, and `cut` is whether its end is missing.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.lost = 0
        self.cut = True
        self._path = path
        self._file = file

    def __iter__(self) -> Iterator[Event]:
        with self._file as file:
            for number in count(2):
                try:
                    data = _next_line(file)
                    if not data:
                        return
                    if not self.cut:
                        raise ValueError("it stands behind the recording's end")
                    if data.startswith(_END_START):
                        self.lost, self.cut = _END.decode(data).lost, False
                        continue
                    event = _event(_LINE.decode(data))
                except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                    raise RecordingError(f"{self._path}: line {number} is not a record: {_why(error)}") from None
                yield event


class Saved(NamedTuple):
    """A saved recording: how much the guest recorded, its first record's number, and the events."""

    detail: Detail
    first: int
    events: SavedEvents


def load(path: Path) -> Saved:
    """Open a saved recording; `-` is standard input. Raises RecordingError, now or while its events are read."""
    try:
        file = open_input(path)
    except ValueError as error:
        raise RecordingError(f"{error}: name a file that `nicrig demo --record` made") from None
    try:
        head = _HEADER.decode(_next_line(file))
        detail = _detail(head)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        file.close()
        raise RecordingError(f"{path}: line 1 is not the header of a nicrig recording: {_why(error)}") from None
    return Saved(detail, head.first, SavedEvents(path, file))


def _why(error: Exception) -> str:
    return printable(str(error), limit=SHOWN)


def _next_line(file: IO[bytes]) -> bytes:
    data = file.readline(LONGEST_LINE + 1)
    if len(data) > LONGEST_LINE:
        raise ValueError(f"it is longer than {LONGEST_LINE} bytes")
    return data


def _detail(head: Header) -> Detail:
    if not OLDEST <= head.version <= VERSION:
        raise ValueError(f"version {head.version} is not {VERSION}, the version that this nicrig reads")
    if head.detail.upper() not in Detail.__members__:
        raise ValueError(f"unknown detail {head.detail!r}")
    if not 0 <= head.first <= MASK:
        raise ValueError("the first record's number is negative or longer than 64 bits")
    return Detail[head.detail.upper()]


def _event(made: RecordingLine) -> Event:
    if made.function not in BY_NAME and made.function not in CARD_EVENTS:
        raise ValueError(f"unknown function {made.function!r}")
    kind, phase = _KINDS.index(made.kind), _PHASES.index(made.phase)
    names = _arguments(made.function, kind)
    if tuple(made.arguments) != names:
        raise ValueError(f"{made.function} has the arguments {names}, not {tuple(made.arguments)}")
    values = [*made.arguments.values()] + [0] * (len(_LETTERS) - len(names))
    where = (made.irql, made.locks, made.cpu, made.time)
    if not all(0 <= number <= MASK for number in (made.sequence, *where, *values, made.result)):
        raise ValueError("a number is negative or longer than 64 bits")
    return make_event(made.sequence, made.function, kind, phase, *where, *values, made.result, printable(made.site))
