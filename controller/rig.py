# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig: card, virtual machine and guest, started together and taken down together.

This file alone knows all the parts. Whatever ends the rig, an exception, a deadline, Ctrl-C or a part's death, nothing
of it is left: no process, no socket, no file.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import trio

from controller import qemu, recording, wire
from controller.accelerator import Wanted, pick
from controller.asyncio_thread import AsyncioThread, open_asyncio_thread
from controller.card import Card, Interrupts, Kind, Ledger
from controller.deadlines import Deadlines
from controller.errors import ConnectionLostError, DeadlineError, GuestCommandError, PartDeathError, RigError, cause
from controller.guest import Guest
from controller.interface import DRIVER, Interface
from controller.polling import until
from controller.provision import Provision
from controller.qmp import Qmp, serve_qmp
from controller.recorder import Layout, Recorder, events
from controller.run_directory import last_lines, run_directory
from controller.verifier.functions import Detail
from controller.witnesses.judge import LINE

# After a connection broke, how long the death that broke it may take to be noticed: it is what the user wants to read.
CORONER_SECONDS = 1.0

PANIC_LINES = 50
PANIC_RECORDS = 30


@dataclass(frozen=True)
class Options:
    """What a rig may be asked for: `memory` in MiB; `netdevs`, `devices` are further `-netdev`, `-device` values."""

    accelerator: Wanted = "auto"
    interrupts: Interrupts = "msix"
    kind: Kind = "bus-master"
    memory: int = 512
    cpus: int = 1
    netdevs: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    keep_logs: Path | None = None
    detail: Detail = Detail.ALLOCATIONS
    """How much the guest's driver records."""
    parameters: tuple[str, ...] = ()
    """Further parameters of the driver's module, like `noncoherent=64`."""
    ledger: Ledger = "off"
    """What the card does about DMA that the driver has not granted."""
    kernel_arguments: tuple[str, ...] = ()
    """Further arguments of the guest's kernel, like `swiotlb=force`."""

    @property
    def cache_line(self) -> int:
        """Bytes of a cache line: those of the non-coherent machine if the driver is told to make one, else 64."""
        lines = [value.partition(":")[0] for value in self.parameters if value.startswith("noncoherent=")]
        line = lines[-1].removeprefix("noncoherent=") if lines else ""
        return int(line) if line.isdecimal() and int(line) else LINE


