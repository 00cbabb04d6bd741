# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's command line and its process."""

import json
import shlex
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import msgspec

from nicrig.errors import PartDeathError
from nicrig.machine.accelerator import KVM, Accelerator
from nicrig.machine.own_user import Lent, NotLentError, check_reachable, free_user
from nicrig.process.child import Child, Identity
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
# The crypto library's tests of itself are a quarter of an emulated guest's boot.
KERNEL_ARGUMENTS = "console=ttyS0 panic=-1 cryptomgr.notests initcall_blacklist=jent_mod_init,crypto_kdf108_init"

SANDBOX = ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
"""QEMU's own filter of system calls: no other program, no other user, no old calls, no other priority."""


@dataclass(frozen=True)
class Program:
    """How to run QEMU: the start of its argv, and what it needs in its environment. `root`: where all of it lies."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    root: Root | None = None


@dataclass(frozen=True)
class MachineSpec:
    """A virtual machine: QEMU's `machine`, `memory` in MiB; `netdevs`, `devices` are further `-netdev`, `-device`."""

    accelerator: Accelerator
    kernel: Path
    image: Path
    memory: int = 512
    cpus: int = 1
    netdevs: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    kernel_arguments: str = KERNEL_ARGUMENTS
    machine: str = "q35"


class CharacterDevice(msgspec.Struct, rename="kebab"):
    """An answer to QEMU's query-chardev."""

    label: str
    frontend_open: bool


class KvmState(msgspec.Struct):
    """The answer to QEMU's query-kvm."""

    enabled: bool


class RunState(msgspec.Struct):
    """The answer to QEMU's query-status."""

    status: str


def program(provision: Provision) -> Program:
    """The host's QEMU when it is recent enough, else the root's; in its sandbox, when it is built with one."""
    if provision.host_qemu is None:
        return from_root(provision.root)
    argv = (str(provision.host_qemu),)
    return Program((*argv, *SANDBOX) if has_sandbox(*argv) else argv)


def has_sandbox(*argv: str) -> bool:
    """Whether this QEMU can filter its system calls."""
    return subprocess.run([*argv, *SANDBOX, "--version"], capture_output=True, check=False).returncode == 0


def from_root(root: Root) -> Program:
    """The root's QEMU, run by the root's own loader. No chroot, no privilege; all paths are the host's."""
    share = root.path / "usr/share"
    return Program(
        (*root.loader(str(root.program(QEMU))), "-L", str(share / "qemu"), "-L", str(share / "seabios"), *SANDBOX),
        {"QEMU_MODULE_DIR": str(root.libraries / "qemu")},
        root,
    )


def card_device(socket_path: Path, *, hot_plug: bool) -> dict[str, object]:
    """The card as `-device` and `device_add` take it."""
    device: dict[str, object] = {
        "driver": "vfio-user-pci",
        "id": CARD_ID,
        "socket": {"path": str(socket_path), "type": "unix"},
    }
    return {**device, "bus": SLOT_ID} if hot_plug else device


