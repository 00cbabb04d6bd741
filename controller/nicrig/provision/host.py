# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host already has, and the Debian packages that it lacks."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from nicrig.errors import RigError
from nicrig.provision import host_command
from nicrig.provision.cache import Progress

QEMU = "qemu-system-x86_64"
OLDEST_QEMU = (10, 1)
"""The first release with the vfio-user-pci device."""


def good_qemu() -> Path | None:
    """The host's QEMU if it is new enough and has the vfio-user client built in, else None."""
    found = shutil.which(QEMU)
    if found is None or (qemu_version(_output([found, "--version"])) or (0, 0)) < OLDEST_QEMU:
        return None
    return Path(found) if '"vfio-user-pci"' in _output([found, "-device", "help"]) else None


def qemu_version(text: str) -> tuple[int, int] | None:
    """Major and minor from what `--version` prints, or None when it does not look like QEMU."""
    match = re.search(r"QEMU emulator version (\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def tool(name: str) -> str:
    """The path of a build tool that pip installs beside this Python, else the host's.

    Raises RigError when there is neither.
    """
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise RigError(f"{name} is neither beside {sys.executable} nor on PATH: pip install {name}")
    return found


async def install(packages: Iterable[str], report: Progress) -> None:
    """Install these Debian packages where they are missing. Without root, raises RigError with the command to run."""
    lacking = sorted(set(packages) - _installed(packages))
    if not lacking:
        return
    line = f"apt-get install --no-install-recommends {' '.join(lacking)}"
    if shutil.which("apt-get") is None:
        raise RigError(f"this host has no apt-get: install what Debian calls {' '.join(lacking)} by hand")
    if os.geteuid() != 0:
        raise RigError(f"this host lacks packages: run sudo {line}")
    report(f"installing on this host: {' '.join(lacking)}")
    for argv in (["apt-get", "-q", "update"], [*line.split(), "-q", "-y"]):
        await host_command.run(
            argv,
            purpose=f"installing {' '.join(lacking)}",
            remedy=f"run it by hand: {line}",
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )


def _installed(packages: Iterable[str]) -> set[str]:
    if shutil.which("dpkg-query") is None:
        return set()
    listed = _output(["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package}\n", *packages])
    return {line[3:].strip() for line in listed.splitlines() if line.startswith("ii")}


def _output(argv: list[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