class Rig:
    """A running rig; made by `open_rig`. `card`, `guest`, `machine` (its QMP), `monitor` (the card's) and `wire`."""

    card: Card
    guest: Guest
    machine: Qmp
    monitor: Qmp
    wire: wire.Wire

    def __init__(
        self, provision: Provision, options: Options, folder: Path, thread: AsyncioThread, nursery: trio.Nursery
    ) -> None:
        self.accelerator = pick(options.accelerator)
        self.deadlines = Deadlines(self.accelerator.scale)
        self._provision = provision
        self.options = options
        self._folder = folder
        self._thread = thread
        self._nursery = nursery
        self._reboot_expected = False
        self._qemu: qemu.Qemu | None = None
        self.card = Card(folder, provision.library, options.interrupts, options.kind, options.ledger)

    @property
    def hot_plug(self) -> bool:
        """Whether the card can be unplugged and plugged again: only in its MSI mode."""
        return self.options.interrupts == "msi"

    @property
    def serial_log(self) -> Path:
        """What the guest's kernel wrote on its console."""
        return self._folder / "serial.log"

    async def start(self) -> None:
        """Card, then QEMU, which needs it, then the guest's agent."""
        await self._start_card()
        with self.deadlines.limit(self.deadlines.monitor, "QEMU to start"):
            await self._start_machine()
        with self._guest_limit(self.deadlines.boot, "the guest to boot"):
            await self._boot()

    async def stop(self) -> None:
        """QEMU before the card: a guest whose card is gone may bring QEMU down in the wrong way."""
        with trio.CancelScope(shield=True):
            if self._qemu is not None:
                await self._qemu.close()
            await self.card.close()
            if hasattr(self, "wire"):
                await self.wire.aclose()

    async def load_driver(self, *parameters: str) -> Interface:
        """Load nicrig.ko with these module parameters besides those of the options; the interface that it made.

        Raises GuestCommandError, with the kernel's words, when it does not take them, RigError when it made none.
        """
        wanted = [f"recorder={int(self.options.detail)}", *self.options.parameters, *parameters]
        loaded = await self.guest.run(["modprobe", DRIVER, *wanted], check=False)
        said = await self._driver_said(wanted) if loaded.code or len(wanted) > 1 else ""
        ignored = any(f"unknown parameter '{value.partition('=')[0]}'" in said for value in wanted)
        if loaded.code or ignored:
            raise GuestCommandError(
                f"the driver is not loaded with {' '.join(wanted)}: {said or loaded.stderr.strip()}"
            )
        return await self.interface()

    async def _driver_said(self, parameters: list[str]) -> str:
        """The driver's last line in the guest's log that repeats a parameter, else its last one."""
        log = (await self.guest.run(["dmesg"])).stdout.splitlines()
        lines = [line.partition("] ")[2] for line in log if f"] {DRIVER}: " in line]
        about = [line for line in lines if any(value in line for value in parameters)]
        return (about or lines or [""])[-1]

    async def interface(self) -> Interface:
        """The card's network interface as it is called now. Raises RigError when the guest has none."""
        found = await Interface.find(self.guest)
        if found is None:
            log = await self.guest.run(["sh", "-c", "dmesg | tail -n 15"])
            raise RigError(f"the driver {DRIVER} made no network interface; the guest's kernel said:\n{log.stdout}")
        return found

    async def unload_driver(self) -> None:
        await self.guest.run(["rmmod", DRIVER])

    async def wait_interface(self) -> Interface:
        """The interface of a card that was plugged just now, when the guest's driver has bound to it."""
        with self._guest_limit(self.deadlines.command, "the driver to bind to the card"):
            return await until(lambda: Interface.find(self.guest))

    async def reboot(self) -> None:
        """Have the guest reboot at once; returns when its agent answers again, with no driver loaded."""
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
            await self.machine.execute("device_add", qemu.card_device(self.card.vfio_user, hot_plug=True))

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
        """A reader of the card's flight recorder, from its first record on."""
        return Recorder(self._records)

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
            self.monitor = await self._nursery.start(serve_qmp, "the card's monitor", self.card.monitor, self._thread)
            self.wire = await wire.connect(self.card.wire)
            self._records = msgspec.convert(await self.monitor.execute("query-recorder"), Layout)

    async def _start_machine(self) -> None:
        machine = qemu.Machine(
            accelerator=self.accelerator,
            kernel=self._provision.kernel,
            image=self._provision.image,
            memory=self.options.memory,
            cpus=self.options.cpus,
            netdevs=self.options.netdevs,
            devices=self.options.devices,
            kernel_arguments=" ".join((qemu.KERNEL_ARGUMENTS, *self.options.kernel_arguments)),
        )
        card = qemu.card_options(self.card.vfio_user, hot_plug=self.hot_plug)
        self._qemu = qemu.Qemu(qemu.program(self._provision), machine, card, self._folder)
        self._nursery.start_soon(self._qemu.watch)
        self.machine = await self._nursery.start(serve_qmp, "QEMU's monitor", self._qemu.take("monitor"), self._thread)
        await self._nursery.start(self._watch_reboots)

    async def _boot(self) -> None:
        with self.machine.listening("VSERPORT_CHANGE") as events:
            await self.machine.execute("cont")
            await events.wait(id=qemu.AGENT_ID, open=True)
        self.guest = Guest(await self._nursery.start(self._serve_agent), self.deadlines)
        await self.guest.ping()

    async def _serve_agent(self, *, task_status: trio.TaskStatus[Qmp]) -> None:
        assert self._qemu is not None
        await serve_qmp("the guest agent", self._qemu.take("agent"), self._thread, agent=True, task_status=task_status)

    async def _watch_reboots(self, *, task_status: trio.TaskStatus[None]) -> None:
        """A guest that resets itself unasked has panicked: the kernel is told panic=-1, to reboot at once."""
        with self.machine.listening("RESET") as events, suppress(ConnectionLostError):
            task_status.started()
            while await events.wait(guest=True):
                # One reboot may send several: the kernel tries one way after the other until the machine resets.
                if not self._reboot_expected:
                    raise PartDeathError(
                        f"the guest panicked and rebooted:{last_lines(self.serial_log, PANIC_LINES)}\n"
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
            raise DeadlineError(f"{error}; its console:{last_lines(self.serial_log)}") from None


@asynccontextmanager
async def open_rig(provision: Provision, options: Options) -> AsyncIterator[Rig]:
    """Start a rig and take it down at the end of the block.

    The block is cancelled when a part dies, and that death is the exception that leaves: PartDeathError. Raises
    RigError when the rig cannot be started, DeadlineError when it does not start in time.
    """
    try:
        with run_directory(keep_logs=options.keep_logs) as folder:
            async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:
                rig = Rig(provision, options, folder, thread, nursery)
                try:
                    await rig.start()
                    yield rig
                except ConnectionLostError:
                    with trio.move_on_after(CORONER_SECONDS):
                        await trio.sleep_forever()
                    raise
                finally:
                    await rig.stop()
                    nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise cause(group) from None
