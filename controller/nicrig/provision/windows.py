# SPDX-License-Identifier: GPL-2.0-or-later
"""The same miniport as a Windows driver: guest_driver/windows/Makefile run by mingw-w64's two compilers."""

import shutil
from pathlib import Path

from nicrig.provision import cache, host, host_command
from nicrig.provision.sources import GUEST_DRIVER

DRIVER = "nicrig.sys"
MACHINES = ("x86", "x64")
COMPILERS = {
    "i686-w64-mingw32-gcc": "gcc-mingw-w64-i686-win32",
    "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64-win32",
}
"""Each compiler with the Debian package that it is in; headers, libndis and binutils come with it."""


async def provide(report: cache.Progress) -> Path:
    """The folder that holds x86/nicrig.sys and x64/nicrig.sys, built if necessary.

    Raises RigError when a compiler is missing and cannot be installed, or when a source does not compile.
    """
    await host.install([package for name, package in COMPILERS.items() if shutil.which(name) is None], report)
    return await cache.Cache(cache.folder(), report).part("windows", key(), make)


def key(top: Path = GUEST_DRIVER) -> str:
    found = [path for folder in ("miniport", "windows") for path in sorted((top / folder).rglob("*")) if path.is_file()]
    contents = (item for path in found for item in (str(path.relative_to(top)), path.read_bytes()))
    return cache.key(*(_state(name) for name in COMPILERS), *contents)


async def make(folder: Path) -> None:
    """The recipe: leaves nicrig.sys for each machine in a folder of its name."""
    await host_command.run(
        ["make", "-C", str(GUEST_DRIVER / "windows"), f"--jobs={len(MACHINES)}", f"OUT={folder}"],
        purpose="compiling the miniport for Windows",
        remedy="fix the source file that the lines below name",
    )


def _state(compiler: str) -> str:
    """Changes when Debian renews the compiler."""
    found = shutil.which(compiler)
    return f"{found} {Path(found).stat().st_mtime_ns}" if found else compiler
