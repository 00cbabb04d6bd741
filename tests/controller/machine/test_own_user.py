# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU as a user of its own: what it gets, and what it cannot reach. Its program here is a shell script."""

from __future__ import annotations

import os
import re
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from nicrig.machine.accelerator import TCG
from nicrig.machine.own_user import COUNT, FIRST, free_user
from nicrig.machine.qemu import MachineSpec, Program, Qemu, from_root
from nicrig.provision.root import Root
from nicrig.rundir.paths import RigPaths

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a program as another user"),
]

# It has the place of the root's loader, so it gets QEMU's whole command line.
QEMU = """#!/bin/bash
echo "user $(id -u) $(id -g)"
while [ $# -gt 0 ]; do
    case "$1" in
    -kernel | -initrd) echo "file $(cat "$2")" ;;
    *set=1,fd=*) echo console >&"${1##*=}" ;;
    *vfio-user.sock)
        [ -w "$1" ] && echo "card reached"
        ls "${1%/*}" >/dev/null 2>&1 || echo "folder closed"
        cat "${1%/*}/recorder" >/dev/null 2>&1 || echo "recorder closed"
        ;;
    esac
    shift
done
"""


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A root with such a QEMU, in a folder of ours alone."""
    made = tmp_path / "root"
    for name, text in (
        ("usr/lib64/ld-linux-x86-64.so.2", QEMU),
        ("usr/bin/qemu-system-x86_64", ""),
        ("boot/vmlinuz-1", "kernel"),
        ("image/initramfs", "image"),
    ):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
        (made / name).chmod(0o755)
    for folder in (made, *(path for path in made.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    tmp_path.chmod(0o700)
    return Root(made)


@pytest.fixture
def paths(tmp_path: Path) -> RigPaths:
    found = RigPaths(tmp_path / "rig")
    found.folder.mkdir(mode=0o700)
    (found.folder / "recorder").touch(0o600)
    listening(found.vfio_user).close()
    return found


def listening(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    made.bind(str(path))
    path.chmod(0o600)
    return made


def owner_and_mode(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def machine(root: Root) -> MachineSpec:
    return MachineSpec(accelerator=TCG, kernel=root.kernel, image=root.path / "image/initramfs")


async def log_of(root: Root, machine: MachineSpec, paths: RigPaths) -> list[str]:
    """What the script says that has run in QEMU's place."""
    qemu = Qemu(from_root(root), machine, lambda card: [str(card)], paths)
    await qemu.child.wait()
    await qemu.close()
    return paths.qemu_log.read_text().splitlines()


async def test_it_reaches_its_files_and_the_card_and_nothing_else_of_ours(root: Root, paths: RigPaths) -> None:
    user, *rest = await log_of(root, machine(root), paths)
    number = re.fullmatch(r"user (\d+) \1", user)
    assert number is not None
    assert FIRST <= int(number[1]) < FIRST + COUNT
    assert rest == ["file kernel", "file image", "card reached", "folder closed", "recorder closed"]
    assert paths.serial_log.read_text() == "console\n"


async def test_only_we_can_connect_to_its_sockets(root: Root, paths: RigPaths) -> None:
    qemu = Qemu(from_root(root), machine(root), lambda card: [str(card)], paths)
    for path in (paths.machine, paths.agent, paths.shell):
        assert owner_and_mode(path) == (0, 0, 0o600)
    await qemu.close()


async def test_it_reaches_the_socket_of_a_new_card(root: Root, paths: RigPaths) -> None:
    qemu = Qemu(from_root(root), machine(root), lambda card: [str(card)], paths)
    earlier = owner_and_mode(paths.vfio_user)
    assert earlier[1] >= FIRST
    listening(paths.vfio_user).close()
    assert owner_and_mode(paths.vfio_user) == (0, 0, 0o600)
    assert re.fullmatch(r"/proc/self/fd/\d+/vfio-user\.sock", str(qemu.card_socket()))
    assert owner_and_mode(paths.vfio_user) == earlier
    await qemu.close()


async def test_the_rigs_folder_is_ours_alone_again_afterwards(root: Root, paths: RigPaths) -> None:
    before, open_files = owner_and_mode(paths.folder), descriptors()
    qemu = Qemu(from_root(root), machine(root), lambda card: [str(card)], paths)
    assert owner_and_mode(paths.folder)[2] == 0o710
    qemu.take_monitor().close()
    await qemu.close()
    assert owner_and_mode(paths.folder) == before
    assert descriptors() == open_files


async def test_what_it_could_not_open_makes_it_root_and_the_log_says_why(root: Root, paths: RigPaths) -> None:
    root.kernel.chmod(0o700)
    first, second, *_ = await log_of(root, machine(root), paths)
    assert first == f"nicrig: QEMU runs as root: other users may not open {root.kernel}"
    assert second == "user 0 0"
    assert owner_and_mode(paths.folder)[2] == 0o700


async def test_a_qemu_of_the_host_that_is_in_a_folder_of_ours_runs_as_root(
    root: Root, paths: RigPaths, tmp_path: Path
) -> None:
    host_qemu = Program((str(root.path / "usr/lib64/ld-linux-x86-64.so.2"),))
    qemu = Qemu(host_qemu, machine(root), lambda card: [str(card)], paths)
    await qemu.child.wait()
    await qemu.close()
    first, second, *_ = paths.qemu_log.read_text().splitlines()
    closed = (folder for folder in (tmp_path, *tmp_path.parents) if not owner_and_mode(folder)[2] & stat.S_IXOTH)
    assert first in [f"nicrig: QEMU runs as root: other users may not open {folder}" for folder in closed]
    assert second == "user 0 0"


async def test_a_netdev_of_yours_makes_it_root(root: Root, paths: RigPaths) -> None:
    first, second, *_ = await log_of(root, replace(machine(root), netdevs=("tap,id=mine",)), paths)
    assert first == "nicrig: QEMU runs as root: its -netdev options may need root"
    assert second == "user 0 0"


def test_two_machines_have_two_users() -> None:
    assert len({free_user() for _ in range(20)}) > 1
