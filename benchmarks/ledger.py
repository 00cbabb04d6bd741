# SPDX-License-Identifier: GPL-2.0-or-later
"""What the ledger of granted memory costs: frames into the guest's stack under each policy.

The same guest and card; the driver is loaded anew for each round, since a ledger that was off knows no grants.
"""

from __future__ import annotations

import random
from typing import get_args

from benchmarks.nic import Nic
from benchmarks.overload import OFFERED, Case, Overload, Round, flood
from benchmarks.recorder import ROUNDS
from nicrig.card.process import Ledger
from nicrig.errors import RigError
from nicrig.machine.guest_interface import DRIVER
from nicrig.session.rig import Rig

POLICIES: tuple[Ledger, ...] = get_args(Ledger)


async def measure(rig: Rig, nic: Nic, frame: bytes, vcpu: int) -> list[Overload]:
    """A case a policy, off first, named by it; each round in another order. `vcpu` is the thread of the guest's CPU."""
    case = Case(nic, OFFERED)
    rounds: dict[Ledger, list[Round]] = {policy: [] for policy in POLICIES}
    for _ in range(ROUNDS):
        for policy in random.sample(POLICIES, len(POLICIES)):
            await begin(rig, nic, policy)
            rounds[policy].append(await flood(case, frame, vcpu))
            await check(rig, policy)
    await begin(rig, nic, "off")
    return [Overload.of(policy, OFFERED, rounds[policy]) for policy in POLICIES]


async def begin(rig: Rig, nic: Nic, policy: Ledger) -> None:
    """A fresh driver under this policy."""
    await rig.guest.run(["rmmod", DRIVER])
    await rig.card.monitor.execute("set-ledger", {"policy": policy})
    await rig.guest.run(["modprobe", DRIVER])
    await nic.interface.up()


async def check(rig: Rig, policy: Ledger) -> None:
    """RigError unless the ledger judged all of it, and found nothing."""
    ledger = await rig.card.monitor.execute("query-ledger")
    if policy != "off" and (ledger["blind"] or any(ledger["findings"].values())):
        raise RigError(f"the ledger did not judge the flood, or found something in it: {ledger}")
