# SPDX-License-Identifier: GPL-2.0-or-later
"""What the judge found: violations with their evidence, and the verdict over a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from nicrig.verifier.events import Event
from nicrig.verifier.rules import RULES, Severity

KEPT = 100
"""The most violations of one rule that are kept with their evidence; the others are only counted."""


@dataclass(frozen=True)
class Violation:
    """One rule broken once: what happened, with its numbers, and the events that show it, the culprit last."""

    rule: str
    severity: Severity
    text: str
    evidence: tuple[Event, ...]

    def __str__(self) -> str:
        return f"{self.rule} {self.severity.value}: {self.text}"


@dataclass(frozen=True)
class Verdict:
    """The verdict over all events so far. `counts` are violations by rule, `lost` the records never seen."""

    events: int
    lost: int
    counts: Mapping[str, int]
    worst: Severity | None

    @property
    def clean(self) -> bool:
        """Whether nothing worse than a note was found. Lost records may hide violations."""
        return self.worst in (None, Severity.NOTE)


class Findings:
    """Takes what the checks report, and keeps a bounded part of it."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self._severities: set[Severity] = set()

    def report(self, rule: str, text: str, *evidence: Event | None, severity: Severity | None = None) -> None:
        """Count a violation, and keep it if there is room. `severity` replaces that of a rule with two."""
        judged = severity or RULES[rule].severity
        self._severities.add(judged)
        self.counts[rule] += 1
        if self.counts[rule] <= self._kept:
            seen = tuple(event for event in evidence if event is not None)
            self.violations.append(Violation(rule, judged, text, seen))

    @property
    def worst(self) -> Severity | None:
        return next((severity for severity in Severity if severity in self._severities), None)