def machine_options(machine: MachineSpec, paths: RigPaths, lent: Lent | None = None) -> list[str]:
    """The options of the machine without the card. With `lent`, QEMU gets its log and its sockets as descriptors."""
    # la57=off: tables of five levels cost an emulated guest time for memory that it does not have.
    # share=on: the card can only reach shared memory. -nodefaults: no disk, no card of QEMU's own, no option ROM.
    # -name: `ps` shows whose QEMU it is.
    return [
        *("-name", _value(paths.folder), "-nodefaults", "-no-user-config", "-display", "none"),
        *(
            "-machine",
            f"{machine.machine},memory-backend=mem",
            "-accel",
            machine.accelerator.name,
            "-cpu",
            "max,la57=off",
        ),
        *("-smp", str(machine.cpus), "-m", f"{machine.memory}M"),
        *("-object", f"memory-backend-memfd,id=mem,size={machine.memory}M,share=on"),
        *("-kernel", str(machine.kernel), "-initrd", str(machine.image), "-append", machine.kernel_arguments),
        *_console(paths.serial_log, lent),
        *("-chardev", _server("machine", paths.machine, lent), "-mon", "chardev=machine,mode=control"),
        *("-device", "virtio-serial-pci", "-chardev", _server(AGENT_ID, paths.agent, lent)),
        *("-device", f"virtserialport,chardev={AGENT_ID},name={AGENT_PORT},id={AGENT_ID}"),
        *("-chardev", _server(SHELL_ID, paths.shell, lent), "-device", f"virtconsole,chardev={SHELL_ID},id={SHELL_ID}"),
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


def _console(log: Path, lent: Lent | None) -> list[str]:
    """The guest's console. append=on: the log may be cut while QEMU writes it, see rundir/logs.py."""
    fds = [] if lent is None else ["-add-fd", f"set=1,fd={lent.log(log)}"]
    path = _value(log) if lent is None else "/dev/fdset/1"
    return [*fds, "-chardev", f"file,id=console,path={path},append=on", "-serial", "chardev:console"]


def _server(name: str, path: Path, lent: Lent | None) -> str:
    at = f"path={_value(path)}" if lent is None else f"fd={lent.server(path)}"
    return f"socket,id={name},{at},server=on,wait=off"


def _value(path: Path) -> str:
    # A comma ends an option's value; a doubled comma stands for one.
    return str(path).replace(",", ",,")


def card_options(socket_path: Path, *, hot_plug: bool) -> list[str]:
    """The card's options; a card that can be unplugged gets a port of its own."""
    port = ["-device", f"pcie-root-port,id={SLOT_ID},chassis=1,slot=1"] if hot_plug else []
    return [*port, "-device", json.dumps(card_device(socket_path, hot_plug=hot_plug))]


@dataclass(frozen=True)
class Start:
    """What QEMU is started from, by the paths that its user can open. `lent` is None when it is our user."""

    program: Program
    machine: MachineSpec
    card: Path
    lent: Lent | None = None


def as_own_user(program: Program, machine: MachineSpec, paths: RigPaths, user: int) -> Start:
    """QEMU as `user`, who can open nothing of ours by its path. Raises NotLentError or OSError."""
    if machine.netdevs:
        raise NotLentError("its -netdev options may need root")
    lent = Lent(user)
    try:
        if program.root is None:
            check_reachable(Path(program.argv[0]))
        else:
            program = from_root(Root(lent.folder(program.root.path)))
        machine = replace(machine, kernel=lent.file(machine.kernel), image=lent.file(machine.image))
        card = lent.rig(paths.folder) / paths.vfio_user.name
        lent.reach(paths.vfio_user)
    except BaseException:
        lent.close()
        raise
    return Start(program, machine, card, lent)


class Qemu:
    """A running QEMU. The guest waits before its first instruction until the monitor gets `cont`.

    When root starts it, it runs as a user of its own, see own_user.py; where that cannot be, its log says why.
    """

    def __init__(
        self, program: Program, machine: MachineSpec, card: Callable[[Path], list[str]], paths: RigPaths
    ) -> None:
        """`card` returns the card's options from the path of its socket."""
        self._paths = paths
        self._ending = False
        self._line = shlex.join([*program.argv, *machine_options(machine, paths), *card(paths.vfio_user)])
        self._monitor: socket.socket | None
        self._monitor, its_monitor = socket.socketpair()
        for earlier in (paths.serial_log, paths.qemu_log):
            earlier.unlink(missing_ok=True)
        # Close QEMU's end here in any case: only QEMU then holds it, and the connection ends when QEMU dies.
        with its_monitor, paths.qemu_log.open("ab") as log:
            start = _start(program, machine, paths, log)
            lent, monitor = start.lent, its_monitor.fileno()
            options = [*machine_options(start.machine, paths, lent), *starter_options(monitor), *card(start.card)]
            self._start = start
            self.child = Child(
                [*start.program.argv, *options],
                stdout=log,
                stderr=log,
                env=start.program.environment,
                pass_fds=(monitor, *(lent.descriptors if lent else ())),
                private=True,
                identity=Identity(lent.user, _groups(machine.accelerator)) if lent else None,
            )
            if lent is not None:
                lent.started()

    def card_socket(self) -> Path:
        """The path of the card's socket for `device_add`. Call it for each new card: its socket is a new file."""
        if self._start.lent is not None:
            self._start.lent.reach(self._paths.vfio_user)
        return self._start.card

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
                f"\n  $ {self._line}"
            )

    async def close(self) -> None:
        self._ending = True
        await self.child.close()
        if self._monitor is not None:
            self._monitor.close()
        if self._start.lent is not None:
            self._start.lent.close()


def _start(program: Program, machine: MachineSpec, paths: RigPaths, log: IO[bytes]) -> Start:
    try:
        user = free_user()
        return Start(program, machine, paths.vfio_user) if user is None else as_own_user(program, machine, paths, user)
    except (NotLentError, OSError) as error:
        log.write(f"nicrig: QEMU runs as root: {error}\n".encode())
        log.flush()
        return Start(program, machine, paths.vfio_user)


def _groups(accelerator: Accelerator) -> list[int]:
    return [Path("/dev/kvm").stat().st_gid] if accelerator is KVM else []
