# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of a rig, and the card and the machine that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nicrig.card.process import CardProcess
from nicrig.machine import qemu
from nicrig.machine.accelerator import Accelerator, Wanted
from nicrig.provision import Provision
from nicrig.rundir.paths import RigPaths
from nicrig.verifier.functions import Detail
from nicrig.witnesses.judge import LINE
from nicrig_interface.vocabulary import CardKind, InterruptMode, LedgerPolicy


@dataclass(frozen=True)
class Options:
    """The options of a rig. `memory` is in MiB; `netdevs`, `devices` are further `-netdev`, `-device` values."""

    accelerator: Wanted = "auto"
    interrupts: InterruptMode = "msix"
    kind: CardKind = "bus-master"
    memory: int = 512
    cpus: int = 1
    netdevs: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    keep_logs: Path | None = None
    detail: Detail = Detail.ALLOCATIONS
    """How much the guest's driver records."""
    parameters: tuple[str, ...] = ()
    """Further parameters of the driver's module, like `noncoherent=64`."""
    ledger: LedgerPolicy = "off"
    """What the card does about DMA that the driver has not granted (docs/coherency.md)."""
    timing: str = "kind"
    """When the card does its work: `kind`, or `unkind[:SEED]` (docs/datasheet.md section 18)."""
    mac: str | None = None
    """The card's station address; None for its default."""
    behaviour: str | None = None
    """The user's own function for the card, as FILE.py:NAME."""
    kernel_arguments: tuple[str, ...] = ()
    """Further arguments of the guest's kernel, like `swiotlb=force`."""
    machine: str = "q35"
    """QEMU's machine; `pc` has no slot for hot-plug."""

    @property
    def hot_plug(self) -> bool:
        """Whether the card can be unplugged and plugged again: only in its MSI mode."""
        return self.interrupts == "msi"

    @property
    def driver_parameters(self) -> list[str]:
        """The parameters of the driver's module."""
        return [f"recorder={int(self.detail)}", *self.parameters]

    @property
    def cache_line(self) -> int:
        """Bytes of a cache line: 64, unless the driver's parameter `noncoherent` sets another size."""
        line = last_parameter(self.parameters, "noncoherent").partition(":")[0]
        return int(line) if line.isdecimal() and int(line) else LINE

    @property
    def recorded(self) -> Detail:
        """How much the driver records: `detail`, unless its parameter `recorder` sets another one."""
        wanted = last_parameter(self.parameters, "recorder")
        return Detail(min(int(wanted), Detail.BYTES)) if wanted.isdecimal() else self.detail


def last_parameter(parameters: Sequence[str], name: str) -> str:
    """The value that the module takes for this parameter: that of the last one. Empty when there is none."""
    return next((value for key, _, value in (each.partition("=") for each in reversed(parameters)) if key == name), "")


def machine_of(options: Options, provision: Provision, accelerator: Accelerator) -> qemu.MachineSpec:
    """The virtual machine of a rig with these options."""
    return qemu.MachineSpec(
        accelerator=accelerator,
        kernel=provision.kernel,
        image=provision.image,
        memory=options.memory,
        cpus=options.cpus,
        netdevs=options.netdevs,
        devices=options.devices,
        machine=options.machine,
        kernel_arguments=" ".join((qemu.KERNEL_ARGUMENTS, *options.kernel_arguments)),
    )


def card_of(paths: RigPaths, library: Path, options: Options) -> CardProcess:
    """The card that these options describe, to be started at `paths`."""
    how = (options.interrupts, options.kind, options.ledger)
    return CardProcess(paths, library, *how, behaviour=options.behaviour, mac=options.mac, card_timing=options.timing)
