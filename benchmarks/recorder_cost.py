# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the cost of the flight recorder: frames that reach the guest's stack at each level of detail.

Guest, card and driver stay the same. The driver's detail changes between two rounds. No process reads the rings.
"""

from __future__ import annotations

import random

from benchmarks.guest_nics import GuestNic
from benchmarks.overload import OFFERED, Case, FloodResult, FloodRound, flood
from nicrig.machine.guest_interface import DRIVER, Interface
from nicrig.verifier.functions import Detail

ROUNDS = 9
"""More rounds than for the cards, because the differences are smaller."""

_SET = f'echo "$0" > /sys/module/{DRIVER}/parameters/recorder'


async def measure(nic: GuestNic, frame: bytes, vcpu: int) -> list[FloodResult]:
    """One result per detail, named by it, "off" first. Each round takes the details in another order.

    `vcpu` is the thread id of the guest's CPU.
    """
    case = Case(nic, OFFERED)
    rounds: dict[Detail, list[FloodRound]] = {detail: [] for detail in Detail}
    for _ in range(ROUNDS):
        for detail in random.sample(list(Detail), len(Detail)):
            await set_detail(nic.interface, detail)
            rounds[detail].append(await flood(case, frame, vcpu))
    await set_detail(nic.interface, Detail.ALLOCATIONS)
    return [FloodResult.of(detail.name.lower(), OFFERED, rounds[detail]) for detail in Detail]


async def set_detail(interface: Interface, detail: Detail) -> None:
    """Set how much the driver records."""
    await interface.guest.run(["sh", "-c", _SET, str(int(detail))])
