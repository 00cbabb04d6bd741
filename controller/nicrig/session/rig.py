# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig: card, virtual machine and guest, started together and taken down together.

This file alone knows all the parts. Whatever ends the rig, an exception, a deadline, Ctrl-C or a part's death, nothing
of it is left: no process, no socket, no file.
"""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from nicrig.card import wire
from nicrig.card.process import CardProcess
from nicrig.errors import ConnectionLostError, DeadlineError, PartDeathError, RigError, cause
from nicrig.machine import guest_driver, qemu
from nicrig.machine.accelerator import KVM, TCG, Accelerator, pick
from nicrig.machine.guest_agent import GuestAgent
from nicrig.machine.guest_interface import DRIVER, Interface
from nicrig.process.asyncio_thread import AsyncioThread, open_asyncio_thread
from nicrig.process.deadlines import Deadlines
from nicrig.process.polling import until
from nicrig.process.qmp import Qmp, serve_qmp
from nicrig.provision import Provision
from nicrig.recorder import recording
from nicrig.recorder.reader import Layout, Recorder, events
from nicrig.rundir.directories import last_lines, run_directory
from nicrig.rundir.guest_lock import GuestLock
from nicrig.rundir.paths import RigPaths
from nicrig.session.options import Options, card_of, machine_of

# After a connection broke, how long the death that broke it may take to be noticed: it is what the user wants to read.
POST_MORTEM_SECONDS = 1.0

PANIC_LINES = 50
PANIC_RECORDS = 30


class Rig:
    """A running rig: `guest`, `machine` (QEMU's QMP), `monitor` (the card's) and `wire`."""

    guest: GuestAgent
    machine: Qmp
    monitor: Qmp
    wire: wire.Wire
    accelerator: Accelerator

    def __init__(self, paths: RigPaths, options: Options, thread: AsyncioThread, nursery: trio.Nursery) -> None:
        self.paths = paths
        self.options = options
        self.deadlines = Deadlines()
        self._thread = thread
        self._nursery = nursery
        self._reboot_expected = False
        self._provision: Provision | None = None
        self._card: CardProcess | None = None
        self._qemu: qemu.Qemu | None = None
        self._agent: Qmp | None = None
        self._guest_lock = GuestLock(paths)

    @property
    def card(self) -> CardProcess:
        """The card's process. Raises RigError when this rig has not started it."""
        return _ours(self._card)

    @property
    def hot_plug(self) -> bool:
        """Whether the card can be unplugged and plugged again: only in its MSI mode."""
        return self.options.interrupts == "msi"

    async def start(self, provision: Provision) -> None:
        """Card, then QEMU, which needs it, then the guest's agent."""
        options = self.options
        self._card = card_of(self.paths, provision.libvfio_user, options)
        await self._start_card()
        await self.start_machine(provision)
        with self._guest_limit(self.deadlines.boot, "the guest to boot"):
            await self._reach_guest()

    async def start_machine(self, provision: Provision) -> None:
        """The virtual machine alone, for a card that runs here already."""
        self._provision = provision
        self._choose(pick(self.options.accelerator))
        with self.deadlines.limit(self.deadlines.monitor, "QEMU to start"):
            await self._start_qemu(provision)

    async def attach(self, *, with_wire: bool) -> None:
        """Reach the parts that others have started here; what they are is asked of themselves."""
        await self._reach_card(with_wire=with_wire)
        card, ledger = await self.monitor.execute("query-card"), await self.monitor.execute("query-ledger")
        self.options = replace(self.options, kind=card["kind"], interrupts=card["interrupts"], ledger=ledger["policy"])
        await self._guest_lock.take(self.deadlines)
        with self.deadlines.limit(self.deadlines.monitor, f"QEMU to answer at {self.paths.machine}"):
            await self._serve_machine(self.paths.machine)
            kvm = await self.machine.execute("query-kvm")
        self._choose(KVM if kvm["enabled"] else TCG)
        with self._guest_limit(self.deadlines.boot, "the guest's agent to answer"):
            await self._reach_guest()

    async def release(self) -> None:
        """Let others have wire and guest, and only keep the parts running."""
        await self.wire.aclose()
        if self._agent is not None:
            self._agent.stop()
        self._guest_lock.give()

    async def stop(self) -> None:
        """QEMU before the card: a guest whose card is gone may bring QEMU down in the wrong way."""
        with trio.CancelScope(shield=True):
            if self._qemu is not None:
                await self._qemu.close()
            if self._card is not None:
                await self._card.close()
            if hasattr(self, "wire"):
                await self.wire.aclose()
            self._guest_lock.give()

    async def load_driver(self, *parameters: str) -> Interface:
        """Load nicrig.ko with these module parameters besides those of the options; the interface that it made.

        Raises GuestCommandError, with the kernel's words, when it does not take them, RigError when it made none.
        """
        wanted = [f"recorder={int(self.options.detail)}", *self.options.parameters, *parameters]
        await guest_driver.load(self.guest, wanted)
        return await self.interface()

    async def bring_up(self, *parameters: str) -> Interface:
        """As load_driver(), and bring its interface up with its address."""
        interface = await self.load_driver(*parameters)
        await interface.up()
        await interface.address()
        return interface

    async def interface(self) -> Interface:
        """The card's network interface as it is called now. Raises RigError when the guest has none."""
        found = await Interface.find(self.guest)
        if found is None:
            log = await self.guest.run(["sh", "-c", "dmesg | tail -n 15"])
            raise RigError(f"the driver {DRIVER} made no network interface; the guest's kernel said:\n{log.stdout}")
        return found

    async def unload_driver(self) -> None:
        await guest_driver.unload(self.guest)

    async def wait_interface(self) -> Interface:
        """The interface of a card that was plugged just now, when the guest's driver has bound to it."""
        with self._guest_limit(self.deadlines.command, "the driver to bind to the card"):
            return await until(lambda: Interface.find(self.guest))

    async def reboot(self) -> None:
        """Have the guest reboot at once; returns when its agent answers again, with no driver loaded.

        Raises RigError when others have started the machine: they take it for a panic.
        """
        _ours(self._qemu)
        with self._guest_limit(self.deadlines.boot, "the guest to boot again"):
            with self.machine.listening("RESET", "VSERPORT_CHANGE") as events:
                self._reboot_expected = True
                await self.guest.start(["reboot", "-f"])
                await events.wait(guest=True)
                await events.wait(id=qemu.AGENT_ID, open=True)
            await self.guest.ping()
        self._reboot_expected = False

    async def unplug(self) -> None:
        """Take the card out of the machine; returns when it is out. Raises RigError for a card with MSI-X."""
        if not self.hot_plug:
            raise RigError(
                "QEMU aborts when a vfio-user card with MSI-X is unplugged (its MSI-X tear-down runs after the memory "
                "regions are gone): start the rig with --interrupts msi"
            )
        with (
            self._guest_limit(self.deadlines.command, "the card to be unplugged"),
            self.machine.listening("DEVICE_DELETED") as events,
        ):
            await self.machine.execute("device_del", {"id": qemu.CARD_ID})
            await events.wait(device=qemu.CARD_ID)

    async def plug(self) -> None:
        """Put the card into its slot again; the guest notices by itself, see `wait_interface`."""
        with self.deadlines.limit(self.deadlines.monitor, "QEMU to take the card"):
            await self.machine.execute("device_add", qemu.card_device(self.paths.vfio_user, hot_plug=True))

    async def kill_card(self) -> None:
        """Kill the card's process as a crash would. Unplug it before it is started again.

        Not while the guest configures it (just plugged, driver loading): QEMU 11.1.3 then aborts ("*errp == NULL").
        """
        self.monitor.stop()
        await self.wire.aclose()
        await self.card.kill()

    async def restart_card(self) -> None:
        """Start a fresh card on the same sockets, after `kill_card`."""
        await self._start_card()

    def recorder(self) -> Recorder:
        """A reader of the card's flight recorder: from its first record on, of an attached rig from now on."""
        recorder = Recorder(self._records)
        if self._card is None:
            recorder.skip()
        return recorder

    async def counters(self) -> dict[str, int]:
        """The card's counters by the datasheet's names (section 11)."""
        found: dict[str, int] = await self.monitor.execute("query-counters")
        return found

    async def set_link(self, up: bool) -> None:
        await self.monitor.execute("set-link", {"up": up})

    async def _start_card(self) -> None:
        with self.deadlines.limit(self.deadlines.card_ready, "the card to be ready", scaled=False):
            await self.card.start()
            self._nursery.start_soon(self.card.watch)
            await self._reach_card(with_wire=True)

    async def _reach_card(self, *, with_wire: bool) -> None:
        with self.deadlines.limit(self.deadlines.monitor, f"the card to answer at {self.paths.monitor}", scaled=False):
            self.monitor = await self._nursery.start(serve_qmp, "the card's monitor", self.paths.monitor, self._thread)
            if with_wire:
                self.wire = await wire.connect(self.paths.wire)
            self._records = msgspec.convert(await self.monitor.execute("query-recorder"), Layout)

    def _choose(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.deadlines = Deadlines(accelerator.scale)

    async def _start_qemu(self, provision: Provision) -> None:
        machine = machine_of(self.options, provision, self.accelerator)
        card = qemu.card_options(self.paths.vfio_user, hot_plug=self.hot_plug)
        self._qemu = qemu.Qemu(qemu.program(provision), machine, card, self.paths)
        self._nursery.start_soon(self._qemu.watch)
        await self._serve_machine(self._qemu.take_monitor())
        await self._nursery.start(self._watch_reboots)
        await self.machine.execute("cont")

    async def _serve_machine(self, address: Path | socket.socket) -> None:
        self.machine = await self._nursery.start(serve_qmp, "QEMU's monitor", address, self._thread)

    async def wait_agent(self) -> None:
        """Returns when the guest's agent is there: when the guest has booted."""
        with self.machine.listening("VSERPORT_CHANGE") as events:
            if not await self._agent_is_open():
                await events.wait(id=qemu.AGENT_ID, open=True)

    async def _agent_is_open(self) -> bool:
        devices = await self.machine.execute("query-chardev")
        return any(device["label"] == qemu.AGENT_ID and device["frontend-open"] for device in devices)

    async def _reach_guest(self) -> None:
        await self.wait_agent()
        await self._guest_lock.take(self.deadlines)
        self._agent = await self._nursery.start(self._serve_agent)
        self.guest = GuestAgent(self._agent, self.deadlines)
        await self.guest.ping()

    async def _serve_agent(self, *, task_status: trio.TaskStatus[Qmp]) -> None:
        await serve_qmp("the guest agent", self.paths.agent, self._thread, agent=True, task_status=task_status)

    async def _watch_reboots(self, *, task_status: trio.TaskStatus[None]) -> None:
        """A guest that resets itself unasked has panicked: the kernel is told panic=-1, to reboot at once."""
        with self.machine.listening("RESET") as events, suppress(ConnectionLostError):
            task_status.started()
            while await events.wait(guest=True):
                # One reboot may send several: the kernel tries one way after the other until the machine resets.
                if not self._reboot_expected:
                    raise PartDeathError(
                        f"the guest panicked and rebooted:{last_lines(self.paths.serial_log, PANIC_LINES)}\n"
                        f"its last calls between driver and NDIS:{self._last_records()}"
                    )

    def _last_records(self) -> str:
        recorder = self.recorder()
        found = [event for batch in recorder.last(PANIC_RECORDS) for event in events(batch.records, recorder.names)]
        return "".join(f"\n  | {recording.text(event)}" for event in found[-PANIC_RECORDS:]) or " none"

    @contextmanager
    def _guest_limit(self, seconds: float, awaited: str) -> Iterator[None]:
        """A deadline whose error shows what the guest's kernel said last."""
        try:
            with self.deadlines.limit(seconds, awaited):
                yield
        except DeadlineError as error:
            raise DeadlineError(f"{error}; its console:{last_lines(self.paths.serial_log)}") from None


T = TypeVar("T")


def _ours(part: T | None) -> T:
    if part is None:
        raise RigError("this part of the rig was started by somebody else, who alone can do that with it")
    return part


@asynccontextmanager
async def open_rig(provision: Provision, options: Options, paths: RigPaths | None = None) -> AsyncIterator[Rig]:
    """Start a rig, in a folder of its own unless there is a `place`, and take it down at the end of the block.

    The block is cancelled when a part dies, and that death is the exception that leaves: PartDeathError. Raises
    RigError when the rig cannot be started, DeadlineError when it does not start in time.
    """
    with nullcontext(paths) if paths else run_directory(keep_logs=options.keep_logs) as where:
        async with _rig(where, options) as rig:
            await rig.start(provision)
            yield rig


@asynccontextmanager
async def open_machine(provision: Provision, options: Options, paths: RigPaths) -> AsyncIterator[Rig]:
    """As `open_rig`, for the virtual machine alone: the card runs at `place` already; only `machine` is reached."""
    async with _rig(paths, options) as rig:
        await rig.start_machine(provision)
        with rig.deadlines.limit(rig.deadlines.boot, "the guest to boot"):
            await rig.wait_agent()
        yield rig


@asynccontextmanager
async def attach_rig(paths: RigPaths, options: Options, *, with_wire: bool = True) -> AsyncIterator[Rig]:
    """As `open_rig`, with the parts that run at `place`: they go on running after the block.

    Who does not read the wire should not be on it: the card waits for its peers, if not for long.
    """
    async with _rig(paths, options) as rig:
        await rig.attach(with_wire=with_wire)
        yield rig


@asynccontextmanager
async def _rig(paths: RigPaths, options: Options) -> AsyncIterator[Rig]:
    try:
        async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:
            rig = Rig(paths, options, thread, nursery)
            try:
                yield rig
            except ConnectionLostError:
                with trio.move_on_after(POST_MORTEM_SECONDS):
                    await trio.sleep_forever()
                raise
            finally:
                await rig.stop()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise cause(group) from None
