# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig that a test needs: its marker over the settings of the run."""

from __future__ import annotations

import msgspec
import pytest

from nicrig.machine.accelerator import Wanted as Accelerator
from nicrig.pytest_plugin.settings import Settings
from nicrig.session.options import Options
from nicrig.verifier.functions import Detail
from nicrig_interface.vocabulary import CardKind, InterruptMode, LedgerPolicy


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of the marker `nicrig`. Tests with the same machine share it."""

    kind: CardKind = "bus-master"
    accelerator: Accelerator = "auto"
    interrupts: InterruptMode = "msix"
    cpus: int = 1
    memory: int = 512
    kernel_arguments: tuple[str, ...] = ()
    ledger: LedgerPolicy = "report"
    """What the card does about DMA that the driver has not granted."""
    card_timing: str = "kind"
    """When the card does its work: `kind`, or `unkind[:SEED]`."""
    parameters: tuple[str, ...] = ()
    """Parameters of the driver's module, like `noncoherent=64`."""
    fresh: bool = False
    """Whether the test needs a machine that no other test uses."""

    def machine(self) -> Options:
        """The options of the machine. Ledger, timing and driver are set for each test."""
        return Options(
            accelerator=self.accelerator,
            interrupts=self.interrupts,
            kind=self.kind,
            memory=self.memory,
            cpus=self.cpus,
            kernel_arguments=self.kernel_arguments,
            detail=Detail.BYTES,
        )


def wanted(item: pytest.Item, settings: Settings) -> Wanted:
    """The rig that the test needs. The closest marker counts. Raises UsageError for a wrong argument."""
    asked: dict[str, object] = {"kind": settings.kind, "accelerator": settings.accelerator}
    for marker in reversed(list(item.iter_markers("nicrig"))):
        if marker.args:
            raise pytest.UsageError(f"{item.nodeid}: the marker nicrig takes named arguments only: {_fields()}")
        asked |= marker.kwargs
    try:
        return msgspec.convert(asked, Wanted)
    except msgspec.ValidationError as error:
        raise pytest.UsageError(f"{item.nodeid}: marker nicrig: {error}; it takes {_fields()}") from None


def _fields() -> str:
    return ", ".join(Wanted.__struct_fields__)
