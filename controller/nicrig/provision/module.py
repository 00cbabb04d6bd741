# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest modules: guest_driver/ compiled against the root's kernel headers, by the root's compiler."""

import os
import shutil
from pathlib import Path

from nicrig.provision import cache, host_command
from nicrig.provision.root import MODULE_MOUNT, Root
from nicrig.provision.sources import GUEST_DRIVER

MODULE = "nicrig.ko"
SELFTEST = "nicrig_selftest.ko"
BUILD = "build"
"""The folder beside them with their sources and objects: a copy of it compiles only what is changed there."""
SCRIPT = Path(__file__).with_name("compile-module")
_REMEDY = (
    "fix the source file that the lines below name"
    if os.geteuid() == 0
    else "fix what the lines below name; if `unshare` was refused, allow user namespaces or run it as root"
)


def sources(top: Path = GUEST_DRIVER) -> list[Path]:
    """The sources of the modules, relative to `top`: without products of an earlier build, and without windows/."""
    found = [path.relative_to(top) for path in top.rglob("*") if path.is_file()]
    wanted = [path for path in found if path.suffix in {".c", ".h"} or path.name in {"Kbuild", "Makefile"}]
    return sorted(path for path in wanted if path.parts[0] != "windows" and not path.name.endswith(".mod.c"))


def key(root_key: str, top: Path = GUEST_DRIVER) -> str:
    contents = (item for path in sources(top) for item in (str(path), (top / path).read_bytes()))
    return cache.key(root_key, SCRIPT.read_bytes(), BUILD, *contents)


async def make(folder: Path, root: Root, report: cache.Progress) -> None:
    """The recipe: leaves both modules in `folder`. Warnings of the compiler are reported, errors raise CommandError."""
    work = folder / BUILD
    for path in sources():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(GUEST_DRIVER / path, work / path)
    output = await host_command.run(
        command_line(root, work),
        purpose="compiling the guest module",
        remedy=_REMEDY,
    )
    for line in output.splitlines():
        if "warning:" in line:
            report(line)
    (work / MODULE).rename(folder / MODULE)
    (work / "selftest" / SELFTEST).rename(folder / SELFTEST)


def command_line(root: Root, work: Path) -> list[str]:
    """In a mount namespace and a chroot, unless the root is this system itself: a container can make neither."""
    if root.path == Path("/"):
        build = root.modules / "build"
        return ["make", "-C", str(build), f"M={work}", f"-j{len(os.sched_getaffinity(0))}", "modules"]
    return [*_unshare(), str(SCRIPT), str(root.path), str(work), MODULE_MOUNT, root.kernel_version]


def _unshare() -> list[str]:
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
