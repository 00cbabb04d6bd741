# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of matrix.toml: every mutant that can be made, for each kind of card, and what must report it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import get_args

from nicrig.declarations import declared, tables
from nicrig_interface.vocabulary import CardKind

FILE = Path(__file__).with_name("matrix.toml")

KINDS: tuple[CardKind, ...] = get_args(CardKind)
EVERY_KIND = "every-kind"

MAP_REGISTERS = ("map_registers=1", "fragments=3")
NEEDED = {
    "NdisMUpdateSharedMemory": ("update_memory=1",),
    "NdisMAllocateMapRegisters": MAP_REGISTERS,
    "NdisMFreeMapRegisters": MAP_REGISTERS,
    "NdisMStartBufferPhysicalMapping": MAP_REGISTERS,
    "NdisMCompleteBufferPhysicalMapping": MAP_REGISTERS,
    "NdisMAllocateSharedMemoryAsync": ("async_memory=1",),
    "MiniportAllocateComplete": ("async_memory=1",),
    "ExFreePool": ("pool_memory=1",),
    "NdisMSetupDmaTransfer": ("cached_memory=1",),
    "NdisMCompleteDmaTransfer": ("cached_memory=1",),
    "NdisFlushBuffer": ("fragments=3",),
    "NdisQueryBufferSafe": ("fragments=3",),
}
"""Parameters of the driver's module, by the function that it calls only with them, or that matters more with them."""


@dataclass(frozen=True)
class Mutant:
    """`name` is what mutate= of the guest's module takes. At least one of the `expected` reports must come.

    A mutant that is equivalent to the driver as it is has a `reason` instead. Its name may end in `:*`, for all
    operators of one function.
    """

    kind: CardKind
    name: str
    expected: tuple[str, ...] = ()
    reason: str = ""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of the driver's module that lead to the call."""
        return NEEDED.get(self.name.partition(":")[0], ())

    @property
    def live(self) -> bool:
        return not self.reason

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


Fate = tuple[str, ...] | str
"""The reports of which one must come, or the reason why none can."""


def read_mutants(path: Path) -> Iterator[Mutant]:
    """The mutants of a file. Raises ValueError with the table that is wrong."""
    groups = tables(path)
    if unknown := groups.keys() - {EVERY_KIND, *KINDS}:
        raise ValueError(
            f"{path.name}: no kind of card is called {', '.join(unknown)}: {EVERY_KIND}, {', '.join(KINDS)}"
        )
    for kind in KINDS:
        for group in (EVERY_KIND, kind):
            for function, operators in groups[group].items():
                where = f"{path.name}: [{group}.{function}]"
                fates = {"*": operators} if isinstance(operators, str) else declared(operators, dict[str, Fate], where)
                for operator, fate in fates.items():
                    yield _mutant(kind, f"{function}:{operator}", fate)


def _mutant(kind: CardKind, name: str, fate: Fate) -> Mutant:
    return Mutant(kind, name, reason=fate) if isinstance(fate, str) else Mutant(kind, name, fate)


MATRIX = tuple(read_mutants(FILE))


def chosen(kind: CardKind | None, only: str) -> list[Mutant]:
    """The mutants of this kind, or of all kinds, whose names match the pattern `only`."""
    return [mutant for mutant in MATRIX if kind in (None, mutant.kind) and fnmatchcase(mutant.name, only)]
