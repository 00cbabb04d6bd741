# SPDX-License-Identifier: GPL-2.0-or-later
"""What the flight recorder costs: frames into the guest's stack with it off, at allocations, and at everything.

The same guest, card and driver, which is told how much to record between two rounds. Nobody reads the rings.
"""

from __future__ import annotations

import random

from benchmarks.nic import Nic
from benchmarks.overload import OFFERED, Case, Overload, Round, flood
from nicrig.machine.guest_interface import DRIVER, Interface
from nicrig.verifier.functions import Detail

ROUNDS = 9
"""More than for the cards: the differences are smaller."""

_SET = f'echo "$0" > /sys/module/{DRIVER}/parameters/recorder'


async def measure(nic: Nic, frame: bytes, vcpu: int) -> list[Overload]:
    """A case a detail, off first, named by it; each round in another order. `vcpu` is the thread of the guest's CPU."""
    case = Case(nic, OFFERED)
    rounds: dict[Detail, list[Round]] = {detail: [] for detail in Detail}
    for _ in range(ROUNDS):
        for detail in random.sample(list(Detail), len(Detail)):
            await set_detail(nic.interface, detail)
            rounds[detail].append(await flood(case, frame, vcpu))
    await set_detail(nic.interface, Detail.ALLOCATIONS)
    return [Overload.of(detail.name.lower(), OFFERED, rounds[detail]) for detail in Detail]


async def set_detail(interface: Interface, detail: Detail) -> None:
    """Have the driver record so much from now on."""
    await interface.guest.run(["sh", "-c", _SET, str(int(detail))])
