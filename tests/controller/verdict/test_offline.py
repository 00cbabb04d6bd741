# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from nicrig.errors import RecordingError
from nicrig.recorder import recording
from nicrig.verdict import offline
from nicrig.verdict.offline import PART, judge
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Detail, Phase, RecordKind

SLEEP = make_event(1, "NdisMSleep", RecordKind.CALL, Phase.RUN, 0, 0, 0, 0, 50)


def save(path: Path, first: int, events: list[Event], *, lost: int = 0) -> Path:
    lines = b"".join(map(recording.line, events))
    path.write_bytes(recording.header(Detail.FRAMES, first) + lines + recording.end(lost))
    return path


@pytest.mark.parametrize(("first", "lost"), [(1, 76), (77, 0)])
def test_what_is_before_the_recording_is_not_lost(tmp_path: Path, first: int, lost: int) -> None:
    judged = judge(save(tmp_path / "r", first, [SLEEP._replace(sequence=77)]))
    assert (judged.verifier.verdict.lost, judged.verifier.verdict.events) == (lost, 1)


def test_the_events_are_seen_in_order_as_they_pass(tmp_path: Path) -> None:
    events = [SLEEP._replace(sequence=number) for number in range(1, 2 * PART + 4)]
    seen: list[list[Event]] = []
    judged = judge(save(tmp_path / "r", 1, events), seen.append)
    assert [len(part) for part in seen] == [PART, PART, 3]
    assert [event for part in seen for event in part] == events
    assert judged.detail is Detail.FRAMES


def test_clean_is_no_broken_rule_and_no_fault(tmp_path: Path) -> None:
    begin = make_event(1, "MiniportInitialize", RecordKind.ENTER, Phase.INITIALIZE, 0, 0, 0, 0, 0x10F0)
    early = make_event(2, "NdisMInitializeScatterGatherDma", RecordKind.CALL, Phase.INITIALIZE, 0, 0, 0, 0, 1, 1514)
    assert judge(save(tmp_path / "good", 1, [SLEEP])).clean
    assert not judge(save(tmp_path / "bad", 1, [begin, early])).clean


def test_an_empty_recording_is_unknown(tmp_path: Path) -> None:
    judged = judge(save(tmp_path / "empty", 1, []))
    assert (judged.word, judged.clean) == ("unknown", False)
    assert judged.unseen.startswith("the driver recorded nothing")


def test_a_recording_that_lacks_records_is_unknown_and_what_it_shows_is_still_broken(tmp_path: Path) -> None:
    begin = make_event(1, "MiniportInitialize", RecordKind.ENTER, Phase.INITIALIZE, 0, 0, 0, 0, 0x10F0)
    early = make_event(2, "NdisMInitializeScatterGatherDma", RecordKind.CALL, Phase.INITIALIZE, 0, 0, 0, 0, 1, 1514)
    for name, events, word in (("good", [SLEEP], "unknown"), ("bad", [begin, early], "violations")):
        judged = judge(save(tmp_path / name, 1, events, lost=5))
        assert (judged.word, judged.verifier.verdict.lost) == (word, 5)
        assert judged.unseen.startswith("5 records of the flight recorder were lost")


@pytest.mark.parametrize("lines", [1, 2])
def test_a_recording_that_is_cut_at_a_line_s_end_is_unknown(tmp_path: Path, lines: int) -> None:
    path = save(tmp_path / "whole", 1, [SLEEP])
    assert judge(path).word == "clean"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    judged = judge(path)
    assert (judged.word, judged.clean) == ("unknown", False)
    assert judged.unseen.startswith("the recording is cut: its end is missing")


def test_a_recording_of_objects_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "MOST_LIVE", 2000)
    events = [
        make_event(number, "NdisMAllocateSharedMemory", RecordKind.CALL, Phase.RUN, 0, 0, 0, 0, *[number << 12] * 5)
        for number in range(1, 4000)
    ]
    with pytest.raises(RecordingError, match="r: more than 2000 objects exist at once: this is no driver's recording"):
        judge(save(tmp_path / "r", 1, events))
