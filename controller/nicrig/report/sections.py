# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of the page that are text: verdict, summary, broken rules, faults of frames, records."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import numpy.typing as npt

from nicrig.recorder import recording
from nicrig.report.columns import Run, is_card
from nicrig.text.units import duration, number
from nicrig.verifier.events import column_of
from nicrig.verifier.functions import Detail
from nicrig.verifier.records import CardFrameIn
from nicrig.verifier.rules import RULES
from nicrig.verifier.verdict import Violation, minor_line
from nicrig.witnesses import finding_text as witnessed

VIOLATIONS_SHOWN = 200
EVIDENCE_SHOWN = 8
NEIGHBOURS = 10
FIRST, FRAMES, LAST = 800, 1500, 400
"""How many records are shown: from the beginning, from the first frame, at the end."""
AROUND_MAX = 100
MARKS = {"clean": ("clean", "✓"), "violations": ("broken", "✗"), "unknown": ("unknown", "?")}
"""The style and the sign of each verdict."""
LENGTH = column_of(CardFrameIn, "length")

Places = npt.NDArray[np.intp]


def verdict(run: Run) -> str:
    """The verdict in one line."""
    judged, rules = run.judged, run.judged.verifier.verdict
    if judged.clean:
        said = "clean: no rule is broken, and device and CPU saw the same bytes"
    elif judged.word == "unknown":
        said = f"unknown: {judged.unseen}"
    else:
        broken = [f"{rule} {count} times" for rule, count in rules.broken.items()]
        faults = [f"{word} {count} frames" for word, count in judged.witnesses.counts.items()]
        said = "violations: " + ", ".join([*broken, *faults])
    kind, sign = MARKS[judged.word]
    minor = f'<p class="note">{escape(minor_line(rules.minor))}</p>' if rules.minor else ""
    return f'<p class="verdict {kind}"><b>{sign}</b> {escape(said)}</p>{minor}'


def summary(run: Run) -> str:
    """What was recorded, and how well."""
    judged, card = run.judged, is_card(run.records)
    frames = judged.witnesses.frames
    rows = {
        "card": run.kind,
        "recorded": f"{len(run.records) - int(card.sum())} calls and handlers, {int(card.sum())} events of the card, "
        f"in {duration(float(run.times.max()) if len(run.times) else 0.0)}",
        "lost": f"{judged.verifier.verdict.lost} records",
        "detail": judged.detail.name.lower() + _less(judged.detail),
        "frames": f"{frames['in']} in, {frames['out']} out, as the driver saw them",
        "card moved": _moved(run),
        "interrupts": str(len(run.which("card.interrupt"))),
        "clocks": _clocks(run),
    }
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    return f'<table class="summary">{cells}</table>'


def _less(detail: Detail) -> str:
    if detail >= Detail.FRAMES:
        return ""
    return ": what happens for each frame was not recorded; load the driver with recorder=2 to have it"


def _moved(run: Run) -> str:
    made = []
    for name, word in (("card.frame_in", "in"), ("card.frame_out", "out")):
        places = run.which(name)
        made.append(f"{len(places)} frames, {number(float(run.records[LENGTH][places].sum()))}B {word}")
    return "; ".join(made)


def _clocks(run: Run) -> str:
    if math.isinf(run.clock.error):
        return "no records relate the guest's clock to the card's: compare times of one side only"
    drift = f", which gains {run.clock.drift * 1e6:.3g} µs a second" if run.clock.drift else ""
    return f"the guest's is fitted to the card's to within {duration(run.clock.error / 1e9)}{drift}"


def violations(run: Run) -> str:
    """Each broken rule, once for each call site, with the records that show it."""
    found = run.judged.verifier.firsts
    if not found:
        return "<p>None.</p>"
    counts = run.judged.verifier.verdict.counts
    rows = "".join(_violation(run, each) for each in found[:VIOLATIONS_SHOWN])
    shown = sum(each.more + 1 for each in found[:VIOLATIONS_SHOWN])
    more = _shown(shown, sum(counts.values()), "violations", "nicrig verify")
    return f"<table><tr><th>rule</th><th>what happened</th><th>records that show it</th></tr>{rows}</table>{more}"


def _violation(run: Run, broken: Violation) -> str:
    rule = RULES[broken.rule]
    where = f"<code>{escape(broken.site)}</code><br>" if broken.site else ""
    more = f"<br>{broken.more} more there" if broken.more else ""
    evidence = "\n".join(recording.text(event) for event in broken.evidence[-EVIDENCE_SHOWN:])
    return (
        f"<tr><td><b>{escape(broken.rule)}</b> {broken.severity.value}<br><small>{broken.severity.meaning}</small></td>"
        f"<td>{where}{escape(broken.text)}{more}<br><small>{escape(rule.text)} [{escape(rule.source)}]</small></td>"
        f"<td><pre>{escape(evidence)}</pre></td></tr>"
    )


def faults(run: Run) -> str:
    """The first frame of each fault, as `nicrig verify` prints it."""
    found = run.judged.witnesses.findings.values()
    told = [f"<pre>{escape(chr(10).join(witnessed.report(finding)))}</pre>" for finding in found]
    return "".join(told) or "<p>None.</p>"


def records(run: Run) -> str:
    """Some of the records, so that a click on the time axis finds a record nearby."""
    places = _chosen(run)
    times, made = run.times[places].tolist(), []
    for place, time in zip(places.tolist(), times, strict=True):
        text = recording.text(run.event(place))
        made.append(f'<tr data-t="{time:.9f}"><td>{time * 1e3:.4f}</td><td>{escape(text)}</td></tr>')
    note = _shown(len(places), len(run.records), "records", "nicrig recorder")
    head = "<thead><tr><th>ms</th><th>number, its writer's seconds, where, what</th></tr></thead>"
    table = f'<table class="records">{head}<tbody>{"".join(made)}</tbody></table>'
    return f'{note}<div id="records">{table}</div>'


def _chosen(run: Run) -> Places:
    """The indices of the records to show, in order."""
    count = len(run.records)
    wanted = np.zeros(count, np.bool_)
    wanted[:FIRST] = True
    wanted[max(count - LAST, 0) :] = True
    frames = run.which("card.frame_in", "card.frame_out")[:1]
    culprits = run.places_of(each.evidence[-1] for each in run.judged.verifier.violations if each.evidence)
    for place in frames.tolist():
        wanted[place : place + FRAMES] = True
    for place in culprits[:AROUND_MAX].tolist():
        wanted[max(place - NEIGHBOURS, 0) : place + NEIGHBOURS] = True
    return np.flatnonzero(wanted)


def _shown(shown: int, there: int, what: str, command: str) -> str:
    if shown == there:
        return ""
    return f'<p class="note">{shown} of {there} {what}: <code>{command} FILE</code> prints all.</p>'
