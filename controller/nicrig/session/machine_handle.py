# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual machine of a rig: QEMU's monitor; and, for the process that started it, hot-plug and the reboot watch."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from shutil import copyfile

import trio

from nicrig.errors import ConnectionLostError, DeadlineError, GuestPanicError, RigError, cause
from nicrig.machine import qemu
from nicrig.machine.accelerator import KVM, TCG, Accelerator
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp
from nicrig.provision import Provision
from nicrig.recorder import CALL_SITES_FILE
from nicrig.rundir.directories import last_lines
from nicrig.rundir.paths import RigPaths
from nicrig.session.options import Options, machine_of
from nicrig.session.services import Services

PANIC_LINES = 50


RELEASES = {"suspended": "system_wakeup", "paused": "cont"}
"""QMP's command that ends a state in which a guest does not run."""


class MachineHandle:
    """A running QEMU: `monitor` is its QMP; `deadlines` are scaled to its accelerator."""

    def __init__(self, monitor: Qmp, accelerator: Accelerator, paths: RigPaths) -> None:
        self.monitor = monitor
        self.accelerator = accelerator
        self.deadlines = Deadlines(accelerator.scale)
        self._paths = paths

    async def held(self) -> str:
        """Why the guest answers nothing, and what to do: it sleeps, or its machine is paused. Nothing while it runs."""
        state = (await self.monitor.ask("query-status", qemu.RunState)).status
        if state not in RELEASES:
            return ""
        wake = f"send {RELEASES[state]} to QEMU's monitor, {self._paths.machine}"
        return f"the guest is {state} and answers nothing: {wake}"

    async def wait_agent(self) -> None:
        """Returns when the guest's agent is there: when the guest has booted."""
        with self.monitor.listening("VSERPORT_CHANGE") as events:
            if not await self._agent_is_open():
                await events.wait(id=qemu.AGENT_ID, open=True)

    async def _agent_is_open(self) -> bool:
        devices = await self.monitor.ask("query-chardev", list[qemu.CharacterDevice])
        return any(device.label == qemu.AGENT_ID and device.frontend_open for device in devices)

    @contextmanager
    def limit(self, seconds: float, awaited: str) -> Iterator[None]:
        """A deadline whose error shows the end of the guest's console."""
        try:
            with self.deadlines.limit(seconds, awaited):
                yield
        except DeadlineError as error:
            raise DeadlineError(f"{error}; its console:{last_lines(self._paths.serial_log)}") from None


class OwnMachine(MachineHandle):
    """A machine that this process has started: the card can be unplugged, and the guest can reboot."""

    def __init__(
        self,
        monitor: Qmp,
        accelerator: Accelerator,
        paths: RigPaths,
        card_socket: Callable[[], Path],
        *,
        hot_plug: bool,
    ) -> None:
        """`card_socket` returns the path by which QEMU reaches the card that runs now."""
        super().__init__(monitor, accelerator, paths)
        self._card_socket = card_socket
        self._hot_plug = hot_plug
        self._reboot_expected = False

    def check_hot_plug(self) -> None:
        """Raises RigError for a card with MSI-X, which cannot be unplugged."""
        if not self._hot_plug:
            raise RigError(
                "QEMU aborts when a vfio-user card with MSI-X is unplugged (its MSI-X tear-down runs after the memory "
                "regions are gone): start the rig with --interrupts msi"
            )

    async def unplug(self) -> None:
        """Take the card out of the machine; returns when it is out. Raises RigError for a card with MSI-X."""
        self.check_hot_plug()
        with (
            self.limit(self.deadlines.command, "the card to be unplugged"),
            self.monitor.listening("DEVICE_DELETED") as events,
        ):
            await self.monitor.execute("device_del", {"id": qemu.CARD_ID})
            await events.wait(device=qemu.CARD_ID)

    async def plug(self) -> None:
        """Put the card into its slot again. The guest notices by itself: see `GuestHandle.wait_interface`."""
        with self.deadlines.limit(self.deadlines.monitor, "QEMU to take the card"):
            await self.monitor.execute("device_add", qemu.card_device(self._card_socket(), hot_plug=True))

    @asynccontextmanager
    async def rebooting(self) -> AsyncIterator[None]:
        """Expect one reboot, which the block causes. It ends when the guest's agent is there again.

        The block is cancelled when the guest resets: an answer that its agent has not sent by then never comes.
        """
        with self.monitor.listening("RESET", "VSERPORT_CHANGE") as events:
            self._reboot_expected = True
            try:
                async with trio.open_nursery() as nursery:

                    async def reset() -> None:
                        await events.wait(guest=True)
                        nursery.cancel_scope.cancel()

                    nursery.start_soon(reset)
                    yield
            except BaseExceptionGroup as group:
                raise cause(group) from None
            await events.wait(id=qemu.AGENT_ID, open=True)
        self._reboot_expected = False

    async def watch_reboots(self, last_records: Callable[[], str], *, task_status: trio.TaskStatus[None]) -> None:
        """Raises GuestPanicError when the guest resets itself and no reboot is expected: panic=-1 makes it do so."""
        with self.monitor.listening("RESET") as events, suppress(ConnectionLostError):
            task_status.started()
            while await events.wait(guest=True):
                # One reboot may send several: the kernel tries one way after the other until the machine resets.
                if not self._reboot_expected:
                    raise GuestPanicError(
                        f"the guest panicked and rebooted:{last_lines(self._paths.serial_log, PANIC_LINES)}\n"
                        f"its last calls between driver and NDIS:{last_records()}"
                    )


async def reach_machine(paths: RigPaths, services: Services) -> MachineHandle:
    """The machine that runs here. Raises ConnectionLostError or DeadlineError when no QEMU answers."""
    deadlines = Deadlines()
    with deadlines.limit(deadlines.monitor, f"QEMU to answer at {paths.machine}"):
        monitor = await services.connect("QEMU's monitor", paths.machine)
        kvm = await monitor.ask("query-kvm", qemu.KvmState)
    return MachineHandle(monitor, KVM if kvm.enabled else TCG, paths)


async def start_machine(
    provision: Provision,
    options: Options,
    accelerator: Accelerator,
    paths: RigPaths,
    services: Services,
    last_records: Callable[[], str],
) -> OwnMachine:
    """Start QEMU with the card that runs here, and watch it; `last_records` are shown when the guest panics.

    Raises PartDeathError or DeadlineError when it does not start.
    """
    deadlines = Deadlines(accelerator.scale)
    paths.call_sites.unlink(missing_ok=True)
    copyfile(provision.image.with_name(CALL_SITES_FILE), paths.call_sites)
    with deadlines.limit(deadlines.monitor, "QEMU to start"):
        card = partial(qemu.card_options, hot_plug=options.hot_plug)
        process = qemu.Qemu(qemu.program(provision), machine_of(options, provision, accelerator), card, paths)
        services.closing.push_async_callback(process.close)
        services.nursery.start_soon(process.watch)
        monitor = await services.connect("QEMU's monitor", process.take_monitor())
        machine = OwnMachine(monitor, accelerator, paths, process.card_socket, hot_plug=options.hot_plug)
        await services.nursery.start(machine.watch_reboots, last_records)
        await monitor.execute("cont")
    return machine
