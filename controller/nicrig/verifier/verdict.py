# SPDX-License-Identifier: GPL-2.0-or-later
"""What the judge found: violations with their evidence, and the verdict over a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from nicrig.verifier.events import Event
from nicrig.verifier.rules import RULES
from nicrig.verifier.severity import FAIL_ON, Severity

KEPT = 100
"""The most violations of one rule that are kept with their evidence; the others are only counted.

Beyond them the first one at a call site is kept too, of as many call sites.
"""


class Finding(StrEnum):
    """The three answers of every verdict: only what was seen whole can be good."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


def decide(*, found: object, unseen: str) -> Finding:
    """The answer: `found` is whatever was found wrong, `unseen` says why not all could be judged.

    What was found is certain, also when records were lost. Every verdict gets its answer here.
    """
    if found:
        return Finding.BAD
    return Finding.UNKNOWN if unseen else Finding.GOOD


@dataclass(frozen=True)
class Violation:
    """One rule broken once: what happened, with its numbers, and the events that show it, the culprit last.

    `more` counts those of the rule at the same call site that it stands for.
    """

    rule: str
    severity: Severity
    text: str
    evidence: tuple[Event, ...]
    more: int = 0

    @property
    def site(self) -> str:
        """The call site of the culprit, or of the last call before it that has one; empty when none has."""
        return next((event.site for event in reversed(self.evidence) if event.site), "")

    def __str__(self) -> str:
        return f"{self.rule} {self.severity.value}: {self.text}{f' (at {self.site})' if self.site else ''}"


@dataclass(frozen=True)
class Verdict:
    """The verdict over all events so far, `calls` of which the driver recorded.

    `found` are violations by rule and severity, `lost` the records never seen. A violation that is less severe than
    `fail_on` is shown and does not change the verdict.
    """

    events: int
    calls: int
    lost: int
    found: Mapping[tuple[str, Severity], int]
    fail_on: Severity = FAIL_ON

    @property
    def counts(self) -> dict[str, int]:
        """All violations, by rule."""
        return _by_rule(self.found)

    @property
    def broken(self) -> dict[str, int]:
        """The violations that fail the run, by rule."""
        return _by_rule({each: count for each, count in self.found.items() if each[1].fails(self.fail_on)})

    @property
    def minor(self) -> dict[str, int]:
        """The violations that do not, by rule."""
        return _by_rule({each: count for each, count in self.found.items() if not each[1].fails(self.fail_on)})

    @property
    def worst(self) -> Severity | None:
        seen = {severity for _, severity in self.found}
        return next((severity for severity in Severity if severity in seen), None)

    @property
    def unseen(self) -> str:
        """Why not all of the driver's calls could be judged; empty when all were."""
        if self.lost:
            return f"{self.lost} records of the flight recorder were lost: some of the driver's calls are not judged"
        return "" if self.calls else "the driver recorded nothing: none of its calls is judged"

    @property
    def clean(self) -> bool:
        """Whether all was judged, and nothing as bad as `fail_on` was found."""
        return decide(found=self.broken, unseen=self.unseen) is Finding.GOOD


def minor_line(minor: Mapping[str, int]) -> str:
    """The violations that do not fail the run, as a line of text, which is empty without any."""
    found = ", ".join(f"{rule} {count}" for rule, count in minor.items())
    return found and f"not counted, as --fail-on says: {found}"


def _by_rule(found: Mapping[tuple[str, Severity], int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (rule, _), count in found.items():
        counts[rule] += count
    return dict(counts)


class Findings:
    """Takes what the checks report, and keeps a bounded part of it."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self.violations: list[Violation] = []
        self.counts: Counter[tuple[str, Severity]] = Counter()
        self._seen: Counter[str] = Counter()
        self._sites: dict[str, Counter[str]] = {}
        """How often each rule was broken at each call site of those that are kept."""

    @property
    def firsts(self) -> list[Violation]:
        """The first violation of each rule at each call site, in order, with how many more there are."""
        first: dict[tuple[str, str], Violation] = {}
        for each in self.violations:
            first.setdefault((each.rule, each.site), each)
        return [replace(each, more=self._sites[rule][site] - 1) for (rule, site), each in first.items()]

    def report(self, rule: str, text: str, *evidence: Event | None, severity: Severity | None = None) -> None:
        """Count a violation, and keep it if there is room. `severity` replaces that of a rule with two."""
        judged = severity or RULES[rule].severity
        self.counts[rule, judged] += 1
        self._seen[rule] += 1
        found = Violation(rule, judged, text, tuple(event for event in evidence if event is not None))
        sites = self._sites.setdefault(rule, Counter())
        known = found.site in sites
        if known or len(sites) < self._kept:
            sites[found.site] += 1
        if self._seen[rule] <= self._kept or (not known and found.site in sites):
            self.violations.append(found)
