# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix: every mutant that can be made, for each kind of card, and what must catch it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import get_args

from controller.card import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)

LOAD_FAILED = "load-failed"
"""The driver made no network interface: MiniportInitialize, or what the protocol asked it then, failed."""
GUEST_CRASHED = "guest-crashed"
GUEST_HUNG = "guest-hung"
"""The driver could not be unloaded."""


@dataclass(frozen=True)
class Mutant:
    """`name` is what mutate= of the guest's module takes; of the `expected` reports at least one must come.

    One that cannot be told from the driver as it is has a `reason` instead, and may be all of one function's, `:*`.
    """

    kind: Kind
    name: str
    expected: tuple[str, ...] = ()
    reason: str = ""

    @property
    def live(self) -> bool:
        return not self.reason

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


# [kinds], then a line for each mutant: its name, and either the reports of which one must come (rules, verdicts of
# frames, the card's refusals), or = and why it changes nothing. A line that is indented goes on with the one above it.
_DECLARED = """
[bus-master]
NdisFlushBuffer:skip R96 R98
NdisMUpdateSharedMemory:skip R98
[bus-master subordinate non-dma]
NdisFreeMemory:repeat R41
NdisFreeMemory:skip R27
NdisFreePacket:repeat R41
NdisFreePacket:stale1 R41
NdisAllocateBuffer:plus5 R70
NdisMSetAttributesEx:skip R01
NdisMIndicateReceivePacket:repeat R81
NdisMSendComplete:repeat R84
MiniportHalt:early R27
NdisAllocateSpinLock:repeat = an unused lock is made anew
"""


def _mutants() -> Iterator[Mutant]:
    kinds: list[Kind] = []
    for line in _DECLARED.replace("\n    ", " ").splitlines():
        if line.startswith("["):
            kinds = [kind for kind in KINDS if kind in line[1:-1].split()]
        elif line:
            name, _, rest = line.partition(" ")
            expected, _, reason = rest.partition("=")
            for kind in kinds:
                yield Mutant(kind, name, tuple(expected.split()), reason.strip())


MATRIX = tuple(_mutants())


def chosen(kind: Kind | None, only: str) -> list[Mutant]:
    """The mutants of this kind, or of all, whose names are like `only`."""
    return [mutant for mutant in MATRIX if kind in (None, mutant.kind) and fnmatchcase(mutant.name, only)]
