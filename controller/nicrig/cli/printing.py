# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nicrig recorder`, `verify` and `rules` print."""

import sys
from collections import deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
import trio

from nicrig.card.monitor import card_monitor, recorder_layout
from nicrig.process.output import failure
from nicrig.recorder import recording
from nicrig.recorder.reader import Recorder
from nicrig.rundir.paths import RigPaths
from nicrig.verdict.offline import OfflineVerdict, judge
from nicrig.verdict.outcome import violation_json, violation_lines
from nicrig.verdict.run_verdict import WORDS
from nicrig.verifier.events import Event
from nicrig.verifier.rules import RULES
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig.verifier.verdict import decide, minor_line
from nicrig.witnesses import finding_text as witnessed
from nicrig_interface.answers import RecorderLayout

LOOK_SECONDS = 0.1
REST_SECONDS = 2.0


def show_file(path: Path, *, last: int, json: bool) -> bool:
    """Print a saved recording, or its last records; returns whether it has all."""
    saved, missing = recording.load(path), ""
    if json:
        sys.stdout.write(recording.header(saved.detail, saved.first).decode())
    printed = _print(deque(saved.events, last) if last else saved.events, json=json)
    missing = recording.CUT if saved.events.cut else _missing(printed, saved.events.lost, json=json)
    return _whole(missing)


async def show_card(folder: Path, *, last: int, follow: bool, json: bool) -> bool:
    """Print the records of a running card, and with `follow` new ones as they come; returns whether none is missing.

    Raises RigError without a card.
    """
    recorder, missing = Recorder(await _layout(folder)), ""
    batches = recorder.last(last) if last else recorder.read(to_end=not follow)
    if json:
        sys.stdout.write(recording.header(recorder.detail).decode())
    printed = lost = 0
    try:
        while True:
            for batch in batches:
                printed += _print(recorder.events(batch.records), json=json)
            sys.stdout.flush()
            if not follow or failure():
                break
            if recorder.lost > lost:
                _whole(_missing(printed, recorder.lost))
                lost = recorder.lost
            await trio.sleep(LOOK_SECONDS)
            batches = recorder.read()
    finally:  # Ctrl-C ends what is followed, and is no cut
        missing = _missing(printed, recorder.lost, json=json)
    return bool(failure()) or _whole(missing)


def _missing(printed: int, lost: int, *, json: bool = False) -> str:
    """What is missing in the records that were printed; with `json`, the recording says so too."""
    if json:
        sys.stdout.write(recording.end(lost).decode())
    if lost:
        return f"{lost} records of the flight recorder were lost"
    return "" if printed else "the flight recorder has no records: is the driver loaded?"


def _whole(missing: str) -> bool:
    """Whether nothing is missing; if something is, say so on standard error."""
    if missing:
        print(f"nicrig: unknown: {missing}", file=sys.stderr)
    return not missing


async def _layout(folder: Path) -> RecorderLayout:
    async with card_monitor(RigPaths(folder)) as monitor:
        return await recorder_layout(monitor)


def _print(found: Iterable[Event], *, json: bool) -> int:
    """Print these events; returns how many."""
    count = 0
    for event in found:
        count += 1
        sys.stdout.write(recording.line(event).decode() if json else recording.text(event) + "\n")
    return count


def verify_file(path: Path, *, json: bool, fail_on: Severity = FAIL_ON) -> bool:
    """Judge a recording and print the findings; returns whether it is clean, with rules as severe as `fail_on`."""
    judged = judge(path, fail_on=fail_on)
    _print_judged(judged, json=json)
    return judged.clean


async def verify_card(folder: Path, *, json: bool, fail_on: Severity = FAIL_ON) -> bool:
    """The same for what a running card has recorded by now. Raises RigError without a card.

    It waits a moment until nothing is under way. If something still is, frames that are missing at the end count as
    under way.
    """
    recorder = Recorder(await _layout(folder))
    with NamedTemporaryFile() as file:
        file.write(recording.header(recorder.detail))
        with trio.move_on_after(REST_SECONDS) as waiting:
            while True:
                for batch in recorder.read():
                    file.writelines(map(recording.line, filter(recording.declared, recorder.events(batch.records))))
                if recorder.at_rest():
                    break
                await trio.sleep(LOOK_SECONDS)
        file.write(recording.end(recorder.lost))
        file.flush()
        judging = partial(judge, Path(file.name), fail_on=fail_on, under_way=waiting.cancelled_caught)
        judged = await trio.to_thread.run_sync(judging, abandon_on_cancel=True)
    _print_judged(judged, json=json)
    return judged.clean


def _print_judged(judged: OfflineVerdict, *, json: bool) -> None:
    verifier, witnesses = judged.verifier, judged.witnesses
    verdict = verifier.verdict
    if json:
        made = {
            "clean": judged.clean,
            "verdict": judged.word,
            "unseen": judged.unseen,
            "events": verdict.events,
            "lost": verdict.lost,
            "counts": verdict.counts,
            "fail_on": verdict.fail_on.value,
            "minor": verdict.minor,
            "violations": [
                violation_json(each) | {"evidence": [event.sequence for event in each.evidence]}
                for each in verifier.violations
            ],
            "sites": [{"rule": each.rule, "site": each.site, "count": each.more + 1} for each in verifier.firsts],
            "frames": witnesses.frames,
            "faults": witnesses.counts,
            "witnesses": [witnessed.to_json(finding) for finding in witnesses.findings.values()],
        }
        print(msgspec.json.encode(made).decode())
        return
    for violation in verifier.firsts:
        print("\n".join(violation_lines(violation)))
    for finding in witnesses.findings.values():
        print("\n".join(witnessed.report(finding)))
    if witnesses.frames.total():
        faults = " ".join(f"{word} {count}" for word, count in witnesses.counts.items())
        frames = f"frames in {witnesses.frames['in']} out {witnesses.frames['out']}"
        word = WORDS[decide(found=faults, unseen=judged.unseen)]
        print(f"{word}: {frames}{faults and ' ' + faults} (device against CPU)")
    if verdict.minor:
        print(minor_line(verdict.minor))
    broken = sum(verdict.broken.values())
    if judged.unseen:
        print(judged.unseen)
    print(f"{judged.word}: records {verdict.events} lost {verdict.lost} broken {broken}")


def show_rules(*, json: bool) -> None:
    """Print all rules: a line each with its test below, or JSON."""
    if json:
        listed = [
            {
                "id": rule.id,
                "text": rule.text,
                "severity": rule.severity.value,
                "source": rule.source,
                "observable": rule.observable,
                "reason": rule.hidden,
                "test": rule.test if rule.observable else "",
            }
            for rule in RULES.values()
        ]
        print(msgspec.json.encode(listed).decode())
        return
    for rule in RULES.values():
        print(f"{rule.id} {rule.severity.value} {rule.text} [{rule.source}]")
        print(f"      {rule.test if rule.observable else 'not observable: ' + rule.hidden}")
