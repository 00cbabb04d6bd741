# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding as people read it, and as JSON."""

from __future__ import annotations

from itertools import pairwise

from nicrig.recorder import recording
from nicrig.text.byte_diff import ROW, side_by_side
from nicrig.text.packet_summary import summary
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.witnesses.classify import lines as cache_lines
from nicrig.witnesses.collector import Dated
from nicrig.witnesses.judge import FrameFinding
from nicrig.witnesses.sighting import Sighting

ROWS_SHOWN = 24
COLUMNS = 3
LINES_SHOWN = 8
STORY_SHOWN = 30
WHERE = {
    "in": "into the guest",
    "out": "out of the guest",
    "stack": "through the guest's network stack",
    "echo": "into the guest and out again",
}


def report(finding: FrameFinding) -> list[str]:
    """The frame, why it has that word, the three views, the cache lines that differ, and what happened around it."""
    views = finding.views
    head = f"first {finding.word} frame, on its way {WHERE[finding.way]}: {_summary(finding)}"
    return [head, f"  {finding.why}", *_digests(views), *_bytes(views), *_differing_lines(finding), *_story(finding)]


def to_json(finding: FrameFinding) -> dict[str, object]:
    """The finding as one JSON object."""
    return {
        "word": finding.word,
        "why": finding.why,
        "way": finding.way,
        "frame": _summary(finding),
        "views": {name: _view(sighting) for name, sighting in finding.views.items()},
        "line": finding.line,
        "lines": [{"address": address, "from": start, "to": end} for address, start, end in _differing(finding)],
        "records": [event.sequence for _, event in finding.story if event.function not in CARD_EVENTS],
    }


def _view(sighting: Sighting) -> dict[str, object]:
    data = None if sighting.data is None else sighting.data.hex()
    return {"length": sighting.length, "crc32c": sighting.crc, "address": sighting.address, "bytes": data}


def _summary(finding: FrameFinding) -> str:
    kept = [sighting.data for sighting in finding.views.values() if sighting.data is not None]
    return summary(kept[0]) if kept else "its bytes are not kept"


def _digests(views: dict[str, Sighting]) -> list[str]:
    return [
        f"  {name:<9} {sighting.length:>5} bytes  crc32c {sighting.crc:08x}"
        + (f"  at {sighting.address:#x}" if sighting.address else "")
        + ("" if sighting.data is not None else "  (bytes not kept)")
        for name, sighting in views.items()
    ]


def _bytes(views: dict[str, Sighting]) -> list[str]:
    kept = {name: sighting.data for name, sighting in views.items() if sighting.data is not None}
    if len(kept) < 2 or len(set(kept.values())) == 1:
        return []
    if len(set(list(kept.values())[:COLUMNS])) == 1:  # only the last one differs
        del kept[list(kept)[1]]
    shown = dict(list(kept.items())[:COLUMNS])
    names = "  |  ".join(f"{name:<{4 * ROW}}" for name in shown)
    return [f"  byte  {names}".rstrip(), *side_by_side(*shown.values(), context=1, most=ROWS_SHOWN)]


def _differing(finding: FrameFinding) -> list[tuple[int, int, int]]:
    """The cache lines in which CPU and device differ: device address, and the frame's byte range, start and end."""
    cpu, device = finding.views.get("cpu"), finding.views.get("device")
    if finding.word == "changed-under-device":
        device = finding.views.get("cpu after", device)
    if device is None or cpu is None or device.data is None or cpu.data is None:
        return []
    address = cpu.address or device.address
    parts = cache_lines(address, max(cpu.length, device.length), finding.line)
    return [
        ((address + start) // finding.line * finding.line, start, end)
        for start, end in parts
        if cpu.data[start:end] != device.data[start:end]
    ]


def _differing_lines(finding: FrameFinding) -> list[str]:
    found = _differing(finding)
    if not found:
        return []
    shown = [f"{address:#x} (bytes {start:#x}-{end - 1:#x})" for address, start, end in found[:LINES_SHOWN]]
    more = f" and {len(found) - LINES_SHOWN} more" if len(found) > LINES_SHOWN else ""
    return [f"  differ in {len(found)} cache lines of {finding.line} bytes: {', '.join(shown)}{more}"]


def _story(finding: FrameFinding) -> list[str]:
    if not finding.story:
        return []
    times = milliseconds(finding.story)
    marks = {sighting.order: name for name, sighting in finding.views.items()}
    made = [_moment(event, time, marks.get(order)) for (order, event), time in zip(finding.story, times, strict=True)]
    if len(made) > STORY_SHOWN:
        half = STORY_SHOWN // 2
        made = [*made[:half], f"  | ... {len(made) - 2 * half} more", *made[-half:]]
    return ["  | in the recorder's order; ms, with the card's clock fitted to the guest's", *made]


def _moment(event: Event, time: float, mark: str | None) -> str:
    return f"  | {time:9.3f} {recording.text(event)[23:]}{f'   <- {mark}' if mark else ''}"


def milliseconds(story: tuple[Dated, ...]) -> list[float]:
    """The time of each event after the first one, on one clock.

    Guest and card have separate clocks. An event of the card is no older than the guest's record before it. So the
    card's clock is set forward just enough for that. Without such a pair, the guest's records after it are used.
    """
    ahead = _ahead(story)
    times = [event.time - (ahead if event.function in CARD_EVENTS else 0) for _, event in story]
    begin = min(times)
    return [(time - begin) / 1e6 for time in times]


def _ahead(story: tuple[Dated, ...]) -> int:
    """By how much the card's clock is ahead of the guest's."""
    behind: list[int] = []
    before: list[int] = []
    for (_, one), (_, other) in pairwise(story):
        if (one.function in CARD_EVENTS) != (other.function in CARD_EVENTS):
            card_last = other.function in CARD_EVENTS
            (behind if card_last else before).append(other.time - one.time if card_last else one.time - other.time)
    return min(behind) if behind else max(before, default=0)
