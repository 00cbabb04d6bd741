# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict over a run: what the witnesses found, what the card refused, and whether the counts agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nicrig.verifier.functions import Detail
from nicrig.verifier.verdict import Finding, Verdict, decide
from nicrig.witnesses.judge import FrameFinding, Witnesses
from nicrig.witnesses.words import Word

WORDS = {Finding.GOOD: "coherent", Finding.BAD: "incoherent", Finding.UNKNOWN: "unknown"}
"""What a verdict over frames says."""
REFUSAL_PREFIX, FINDING_PREFIXES = "refused_", ("ledger_", "hand_over_")


@dataclass(frozen=True)
class RunVerdict:
    """`injected`, `cpu` and `echoed` count frames; `counts` has the faults by word, `findings` the first frame of each.

    `violations` has the card's refusals, its ledger's findings and what the guest suffered, by name. `unseen` is why
    not all was judged. `own` are the frames that the guest made itself, `reordered` those that its network stack put
    out of order: neither is a fault. `whole` is false for a run that ended early.
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
    whole: bool = True

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
        uneven = self.whole and not self.injected == self.cpu == self.echoed
        found = any(self.counts.values()) or self.violations or uneven
        return decide(found=found, unseen=self.unseen)


def judge(
    injected: Sequence[bytes], echoed: Sequence[bytes], *, cpu: int, counters: Mapping[str, int] | None = None
) -> RunVerdict:
    """Judge by the wire alone: the frames in order, and the echo. The guest's driver counted `cpu` frames.

    `counters` is by how much the card's counters grew.
    """
    witnesses = Witnesses()
    witnesses.settle(injected, echoed)
    return conclude(witnesses, injected=len(injected), cpu=cpu, echoed=len(echoed), counters=counters)


def conclude(
    witnesses: Witnesses,
    *,
    injected: int,
    cpu: int,
    echoed: int,
    counters: Mapping[str, int] | None = None,
    own: int = 0,
    trouble: Mapping[str, int] | None = None,
    whole: bool = True,
) -> RunVerdict:
    """The verdict on all that the witnesses have settled."""
    return RunVerdict(
        injected,
        cpu,
        echoed,
        dict(witnesses.counts),
        {**violations(counters or {}), **(trouble or {})},
        tuple(witnesses.findings.values()),
        own=own,
        reordered=witnesses.reordered,
        whole=whole,
    )


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
