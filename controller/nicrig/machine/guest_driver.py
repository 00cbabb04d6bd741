# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's module in the guest: load it, unload it, and find its words when the load fails."""

from nicrig.errors import GuestCommandError, ParameterError
from nicrig.machine.guest_agent import GuestAgent
from nicrig.machine.guest_interface import DRIVER
from nicrig.text.printable import printable


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


async def _said(guest: GuestAgent, parameters: list[str]) -> str:
    """The driver's last line in the guest's log that repeats a parameter, else its last one."""
    log = (await guest.run(["dmesg"])).stdout.splitlines()
    lines = [line.partition("] ")[2] for line in log if f"] {DRIVER}: " in line]
    about = [line for line in lines if any(value in line for value in parameters)]
    return printable((about or lines or [""])[-1])
