# SPDX-License-Identifier: GPL-2.0-or-later
"""The outcome of `nicrig demo`: the verdict with its evidence, as lines and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from nicrig.errors import RigError
from nicrig.recorder import recording
from nicrig.verdict.run_verdict import RunVerdict
from nicrig.verifier.verdict import Violation, minor_line
from nicrig.witnesses import finding_text as witnessed
from nicrig_interface.vocabulary import CardKind

NOT_RECORDED = (
    "the driver records nothing (recorder=0): the verdict rests on the frames on the wire and on the counters"
)


@dataclass(frozen=True)
class LegOutcome:
    """What one leg of the run found: its verdict, and how many seconds it took."""

    name: str
    verdict: RunVerdict
    seconds: float

    def line(self) -> str:
        """One line. What was found is shown once, for the whole run."""
        found = {**self.verdict.violations, **{str(word): count for word, count in self.verdict.counts.items()}}
        names = "; found " + ", ".join(f"{name} {count}" for name, count in found.items()) if found else ""
        return f"leg {self.name}: {self.verdict.word}: frames {_text(self.verdict)} ({self.seconds:.1f}s{names})"

    def json(self) -> dict[str, object]:
        """The same, to be encoded."""
        return {
            "name": self.name,
            "verdict": self.verdict.word,
            "frames": frame_counts(self.verdict),
            "violations": dict(self.verdict.violations),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class EchoOutcome:
    """A verdict, with the kind of card, the accelerator, and how many seconds each stage took.

    `broken` is the first violation of each rule of the NDIS contract at each call site of the miniport, `minor` counts
    those that do not fail the run. `recorded` is whether the driver was to record its calls. `blind` is why the card's
    ledger judged nothing. `console` are the first lines of each trouble that the guest's kernel wrote there. `ended` is
    why the run ended early. `timings` are the card's, in the order in which the frames met them. `legs` are the parts
    of a thorough run.
    """

    verdict: RunVerdict
    kind: CardKind
    accelerator: str
    seconds: dict[str, float]
    broken: Sequence[Violation] = ()
    recorded: bool = True
    blind: str | None = None
    minor: Mapping[str, int] = field(default_factory=dict)
    console: Sequence[str] = ()
    ended: RigError | None = None
    timings: Sequence[str] = ("kind",)
    legs: Sequence[LegOutcome] = ()

    def with_drops_expected(self) -> "EchoOutcome":
        """The same, where frames that the card dropped by contract are no fault."""
        legs = [replace(leg, verdict=replace(leg.verdict, drops_expected=True)) for leg in self.legs]
        return replace(self, verdict=replace(self.verdict, drops_expected=True), legs=legs)

    def lines(self) -> list[str]:
        """The text output. The line with the verdict comes last."""
        judged = self.verdict
        lines = [line for finding in judged.findings for line in witnessed.report(finding)]
        lines += [line for violation in self.broken for line in violation_lines(violation)]
        lines += [f"violation {name}: {count}" for name, count in judged.violations.items()]
        lines += self.console
        if judged.dropped:
            dropped = ", ".join(f"{name} {count}" for name, count in judged.dropped.items())
            hint = "" if judged.drops_expected else "; if you expect that, give --expect-drops"
            lines.append(f"dropped by contract: {dropped}{hint}")
        if self.minor:
            lines.append(minor_line(self.minor))
        if judged.unseen:
            lines.append(judged.unseen)
        if not self.recorded:
            lines.append(NOT_RECORDED)
        if self.blind:
            lines.append(f"the ledger of granted memory was blind: {self.blind}")
        if judged.reordered:
            lines.append(f"not counted: {judged.reordered} frames that a queueing discipline of the guest reordered")
        lines += [leg.line() for leg in self.legs]
        times = " ".join(f"{name} {value:.1f}s" for name, value in self.seconds.items())
        how = "; ".join((self.kind, self.accelerator, *self._timing(), times))
        return [*lines, f"verdict: {judged.word}: frames {_text(judged)} ({how})"]

    def _timing(self) -> list[str]:
        """How the card was timed, unless it was kind all the time."""
        return [] if set(self.timings) <= {"kind"} else [f"card {' then '.join(self.timings)}"]

    def json(self) -> str:
        """The same, as one JSON object on one line."""
        violations = [{"name": name, "count": count} for name, count in self.verdict.violations.items()]
        made = {
            "verdict": self.verdict.word,
            "unseen": self.verdict.unseen,
            "ended": None if self.ended is None else str(self.ended),
            "kind": self.kind,
            "accelerator": self.accelerator,
            "card_timing": list(self.timings),
            "frames": frame_counts(self.verdict),
            "witnesses": [witnessed.to_json(finding) for finding in self.verdict.findings],
            "dropped_by_contract": self.verdict.dropped,
            "violations": violations,
            "broken": [violation_json(violation) | {"count": violation.more + 1} for violation in self.broken],
            "minor": self.minor,
            "console": list(self.console),
            "reordered_by_guest": self.verdict.reordered,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "legs": [leg.json() for leg in self.legs],
        }
        return msgspec.json.encode(made).decode()


def frame_counts(judged: RunVerdict) -> dict[str, int]:
    """The five counts that are always shown, and the others that are not zero."""
    always = {"injected": judged.injected, "cpu": judged.cpu, "echoed": judged.echoed, "lost": 0, "corrupted": 0}
    others = {"own": judged.own, "kept": judged.kept, "sent": judged.sent, "excused": judged.excused}
    faults = {str(word): count for word, count in judged.counts.items()}
    return always | faults | {name: count for name, count in others.items() if count}


def _text(judged: RunVerdict) -> str:
    return " ".join(f"{name} {count}" for name, count in frame_counts(judged).items())


def violation_lines(violation: Violation) -> list[str]:
    """A broken rule, and below it the records that show it, and how many more it stands for."""
    there = f" at {violation.site}" if violation.site else ""
    more = [f"  {violation.more} more of {violation.rule}{there}"] if violation.more else []
    return [str(violation), *(f"  | {recording.text(event)}" for event in violation.evidence), *more]


def violation_json(violation: Violation) -> dict[str, Any]:
    """A broken rule for JSON, without the records that show it."""
    return {
        "rule": violation.rule,
        "severity": violation.severity.value,
        "text": violation.text,
        "site": violation.site,
    }
