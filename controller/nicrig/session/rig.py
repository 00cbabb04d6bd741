# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig: card, virtual machine and guest, started together and taken down together.

This file alone joins the parts. Whatever ends the rig, an exception, a deadline, Ctrl-C or a part's death, nothing
of it is left: no process, no socket, no file.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from nicrig.card.monitor import card_monitor, card_state, recorder_layout
from nicrig.errors import RigError
from nicrig.machine.accelerator import pick
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp
from nicrig.provision import Provision
from nicrig.recorder import recording
from nicrig.recorder.reader import Recorder
from nicrig.rundir.directories import run_directory
from nicrig.rundir.guest_lock import GuestLock
from nicrig.rundir.paths import RigPaths
from nicrig.session.card_handle import CardHandle, OwnCard
from nicrig.session.guest_handle import GuestHandle, OwnGuest, reach_agent
from nicrig.session.machine_handle import MachineHandle, OwnMachine, reach_machine, start_machine
from nicrig.session.options import Options, card_of
from nicrig.session.services import Services, open_services
from nicrig_interface.answers import LedgerState, RecorderLayout, TimingState

PANIC_RECORDS = 30


@dataclass(frozen=True)
class Rig:
    """A running rig. Another process may have started it: see `attach_rig`."""

    paths: RigPaths
    options: Options
    card: CardHandle
    machine: MachineHandle
    guest: GuestHandle

    @property
    def deadlines(self) -> Deadlines:
        """Scaled to the machine's accelerator."""
        return self.machine.deadlines


@dataclass(frozen=True)
class OwnRig(Rig):
    """A rig that this process has started: its parts can also be killed, restarted, unplugged and rebooted."""

    card: OwnCard
    machine: OwnMachine
    guest: OwnGuest
    agent: Qmp
    lock: GuestLock

    async def release(self) -> None:
        """Leave wire and guest to other processes. The parts keep running."""
        await self.card.wire.aclose()
        self.agent.stop()
        self.lock.release()


@asynccontextmanager
async def open_rig(provision: Provision, options: Options, paths: RigPaths | None = None) -> AsyncIterator[OwnRig]:
    """Start a rig, in a fresh folder unless `paths` names one, and take it down at the end of the block.

    The block is cancelled when a part dies, and that death is the exception that leaves it: PartDeathError. Raises
    RigError when the rig cannot be started, DeadlineError when it does not start in time.
    """
    with nullcontext(paths) if paths else run_directory(keep_logs=options.keep_logs) as where:
        async with open_services() as services:
            lock = _guest_lock(where, services)
            # Card, then QEMU, which connects to it, then the guest. They end in the opposite order: QEMU may fail when
            # it loses its card.
            card = OwnCard(where, services, card_of(where, provision.libvfio_user, options))
            await card.start()
            accelerator = pick(options.accelerator)
            # The layout is asked for late: a card that was restarted has another.
            machine = await start_machine(
                provision, options, accelerator, where, services, lambda: _last_records(card.layout)
            )
            with machine.limit(machine.deadlines.boot, "the guest to boot"):
                agent = await reach_agent(machine, where, services, lock)
            guest = OwnGuest(agent, machine, options.driver_parameters)
            yield OwnRig(where, options, card, machine, guest, agent, lock)


@asynccontextmanager
async def open_machine(provision: Provision, options: Options, paths: RigPaths) -> AsyncIterator[OwnMachine]:
    """As `open_rig`, for the virtual machine alone: the card at `paths` runs already."""
    async with card_monitor(paths) as monitor:
        layout = await recorder_layout(monitor)
    async with open_services() as services:
        told = partial(_last_records, layout)
        machine = await start_machine(provision, options, pick(options.accelerator), paths, services, told)
        with machine.limit(machine.deadlines.boot, "the guest to boot"):
            await machine.wait_agent()
        yield machine


@asynccontextmanager
async def attach_rig(paths: RigPaths, options: Options) -> AsyncIterator[Rig]:
    """As `open_rig`, for the parts that run at `paths`; they say what they are. They keep running after the block.

    The rig is a peer of the card's wire: read it, or the card waits, though not for long.
    """
    async with open_services() as services:
        lock = _guest_lock(paths, services)
        card = CardHandle(paths, services)
        await card.connect()
        options = await _options(card, options)
        machine, guest = await _attach_guest(paths, options, services, lock)
        yield Rig(paths, options, card, machine, guest)


@asynccontextmanager
async def attach_guest(paths: RigPaths) -> AsyncIterator[GuestHandle]:
    """The guest of the rig that runs at `paths`, without its card. It keeps running after the block."""
    async with open_services() as services:
        _, guest = await _attach_guest(paths, Options(), services, _guest_lock(paths, services))
        yield guest


async def _attach_guest(
    paths: RigPaths, options: Options, services: Services, lock: GuestLock
) -> tuple[MachineHandle, GuestHandle]:
    # QEMU's monitor serves one client at a time too.
    await lock.acquire(Deadlines())
    machine = await reach_machine(paths, services)
    if held := await machine.held():
        raise RigError(held)
    with machine.limit(machine.deadlines.boot, "the guest's agent to answer"):
        agent = await reach_agent(machine, paths, services, lock)
    return machine, GuestHandle(agent, machine, options.driver_parameters)


def _guest_lock(paths: RigPaths, services: Services) -> GuestLock:
    lock = GuestLock(paths)
    services.closing.callback(lock.release)
    return lock


async def _options(card: CardHandle, options: Options) -> Options:
    """With what the card says about itself."""
    found, ledger = await card_state(card.monitor), await card.monitor.ask("query-ledger", LedgerState)
    timing = (await card.monitor.ask("query-timing", TimingState)).timing
    return replace(options, kind=found.kind, interrupts=found.interrupts, ledger=ledger.policy, timing=timing)


def _last_records(layout: RecorderLayout) -> str:
    recorder = Recorder(layout)
    found = [event for batch in recorder.last(PANIC_RECORDS) for event in recorder.events(batch.records)]
    return "".join(f"\n  | {recording.text(event)}" for event in found[-PANIC_RECORDS:]) or " none"
