# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks of `nicrig doctor`: a line each, and for each failure the one command that fixes it."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import msgspec
import trio

from nicrig.card.monitor import card_monitor, card_state
from nicrig.errors import RigError, UsageError
from nicrig.machine import accelerator, qemu
from nicrig.provision import Provision, host, missing, provided
from nicrig.provision.cache import folder
from nicrig.rundir.paths import names, names_folder, paths_named

ROOM_TO_BUILD, ROOM_TO_RUN = 3 << 30, 200 << 20
MEMORY_KIB = 1 << 20
OLDEST_PYTHON = (3, 11)
SECONDS = 20


class Health(StrEnum):
    """How a check ended. A warning means that something works, but slowly or barely."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


class HealthCheck(msgspec.Struct, frozen=True):
    """One line: the check's name, what it found, and the command that fixes it, if one is needed."""

    name: str
    state: Health
    found: str
    remedy: str = ""

    def line(self) -> str:
        """The line of text."""
        return f"{self.state:4} {self.name}: {self.found}" + (f"; fix it with: {self.remedy}" if self.remedy else "")


def examine() -> list[HealthCheck]:
    """Run all checks. They build, start and change nothing."""
    return [check() for check in CHECKS]


def show(findings: Iterable[HealthCheck], *, json: bool) -> list[str]:
    """Lines to print."""
    return [msgspec.json.encode(list(findings)).decode()] if json else [each.line() for each in findings]


def _python() -> HealthCheck:
    found, good = platform.python_version(), sys.version_info >= OLDEST_PYTHON
    return _finding("python", good, found, "make PYTHON=python3.11 setup")


def _machine() -> HealthCheck:
    machine = platform.machine()
    found = f"{machine}: " + (
        "stores become visible in order" if machine == "x86_64" else "the card needs the memory order of x86-64"
    )
    return _finding("processor", machine == "x86_64", found, "an x86-64 machine")


def _setpriv() -> HealthCheck:
    found = shutil.which("setpriv")
    return _finding("setpriv", bool(found), found or "not on PATH", "apt-get install util-linux")


def _built() -> HealthCheck:
    lacking = missing()
    found = f"not built: {', '.join(lacking)}" if lacking else f"all built, in {folder()}"
    return _finding("parts", not lacking, found, "nicrig setup")


def _qemu() -> HealthCheck:
    """Check version and device: a QEMU that is new enough may be built without vfio-user."""
    if missing():
        good = host.good_qemu()
        found = f"{good}" if good else f"this host has no QEMU {host.OLDEST_QEMU[0]}.{host.OLDEST_QEMU[1]} or later"
        return _finding("qemu", good is not None, found, "nicrig setup")
    return judge_qemu(*_ask_qemu(provided()))


def judge_qemu(version: str, devices: str) -> HealthCheck:
    """Judge a QEMU by its output for --version and for -device help."""
    number = host.qemu_version(version)
    if number is None:
        return HealthCheck("qemu", Health.FAIL, f"does not run: {version.strip()[-200:]}", _rebuild())
    has = '"vfio-user-pci"' in devices
    found = f"{number[0]}.{number[1]} {'with' if has else 'without'} vfio-user-pci"
    return _finding("qemu", has and number >= host.OLDEST_QEMU, found, _rebuild())


def _rebuild() -> str:
    return f"rm -r {folder()}/root* && nicrig setup"


def _ask_qemu(made: Provision) -> tuple[str, str]:
    program = qemu.program(made)
    environment = {**os.environ, **program.environment}

    def said(*arguments: str) -> str:
        argv = [*program.argv, *arguments]
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout + done.stderr

    return said("--version"), said("-device", "help")


def _kvm() -> HealthCheck:
    why_not = accelerator.why_no_kvm()
    if why_not is None:
        return HealthCheck("kvm", Health.OK, "usable")
    remedy = "" if "cpuinfo" in why_not or "No such file" in why_not else "sudo usermod -aG kvm $USER, and log in again"
    return HealthCheck("kvm", Health.WARN, f"{why_not}: the guest is emulated (TCG), and slow", remedy)


def _sockets() -> HealthCheck:
    try:
        paths_named("x" * 31).check_length()
    except UsageError as error:
        return HealthCheck("sockets", Health.FAIL, str(error), "export NICRIG_RIGS=/tmp/nicrig")
    there = next(parent for parent in (names_folder(), *names_folder().parents) if parent.exists())
    good = os.access(there, os.W_OK)
    found = f"{names_folder()} {'can' if good else 'cannot'} hold them"
    return _finding("sockets", good, found, "export NICRIG_RIGS=/tmp/nicrig")


def _disk() -> HealthCheck:
    there = next(parent for parent in (folder(), *folder().parents) if parent.exists())
    free, needed = shutil.disk_usage(there).free, ROOM_TO_BUILD if missing() else ROOM_TO_RUN
    found = f"{free >> 20} MiB free at {there}, {needed >> 20} needed"
    return _finding("disk", free >= needed, found, "export NICRIG_CACHE=a folder on a larger disk")


def _memory() -> HealthCheck:
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0])
    good = free >= MEMORY_KIB
    return HealthCheck("memory", Health.OK if good else Health.WARN, f"{free >> 10} MiB free, a guest needs 512")


async def _refused() -> dict[str, int]:
    """How many ranges of memory each running card of a named rig has refused, without those that refused none."""
    refused = {}
    for name in names():
        with suppress(RigError):  # a rig that has ended
            async with card_monitor(paths_named(name)) as monitor:
                refused[name] = (await card_state(monitor)).refused_ranges
    return {name: count for name, count in refused.items() if count}


def _ranges() -> HealthCheck:
    """Memory that QEMU gave a card and the card cannot reach: a driver may then not start."""
    try:
        refused = trio.run(_refused)
    except UsageError as error:
        return HealthCheck("ranges", Health.FAIL, str(error), "set NICRIG_RIGS to a folder of your own")
    found = ", ".join(f"{name}'s card refused {count} ranges of guest memory" for name, count in refused.items())
    remedy = "share=on for all memory, at most 4,096 ranges, and iommu=pt in a guest with an IOMMU"
    return _finding("ranges", not refused, found or "no running card has refused memory", remedy)


def _finding(name: str, good: bool, found: str, remedy: str) -> HealthCheck:
    return HealthCheck(name, Health.OK, found) if good else HealthCheck(name, Health.FAIL, found, remedy)


CHECKS: tuple[Callable[[], HealthCheck], ...] = (
    _python,
    _machine,
    _setpriv,
    _built,
    _qemu,
    _kvm,
    _sockets,
    _disk,
    _memory,
    _ranges,
)
