# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's command line and its process."""

import json
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nicrig.errors import PartDeathError
from nicrig.machine.accelerator import Accelerator
from nicrig.process.child import Child
from nicrig.provision import Provision
from nicrig.provision.host import QEMU
from nicrig.provision.root import Root
from nicrig.rundir.directories import last_lines
from nicrig.rundir.logs import bounded_logs
from nicrig.rundir.paths import RigPaths

CARD_ID = "card"
SLOT_ID = "card-slot"
SHELL_ID = "shell"
AGENT_ID = "agent"
AGENT_PORT = "org.qemu.guest_agent.0"

# panic=-1: the guest reboots at once after a panic, which we notice. The console's log says why it panicked.
KERNEL_ARGUMENTS = "console=ttyS0 panic=-1"


@dataclass(frozen=True)
class Program:
    """How to run QEMU: the start of its argv, and what it needs in its environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MachineSpec:
    """A virtual machine: `memory` in MiB; `netdevs`, `devices` are further `-netdev`, `-device` values."""

    accelerator: Accelerator
    kernel: Path
    image: Path
    memory: int = 512
    cpus: int = 1
    netdevs: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    kernel_arguments: str = KERNEL_ARGUMENTS


def program(provision: Provision) -> Program:
    """The host's QEMU when it is recent enough, else the root's."""
    return Program((str(provision.host_qemu),)) if provision.host_qemu else from_root(provision.root)


def from_root(root: Root) -> Program:
    """The root's QEMU, run by the root's own loader. No chroot, no privilege; all paths are the host's."""
    share = root.path / "usr/share"
    return Program(
        (*root.loader(str(root.program(QEMU))), "-L", str(share / "qemu"), "-L", str(share / "seabios")),
        {"QEMU_MODULE_DIR": str(root.libraries / "qemu")},
    )


def card_device(socket_path: Path, *, hot_plug: bool) -> dict[str, object]:
    """The card as `-device` and `device_add` take it."""
    device: dict[str, object] = {
        "driver": "vfio-user-pci",
        "id": CARD_ID,
        "socket": {"path": str(socket_path), "type": "unix"},
    }
    return {**device, "bus": SLOT_ID} if hot_plug else device


def machine_options(machine: MachineSpec, paths: RigPaths) -> list[str]:
    """The options of the machine without the card."""
    # la57=off: tables of five levels cost an emulated guest time for memory that it does not have.
    # share=on: the card can only reach shared memory. -nodefaults: no disk, no card of QEMU's own, no option ROM.
    return [
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "q35,memory-backend=mem", "-accel", machine.accelerator.name, "-cpu", "max,la57=off"),
        *("-smp", str(machine.cpus), "-m", f"{machine.memory}M"),
        *("-object", f"memory-backend-memfd,id=mem,size={machine.memory}M,share=on"),
        *("-kernel", str(machine.kernel), "-initrd", str(machine.image), "-append", machine.kernel_arguments),
        # append=on: the log may be cut while QEMU writes it, see rundir/logs.py.
        *("-chardev", f"file,id=console,path={_value(paths.serial_log)},append=on", "-serial", "chardev:console"),
        *("-chardev", _server("machine", paths.machine), "-mon", "chardev=machine,mode=control"),
        *("-device", "virtio-serial-pci", "-chardev", _server(AGENT_ID, paths.agent)),
        *("-device", f"virtserialport,chardev={AGENT_ID},name={AGENT_PORT},id={AGENT_ID}"),
        *("-chardev", _server(SHELL_ID, paths.shell), "-device", f"virtconsole,chardev={SHELL_ID},id={SHELL_ID}"),
        *(word for netdev in machine.netdevs for word in ("-netdev", netdev)),
        *(word for device in machine.devices for word in ("-device", device)),
    ]


def starter_options(monitor: int) -> list[str]:
    """What the process that starts QEMU adds: a monitor of its own, on the file descriptor of a connected socket."""
    # -S: the guest starts when we listen, so that we miss no event.
    return ["-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control", "-S"]


def paste_line(paths: RigPaths, *, memory: int = 512, hot_plug: bool = False) -> str:
    """The options that connect your own QEMU to the card at `paths`, quoted for a shell; `memory` in MiB."""
    backend = f"memory-backend-memfd,id=mem,size={memory}M,share=on"
    machine = ["-machine", "q35,memory-backend=mem", "-object", backend, "-m", f"{memory}M"]
    return shlex.join([*machine, *card_options(paths.vfio_user, hot_plug=hot_plug)])


def whole_line(program: Program, machine: MachineSpec, paths: RigPaths, *, hot_plug: bool) -> str:
    """The command that starts this machine for the card at `paths`, quoted for a shell."""
    environment = [f"{name}={value}" for name, value in program.environment.items()]
    words = [*program.argv, *machine_options(machine, paths), *card_options(paths.vfio_user, hot_plug=hot_plug)]
    return shlex.join([*(["env", *environment] if environment else []), *words])


def _server(name: str, path: Path) -> str:
    return f"socket,id={name},path={_value(path)},server=on,wait=off"


def _value(path: Path) -> str:
    # A comma ends an option's value; a doubled comma stands for one.
    return str(path).replace(",", ",,")


def card_options(socket_path: Path, *, hot_plug: bool) -> list[str]:
    """The card's options; a card that can be unplugged gets a port of its own."""
    port = ["-device", f"pcie-root-port,id={SLOT_ID},chassis=1,slot=1"] if hot_plug else []
    return [*port, "-device", json.dumps(card_device(socket_path, hot_plug=hot_plug))]


class Qemu:
    """A running QEMU. The guest waits before its first instruction until the monitor gets `cont`."""

    def __init__(self, program: Program, machine: MachineSpec, card: list[str], paths: RigPaths) -> None:
        self._paths = paths
        self._ending = False
        self._monitor: socket.socket | None
        self._monitor, its_monitor = socket.socketpair()
        options = [*machine_options(machine, paths), *starter_options(its_monitor.fileno())]
        for earlier in (paths.serial_log, paths.qemu_log):
            earlier.unlink(missing_ok=True)
        # Close QEMU's end here in any case: only QEMU then holds it, and the connection ends when QEMU dies.
        with its_monitor, paths.qemu_log.open("ab") as log:
            self.child = Child(
                [*program.argv, *options, *card],
                stdout=log,
                stderr=log,
                env=program.environment,
                pass_fds=(its_monitor.fileno(),),
                private=True,
            )

    def take_monitor(self) -> socket.socket:
        """Our end of the socket of QEMU's monitor. The caller owns it from now on."""
        assert self._monitor is not None, "taken already"
        taken, self._monitor = self._monitor, None
        return taken

    async def watch(self) -> None:
        """Returns when we have closed QEMU; raises PartDeathError, with log and command line, if it ended by itself.

        Keeps the rig's logs small meanwhile.
        """
        async with bounded_logs(self._paths):
            code = await self.child.wait()
        if not self._ending:
            raise PartDeathError(
                f"QEMU ended with code {code}:{last_lines(self._paths.qemu_log)}{last_lines(self._paths.serial_log, 5)}"
                f"\n  $ {shlex.join(self.child.argv)}"
            )

    async def close(self) -> None:
        self._ending = True
        await self.child.close()
        if self._monitor is not None:
            self._monitor.close()
