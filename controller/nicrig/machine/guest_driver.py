# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's module in the guest: load it, unload it, and find its words when the load fails."""

import re

from nicrig.errors import GuestCommandError, ParameterError
from nicrig.machine.guest_agent import GuestAgent
from nicrig.machine.guest_interface import DRIVER
from nicrig.text.printable import printable, printable_lines
from nicrig.verifier.constants import STATUS_NAMES

SAID = re.compile(rf"\] {DRIVER}[ :]")
"""What the driver logs begins so, after the time: by itself, or for its card."""
STATUS = re.compile(r"\b0x[0-9a-f]{8}\b")
LAST_LINES = 5


async def load(guest: GuestAgent, parameters: list[str]) -> None:
    """Load nicrig.ko. Raises ParameterError, with the kernel's words, for a parameter, else GuestCommandError."""
    done = await guest.run(["modprobe", DRIVER, *parameters], check=False)
    said = await _said(guest, parameters) if done.code or len(parameters) > 1 else ""
    ignored = any(f"unknown parameter '{value.partition('=')[0]}'" in said for value in parameters)
    if done.code or ignored:
        blamed = ignored or any(value in said for value in parameters)
        kind = ParameterError if blamed else GuestCommandError
        raise kind(f"the driver did not load with {' '.join(parameters)}: {said or printable(done.stderr.strip())}")


async def loaded(guest: GuestAgent) -> bool:
    """Whether the module is loaded."""
    return (await guest.run(["test", "-d", f"/sys/module/{DRIVER}"], check=False)).code == 0


async def unload(guest: GuestAgent) -> None:
    await guest.run(["rmmod", DRIVER])


async def last_words(guest: GuestAgent) -> str:
    """The driver's last lines in the guest's log, with the names of NDIS's statuses; without any, the log's last."""
    log = (await guest.run(["dmesg"])).stdout.splitlines()
    said = [line for line in log if SAID.search(line)] or log
    return "\n".join(printable_lines(STATUS.sub(_with_name, "\n".join(said[-LAST_LINES:])), most=LAST_LINES))


def _with_name(status: re.Match[str]) -> str:
    name = STATUS_NAMES.get(int(status[0], 16))
    return f"NDIS_STATUS_{name} ({status[0]})" if name else status[0]


async def _said(guest: GuestAgent, parameters: list[str]) -> str:
    """The driver's last line in the guest's log that repeats a parameter, else its last one."""
    log = (await guest.run(["dmesg"])).stdout.splitlines()
    lines = [line.partition("] ")[2] for line in log if f"] {DRIVER}: " in line]
    about = [line for line in lines if any(value in line for value in parameters)]
    return printable((about or lines or [""])[-1])
