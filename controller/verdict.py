# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge: what was injected and what came back in, a verdict out. No I/O, no clock, no state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

REFUSAL_PREFIX, LEDGER_PREFIX = "refused_", "ledger_"
Kind = Literal["lost", "corrupted", "duplicated", "reordered", "unexpected"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Difference:
    """One frame that is not what it should be; either side is None where there is no such frame."""

    kind: Kind
    injected: bytes | None
    echoed: bytes | None


@dataclass(frozen=True)
class Verdict:
    """The counts are frames. `violations` are the card's refusals and what its ledger found, by name and count."""

    injected: int
    cpu: int
    echoed: int
    lost: int
    corrupted: int
    duplicated: int
    reordered: int
    unexpected: int
    violations: Mapping[str, int]
    first: Difference | None

    @property
    def coherent(self) -> bool:
        """Wire, CPU and wire again saw the same bytes in the same order, and the card refused nothing."""
        return self.first is None and not self.violations and self.injected == self.cpu == self.echoed

    @property
    def word(self) -> str:
        return "coherent" if self.coherent else "incoherent"


def judge(
    injected: Sequence[bytes], echoed: Sequence[bytes], *, cpu: int, counters: Mapping[str, int] | None = None
) -> Verdict:
    """Compare the echo with what was injected.

    `injected` are unique frames in order, `echoed` what came back in order, `cpu` the frames that the guest's driver
    counted, `counters` what the card's counters grew by. Raises ValueError when two injected frames are equal.
    """
    differences = compare(injected, echoed)
    count = {kind: sum(each.kind == kind for each in differences) for kind in KINDS}
    return Verdict(
        injected=len(injected),
        cpu=cpu,
        echoed=len(echoed),
        **count,
        violations=violations(counters or {}),
        first=differences[0] if differences else None,
    )


def compare(injected: Sequence[bytes], echoed: Sequence[bytes]) -> list[Difference]:
    """Every difference: those of echoed frames in the order of the echo, then what was lost."""
    index = {frame: number for number, frame in enumerate(injected)}
    if len(index) != len(injected):
        raise ValueError("two injected frames are equal: their echoes could not be told apart")
    missing = dict.fromkeys(range(len(injected)))
    for frame in echoed:
        if frame in index:
            missing.pop(index[frame], None)
    found: list[Difference] = []
    seen: set[int] = set()
    last = -1
    for frame in echoed:
        number = index.get(frame)
        if number is None:
            found.append(_foreign(frame, injected, missing, last))
        elif number in seen:
            found.append(Difference("duplicated", injected[number], frame))
        else:
            seen.add(number)
            if number < last:
                found.append(Difference("reordered", injected[number], frame))
            last = max(last, number)
    return found + [Difference("lost", injected[number], None) for number in missing]


def _foreign(frame: bytes, injected: Sequence[bytes], missing: dict[int, None], last: int) -> Difference:
    """A frame that nobody injected is the damaged form of the missing frame whose turn it is; else it is unexpected."""
    if not missing:
        return Difference("unexpected", None, frame)
    number = next((each for each in missing if each > last), next(iter(missing)))
    del missing[number]
    return Difference("corrupted", injected[number], frame)


def violations(counters: Mapping[str, int]) -> dict[str, int]:
    """The refusals and findings among the card's counters that are not zero."""
    refused = {name: count for name, count in counters.items() if name.startswith(REFUSAL_PREFIX) and count}
    return {name.removeprefix(REFUSAL_PREFIX): count for name, count in refused.items()} | findings(counters)


def findings(counters: Mapping[str, int]) -> dict[str, int]:
    """What the card's ledger has found (datasheet section 17)."""
    return {name: count for name, count in counters.items() if name.startswith(LEDGER_PREFIX) and count}
