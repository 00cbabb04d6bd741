# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest image: an initramfs with busybox, the guest agent, network tools, kernel modules and our own.

It is not compressed: unpacking would be emulated under TCG, and costs more there than reading the bytes.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from nicrig.provision import cache, host_command, kernel_modules, module_lines
from nicrig.provision.cpio import Archive
from nicrig.provision.root import Root
from nicrig.recorder import CALL_SITES_FILE

IMAGE = "initramfs.cpio"
DRIVER = "nicrig"
"""The module whose call sites have a table."""
PROGRAMS = ("qemu-ga", "ethtool", "ip", "tc", "perl")
"""perl without its modules, for what busybox cannot do, such as answering a datagram."""
MODULES = (
    "sch_ingress",
    "cls_matchall",
    "act_mirred",
    "act_gact",
    "8021q",
    "pktgen",
    "netconsole",
    "bonding",
    # QEMU's own cards, to compare with
    "e1000e",
    "virtio_net",
    "vmxnet3",
)
FOLDERS = ("dev", "proc", "sys", "run", "tmp", "root", "var", "etc")
_INIT = Path(__file__).with_name("init")
_UDHCPC = Path(__file__).with_name("udhcpc")
_RECIPE = tuple(
    Path(__file__).with_name(name).read_bytes()
    for name in ("image.py", "cpio.py", "kernel_modules.py", "module_lines.py", "init", "udhcpc")
)


def key(root_key: str, module_key: str) -> str:
    return cache.key(root_key, module_key, *_RECIPE)


async def make(folder: Path, root: Root, modules: Sequence[Path]) -> None:
    """The recipe: leaves initramfs.cpio and the driver's call sites in `folder`; `modules` are the paths of our own."""
    archive = Archive()
    archive.file("init", _INIT.read_bytes(), executable=True)
    # The kernel opens it as standard output of /init, before /init can mount anything.
    archive.character_device("dev/console", 5, 1)
    for name in FOLDERS:
        archive.folder(name)
    await _add_programs(archive, root)
    await _add_busybox(archive, root)
    ours = {path.stem: kernel_modules.from_file(path) for path in modules}
    data, table = module_lines.stamped(ours[DRIVER].data)
    ours[DRIVER] = replace(ours[DRIVER], data=data)
    (folder / CALL_SITES_FILE).write_bytes(msgspec.json.encode(table))
    _add_modules(archive, root, list(ours.values()))
    (folder / IMAGE).write_bytes(archive.finish())


async def _add_programs(archive: Archive, root: Root) -> None:
    for name in PROGRAMS:
        program = root.program(name)
        archive.file(f"usr/bin/{name}", program.read_bytes(), executable=True)
        for path, library in (await _libraries(root, program)).items():
            if path not in archive:
                archive.file(path, library.read_bytes(), executable=True)


async def _libraries(root: Root, program: Path) -> dict[str, Path]:
    """Every shared object that a program of the root needs: its path in the guest, and its file on the host."""
    listed = await host_command.run(
        [*root.loader("--list"), str(program)],
        purpose=f"listing the libraries of {program.name}",
        remedy=f"remove {root.path} and run `nicrig setup`",
    )
    found = [Path(match[1]) for match in re.finditer(r"=> (\S+) \(0x", listed)]
    libraries = {f"usr/lib/x86_64-linux-gnu/{path.name}": path for path in found if path.parent == root.libraries}
    return {"lib64/ld-linux-x86-64.so.2": Path(root.loader()[0]), **libraries}


async def _add_busybox(archive: Archive, root: Root) -> None:
    busybox = root.program("busybox")
    archive.file("bin/busybox", busybox.read_bytes(), executable=True)
    applets = await host_command.run(
        [str(busybox), "--list"], purpose="listing busybox's applets", remedy="run it on an x86-64 host"
    )
    for name in applets.split():
        if name != "busybox" and f"usr/bin/{name}" not in archive:
            archive.link(f"bin/{name}", "busybox")
    # The kernel runs /sbin/modprobe for what it finds missing, tc's classifiers for one.
    archive.link("sbin", "bin")
    archive.file("etc/udhcpc/default.script", _UDHCPC.read_bytes(), executable=True)


def _add_modules(archive: Archive, root: Root, ours: list[kernel_modules.Module]) -> None:
    needs = tuple(need for module in ours for need in module.needs)
    modules = [*kernel_modules.collect(root.modules, MODULES + needs), *ours]
    folder = f"lib/modules/{root.kernel_version}"
    for each in modules:
        archive.file(f"{folder}/{each.name}.ko", each.data)
    archive.file(f"{folder}/modules.dep", kernel_modules.dependency_file(modules).encode())
