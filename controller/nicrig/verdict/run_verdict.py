# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict over a run: what the witnesses found, what the card refused, and whether the counts agree."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nicrig.verifier.functions import Detail
from nicrig.verifier.verdict import Finding, Verdict, decide
from nicrig.witnesses.judge import FrameFinding, Witnesses
from nicrig.witnesses.words import DROPPED, Word

WORDS = {Finding.GOOD: "coherent", Finding.BAD: "incoherent", Finding.UNKNOWN: "unknown"}
"""What a verdict over frames says."""
REFUSAL_PREFIX, FINDING_PREFIXES = "refused_", ("ledger_", "hand_over_")


@dataclass(frozen=True)
class Tally:
    """Frames as wire and driver counted them. `kept` of the injected ones are not to come back, `own` are the guest's.

    The guest was to send `sent` frames by itself; `came` of them came. Up to `excused` frames may be missing anywhere.
    The card dropped `dropped` of the injected ones by contract.
    """

    injected: int
    cpu: int
    echoed: int
    own: int = 0
    kept: int = 0
    sent: int = 0
    came: int = 0
    excused: int = 0
    dropped: int = 0

    @property
    def even(self) -> bool:
        """Whether the counts agree."""
        taken = self.injected - self.dropped
        missing = (taken - self.cpu, taken - self.kept - self.echoed, self.sent - self.came)
        return all(0 <= each <= self.excused for each in missing)


@dataclass(frozen=True)
class RunVerdict:
    """`injected`, `cpu` and `echoed` count frames; `counts` has the faults by word, `findings` the first frame of each.

    `violations` has the card's refusals, its ledger's findings and what the guest suffered, by name. `unseen` is why
    not all was judged. `own` are the frames that the guest made itself, `reordered` those that its network stack put
    out of order: neither is a fault. `kept` of the injected ones were not to be echoed, and `sent` are frames that the
    guest sent for the run. `excused` were lost to what the run did, as it had to be. `even` says whether driver and
    wire counted the frames that they should. With `drops_expected`, frames that the card dropped by contract are no
    fault.
    """

    injected: int
    cpu: int
    echoed: int
    counts: Mapping[Word, int]
    violations: Mapping[str, int]
    findings: Sequence[FrameFinding] = ()
    unseen: str = ""
    own: int = 0
    reordered: int = 0
    kept: int = 0
    sent: int = 0
    excused: int = 0
    even: bool = True
    drops_expected: bool = False

    @property
    def dropped(self) -> dict[Word, int]:
        """The frames that the card dropped by contract, by its counter."""
        return drops_of(self.counts)

    @property
    def coherent(self) -> bool:
        """Whether all witnesses saw the same bytes in the same order, the card refused nothing, and all was judged."""
        return self._finding is Finding.GOOD

    @property
    def word(self) -> str:
        """coherent, incoherent or unknown."""
        return WORDS[self._finding]

    @property
    def _finding(self) -> Finding:
        faults = Counter(self.counts)
        if self.drops_expected:
            faults -= Counter(self.dropped)
        return decide(found=any(faults.values()) or self.violations or not self.even, unseen=self.unseen)


def judge(
    injected: Sequence[bytes], echoed: Sequence[bytes], *, cpu: int, counters: Mapping[str, int] | None = None
) -> RunVerdict:
    """Judge by the wire alone: the frames in order, and the echo. The guest's driver counted `cpu` frames.

    `counters` is by how much the card's counters grew.
    """
    witnesses = Witnesses()
    witnesses.settle(injected, echoed)
    return conclude(witnesses, Tally(len(injected), cpu, len(echoed)), counters=counters)


def conclude(
    witnesses: Witnesses,
    tally: Tally,
    *,
    counters: Mapping[str, int] | None = None,
    trouble: Mapping[str, int] | None = None,
    whole: bool = True,
) -> RunVerdict:
    """The verdict on all that the witnesses have settled. Without `whole`, the counts need not agree."""
    return RunVerdict(
        tally.injected,
        tally.cpu,
        tally.echoed,
        dict(witnesses.counts),
        {**violations(counters or {}), **(trouble or {})},
        tuple(witnesses.findings.values()),
        own=tally.own,
        reordered=witnesses.reordered,
        kept=tally.kept,
        sent=tally.sent,
        excused=tally.excused,
        even=not whole or tally.even,
    )


def combine(parts: Sequence[RunVerdict]) -> RunVerdict:
    """One verdict over all parts of a run, with the first finding of each word."""
    counts: Counter[Word] = Counter()
    refused: Counter[str] = Counter()
    findings: dict[Word, FrameFinding] = {}
    for part in parts:
        counts.update(part.counts)
        refused.update(part.violations)
        findings = {finding.word: finding for finding in part.findings} | findings
    names = ("injected", "cpu", "echoed", "own", "reordered", "kept", "sent", "excused")
    return RunVerdict(
        **{name: sum(getattr(part, name) for part in parts) for name in names},
        counts=counts,
        violations=refused,
        findings=tuple(findings.values()),
        even=all(part.even for part in parts),
    )


def drops_of(counts: Mapping[Word, int]) -> dict[Word, int]:
    """Of these counts of frames, those that the card dropped by contract."""
    return {word: counts[word] for word in DROPPED if counts.get(word)}


def unseen(calls: Verdict, recorded: Detail) -> str:
    """Why not all of a run was judged; empty when all was, or when the driver was to record nothing (recorder=0).

    What the guest says about its detail does not count: `recorded` is what the user wanted.
    """
    return calls.unseen if calls.lost or recorded else ""


def violations(counters: Mapping[str, int]) -> dict[str, int]:
    """The refusals and findings among the card's counters, where they are not zero."""
    refused = {name: count for name, count in counters.items() if name.startswith(REFUSAL_PREFIX) and count}
    return {name.removeprefix(REFUSAL_PREFIX): count for name, count in refused.items()} | findings(counters)


def findings(counters: Mapping[str, int]) -> dict[str, int]:
    """What the card has found: its ledger, and what an unkind card sees (datasheet sections 17 and 18)."""
    return {name: count for name, count in counters.items() if name.startswith(FINDING_PREFIXES) and count}
