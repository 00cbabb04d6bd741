# SPDX-License-Identifier: GPL-2.0-or-later
"""Which accelerator QEMU gets, and how much slower the guest is under it."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nicrig.errors import RigError

Wanted = Literal["auto", "kvm", "tcg"]
KVM_DEVICE = Path("/dev/kvm")


@dataclass(frozen=True)
class Accelerator:
    """`name` as QEMU spells it; `scale` multiplies every deadline that waits for the guest."""

    name: Literal["kvm", "tcg"]
    scale: float


KVM = Accelerator("kvm", 1.0)
TCG = Accelerator("tcg", 5.0)


def obstacle(cpuinfo: str, opens: str | None) -> str | None:
    """Why KVM cannot be used, or None when it can.

    `opens` is None when /dev/kvm opened read-write, else the reason that it did not. Opening is not enough: where the
    kernel offers KVM without VT-x or AMD-V (a PVM host) a stock guest dies of "emulation failure".
    """
    if opens is not None:
        return f"{KVM_DEVICE} does not open read-write ({opens})"
    flags = {flag for line in cpuinfo.splitlines() if line.startswith("flags") for flag in line.split()}
    return None if flags & {"vmx", "svm"} else f"{KVM_DEVICE} opens, but /proc/cpuinfo shows neither vmx nor svm"


def choose(wanted: Wanted, why_not: str | None) -> Accelerator:
    """Choose the accelerator. Raises RigError when you ask for KVM by name and it cannot be used."""
    if wanted == "kvm" and why_not:
        raise RigError(f"KVM is not usable: {why_not}; fix that, or use --accelerator tcg")
    return TCG if wanted == "tcg" or why_not else KVM


def why_no_kvm() -> str | None:
    """Why this machine's KVM cannot be used, or None when it can."""
    return obstacle(Path("/proc/cpuinfo").read_text(), _opens())


def pick(wanted: Wanted) -> Accelerator:
    """Choose for this host. A fall back from auto to TCG prints one line on standard error."""
    why_not = why_no_kvm()
    chosen = choose(wanted, why_not)
    if wanted == "auto" and chosen is TCG:
        print(f"nicrig: NO KVM, the guest is emulated (TCG) and slow: {why_not}", file=sys.stderr)
    return chosen


def _opens() -> str | None:
    try:
        os.close(os.open(KVM_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.strerror or str(error)
    return None
