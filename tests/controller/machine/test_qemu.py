# SPDX-License-Identifier: GPL-2.0-or-later
import json
import shlex
from pathlib import Path

import pytest
import trio

from nicrig.errors import PartDeathError
from nicrig.machine.accelerator import TCG
from nicrig.machine.qemu import (
    SANDBOX,
    MachineSpec,
    Program,
    Qemu,
    card_options,
    from_root,
    machine_options,
    program,
    starter_options,
    whole_line,
)
from nicrig.provision import Provision
from nicrig.provision.root import Root
from nicrig.rundir.paths import RigPaths
from tests.fakes.programs import script

pytestmark = pytest.mark.anyio

MACHINE = MachineSpec(accelerator=TCG, kernel=Path("/k/vmlinuz"), image=Path("/k/initramfs"), memory=256)


def options() -> list[str]:
    return machine_options(MACHINE, RigPaths(Path("/run/rig")))


def test_guest_memory_is_shared_or_the_card_would_see_none() -> None:
    assert "memory-backend-memfd,id=mem,size=256M,share=on" in options()


def test_the_machine_waits_for_the_monitor() -> None:
    assert "-S" in starter_options(3)


def test_the_whole_line_starts_the_same_machine_from_a_shell() -> None:
    paths, started = RigPaths(Path("/run/my rig")), Program(("/b/qemu",), {"QEMU_MODULE_DIR": "/b"})
    words = shlex.split(whole_line(started, MACHINE, paths, hot_plug=False))
    card = card_options(paths.vfio_user, hot_plug=False)
    assert words == ["env", "QEMU_MODULE_DIR=/b", "/b/qemu", *machine_options(MACHINE, paths), *card]


def test_a_card_with_msix_stands_on_the_root_bus() -> None:
    (flag, device) = card_options(Path("/run/vfio-user.sock"), hot_plug=False)
    assert flag == "-device"
    assert json.loads(device) == {
        "driver": "vfio-user-pci",
        "id": "card",
        "socket": {"path": "/run/vfio-user.sock", "type": "unix"},
    }


def test_a_card_to_unplug_stands_behind_a_port_of_its_own() -> None:
    words = card_options(Path("/run/vfio-user.sock"), hot_plug=True)
    port = dict(pair.split("=") for pair in words[1].split(",")[1:])
    assert json.loads(words[3])["bus"] == port["id"]
    # QEMU's port has a property of that name, and refuses a device id that equals a property.
    assert port["id"] != "slot"


def test_the_roots_qemu_runs_by_the_roots_loader(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/qemu-system-x86_64").touch()
    found = from_root(Root(tmp_path))
    assert found.argv[0] == str(tmp_path / "usr/lib64/ld-linux-x86-64.so.2")
    assert str(tmp_path / "usr/bin/qemu-system-x86_64") in found.argv
    assert found.environment["QEMU_MODULE_DIR"].startswith(str(tmp_path))


@pytest.mark.parametrize("built_with_it", [True, False])
def test_a_host_s_qemu_gets_the_sandbox_that_it_is_built_with(tmp_path: Path, built_with_it: bool) -> None:
    refuse = "" if built_with_it else "import sys; sys.exit('-sandbox' in sys.argv)"
    qemu = script(tmp_path / "qemu", refuse)
    made = Provision(Path("/lib.so"), Root(tmp_path), qemu, Path("/k/vmlinuz"), Path("/m"), Path("/k/initramfs"))
    assert program(made).argv == (str(qemu), *(SANDBOX if built_with_it else ()))


def test_the_roots_qemu_gets_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/qemu-system-x86_64").touch()
    assert from_root(Root(tmp_path)).argv[-2:] == SANDBOX
    assert set(SANDBOX[1].split(",")) == {
        "on",
        *(f"{what}=deny" for what in ("obsolete", "elevateprivileges", "spawn", "resourcecontrol")),
    }


async def test_a_qemu_that_ends_early_shows_its_words_and_its_command_line(tmp_path: Path) -> None:
    fake = script(tmp_path / "qemu", "import sys; sys.exit('qemu: no vfio-user-pci in here')")
    qemu = Qemu(Program((str(fake),)), MACHINE, lambda _: ["-device", "the-card"], RigPaths(tmp_path))
    with pytest.raises(PartDeathError) as caught:
        await qemu.watch()
    await qemu.close()
    assert "code 1" in str(caught.value)
    assert "qemu: no vfio-user-pci in here" in str(caught.value)
    assert f"$ {fake} -name {tmp_path} -nodefaults" in str(caught.value)
    assert "-device the-card" in str(caught.value)


async def test_closing_qemu_is_no_death(tmp_path: Path) -> None:
    fake = script(tmp_path / "qemu", "import signal; signal.pause()")
    qemu = Qemu(Program((str(fake),)), MACHINE, lambda _: [], RigPaths(tmp_path))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(qemu.watch)
        await qemu.close()
    assert not qemu.child.alive


async def test_the_environment_and_the_monitors_socket_reach_it(tmp_path: Path) -> None:
    fake = script(
        tmp_path / "qemu",
        "import os, re, socket, sys\n"
        "(fd,) = [int(fd) for fd in re.findall(r'fd=(\\d+)', ' '.join(sys.argv))]\n"
        "socket.socket(fileno=fd).send(os.environ['HELLO'].encode())\n",
    )
    qemu = Qemu(Program((str(fake),), {"HELLO": "here"}), MACHINE, lambda _: [], RigPaths(tmp_path))
    await qemu.child.wait()
    with qemu.take_monitor() as ours:
        assert ours.recv(16) == b"here"
        assert ours.recv(16) == b"", "another process holds QEMU's end too"
    await qemu.close()


def test_others_find_monitor_agent_and_shell_in_the_rigs_folder() -> None:
    words = machine_options(MACHINE, RigPaths(Path("/run/a,b")))
    for name in ("machine", "agent", "shell"):
        assert f"socket,id={name},path=/run/a,,b/{name}.sock,server=on,wait=off" in words
