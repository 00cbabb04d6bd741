# SPDX-License-Identifier: GPL-2.0-or-later
"""The results of all mutants: a table for people, one JSON object for programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from nicrig.mutants.matrix import Mutant
from nicrig.mutants.runner import MutantResult
from nicrig_interface.vocabulary import CardKind


@dataclass
class MutantsOutcome:
    """`results` has the live mutants, `clean` the unmutated drivers, `equivalent` the mutants that are not run."""

    equivalent: Sequence[Mutant] = ()
    results: list[MutantResult] = field(default_factory=list)
    clean: list[tuple[CardKind, MutantResult]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def survivors(self) -> list[MutantResult]:
        """The mutants that no expected report caught, or that changed no call."""
        return [result for result in self.results if not result.killed]

    @property
    def clean_reports(self) -> int:
        return sum(result.reports.total() for _, result in self.clean)

    @property
    def good(self) -> bool:
        return not self.survivors and not self.clean_reports

    def lines(self) -> list[str]:
        """A line for each live mutant, the reports on clean drivers, and the sum."""
        rows = [("kind", "mutant", "expected", "caught by", "frames"), *map(_row, self.results)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        for kind, result in self.clean:
            if result.reports.total():
                lines.append(f"a clean {kind} driver was reported: {_reports(result)}")
        lines += [f"survived: {result.mutant}: {_why(result)}" for result in self.survivors]
        killed = len(self.results) - len(self.survivors)
        return [
            *lines,
            f"mutants: {len(self.results)} live, {killed} killed, {len(self.survivors)} survived; "
            f"{len(self.equivalent)} equivalent; {self.clean_reports} reports on clean drivers ({self.seconds:.0f}s)",
        ]

    def json(self) -> str:
        """The same as one JSON object on one line."""
        made = {
            "live": len(self.results),
            "killed": len(self.results) - len(self.survivors),
            "survivors": [{**_named(result.mutant), "why": _why(result)} for result in self.survivors],
            "equivalent": [{**_named(mutant), "reason": mutant.reason} for mutant in self.equivalent],
            "clean_reports": self.clean_reports,
            "mutants": [
                {
                    **_named(result.mutant),
                    "expected": list(result.mutant.expected) if result.mutant else [],
                    "caught_by": result.caught,
                    "frames": result.frames,
                    "reports": dict(+result.reports),
                }
                for result in self.results
            ],
            "seconds": round(self.seconds, 1),
        }
        return msgspec.json.encode(made).decode()


def _named(mutant: Mutant | None) -> dict[str, str]:
    return {"kind": mutant.kind, "mutant": mutant.name} if mutant else {}


def _row(result: MutantResult) -> tuple[str, ...]:
    mutant = result.mutant
    assert mutant is not None
    caught = " ".join(result.caught) if result.killed else "-"
    return mutant.kind, mutant.name, " ".join(mutant.expected), caught, str(result.frames)


def _reports(result: MutantResult) -> str:
    return " ".join(f"{name} {count}" for name, count in (+result.reports).items())


def _why(result: MutantResult) -> str:
    if result.mutated == 0:
        return "it changed no call"
    return f"reported for {_reports(result)}" if result.reports.total() else "nothing was reported"
