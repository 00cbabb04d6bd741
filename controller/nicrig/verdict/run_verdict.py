# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict over a run: what the witnesses found, what the card refused, and whether the account closes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nicrig.witnesses.judge import FrameFinding, Witnesses
from nicrig.witnesses.words import Word

REFUSAL_PREFIX, LEDGER_PREFIX = "refused_", "ledger_"


@dataclass(frozen=True)
class RunVerdict:
    """`injected`, `cpu` and `echoed` are frames; `counts` the faults by word, `findings` the first frame of each.

    `violations` are the card's refusals and what its ledger found, by name and count.
    """

    injected: int
    cpu: int
    echoed: int
    counts: Mapping[Word, int]
    violations: Mapping[str, int]
    findings: Sequence[FrameFinding] = ()

    @property
    def coherent(self) -> bool:
        """All witnesses saw the same bytes in the same order, and the card refused nothing."""
        return not any(self.counts.values()) and not self.violations and self.injected == self.cpu == self.echoed

    @property
    def word(self) -> str:
        return "coherent" if self.coherent else "incoherent"


def judge(
    injected: Sequence[bytes], echoed: Sequence[bytes], *, cpu: int, counters: Mapping[str, int] | None = None
) -> RunVerdict:
    """Judge by the wire alone: frames in order, and what came back; `cpu` frames were counted by the guest's driver.

    `counters` is what the card's counters grew by.
    """
    witnesses = Witnesses()
    witnesses.settle(injected, echoed)
    return conclude(witnesses, injected=len(injected), cpu=cpu, echoed=len(echoed), counters=counters)


def conclude(
    witnesses: Witnesses, *, injected: int, cpu: int, echoed: int, counters: Mapping[str, int] | None = None
) -> RunVerdict:
    """The verdict on all that the witnesses have settled."""
    found = violations(counters or {})
    return RunVerdict(injected, cpu, echoed, dict(witnesses.counts), found, tuple(witnesses.findings.values()))


def violations(counters: Mapping[str, int]) -> dict[str, int]:
    """The refusals and findings among the card's counters that are not zero."""
    refused = {name: count for name, count in counters.items() if name.startswith(REFUSAL_PREFIX) and count}
    return {name.removeprefix(REFUSAL_PREFIX): count for name, count in refused.items()} | findings(counters)


def findings(counters: Mapping[str, int]) -> dict[str, int]:
    """What the card's ledger has found (datasheet section 17)."""
    return {name: count for name, count in counters.items() if name.startswith(LEDGER_PREFIX) and count}
