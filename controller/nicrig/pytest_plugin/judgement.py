# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict of a test: what witnesses, rules, ledger and card say about all that happened since it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nicrig.verdict.outcome import NOT_RECORDED, violation_lines
from nicrig.verdict.run_verdict import WORDS
from nicrig.verifier.verdict import Finding, Violation, decide
from nicrig.witnesses import finding_text
from nicrig.witnesses.judge import FrameFinding
from nicrig.witnesses.words import Word


@dataclass(frozen=True, repr=False)
class Judgement:
    """`injected` and `received` count frames; `unseen` counts lost records, `unknown` says why not all was judged."""

    injected: int
    received: int
    faults: Mapping[Word, int]
    """How many frames one witness saw differently from the one before, by word."""
    violations: Mapping[str, int]
    """What the card refused, what its ledger found, and what the guest suffered, by name."""
    broken: Mapping[str, int]
    """How often the driver broke each rule of NDIS 5.1, if the rule is as severe as `--nicrig-fail-on`."""
    dropped: Mapping[Word, int] = field(default_factory=dict)
    """How many frames the card dropped by contract, by its counter."""
    drops_expected: bool = False
    """Whether the test expects that: then it is no fault."""
    minor: Mapping[str, int] = field(default_factory=dict)
    """The same of the less severe rules, which leave the verdict as it is."""
    unseen: int = 0
    unknown: str = ""
    recorded: bool = True
    """False when the driver was to record nothing (recorder=0)."""
    findings: Sequence[FrameFinding] = field(default=())
    """The first frame of each fault, with what happened around it."""
    evidence: Sequence[Violation] = field(default=())
    """The first violation of each rule at each call site, with the records that show it."""
    console: Sequence[str] = field(default=())
    """The first line of each trouble that the guest's kernel wrote."""

    @property
    def coherent(self) -> bool:
        """Whether wire, device and CPU saw the same bytes, the driver broke no rule, and all was judged."""
        return self._finding is Finding.GOOD

    @property
    def word(self) -> str:
        """coherent, incoherent or unknown."""
        return WORDS[self._finding]

    @property
    def _finding(self) -> Finding:
        dropped = any(self.dropped.values()) and not self.drops_expected
        return decide(found=any(self.faults.values()) or dropped or self.violations or self.broken, unseen=self.unknown)

    def __repr__(self) -> str:
        found = {str(word): count for word, count in self.faults.items()} | {**self.violations, **self.broken}
        if self.dropped:
            found |= {f"dropped by contract: {word}": count for word, count in self.dropped.items()}
        if self.unseen:
            found["records unseen"] = self.unseen
        told = ", ".join(f"{name} {count}" for name, count in found.items()) or self.unknown
        return f"<{self.word}: {told or f'{self.injected} frames in, {self.received} out'}>"

    def lines(self) -> list[str]:
        """The whole verdict as text. The first line sums it up."""
        frames = [line for finding in self.findings for line in finding_text.report(finding)]
        rules = [line for violation in self.evidence for line in violation_lines(violation)]
        rests = [] if self.recorded else [NOT_RECORDED]
        return [repr(self), *([self.unknown] if self.unknown else rests), *frames, *rules, *self.console]
