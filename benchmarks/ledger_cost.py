# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the cost of the ledger: frames that reach the guest's stack under each policy.

Guest and card stay the same. Each round loads the driver again, because a ledger that was off has no grants.
"""

from __future__ import annotations

import random
from typing import get_args

from benchmarks.guest_nics import GuestNic
from benchmarks.overload import OFFERED, Case, FloodResult, FloodRound, flood
from benchmarks.recorder_cost import ROUNDS
from nicrig.errors import RigError
from nicrig.machine.guest_interface import DRIVER
from nicrig.session.rig import Rig
from nicrig_interface.vocabulary import LedgerPolicy

POLICIES: tuple[LedgerPolicy, ...] = get_args(LedgerPolicy)


async def measure(rig: Rig, nic: GuestNic, frame: bytes, vcpu: int) -> list[FloodResult]:
    """One result per policy, named by it, "off" first. Each round takes the policies in another order.

    `vcpu` is the thread id of the guest's CPU.
    """
    case = Case(nic, OFFERED)
    rounds: dict[LedgerPolicy, list[FloodRound]] = {policy: [] for policy in POLICIES}
    for _ in range(ROUNDS):
        for policy in random.sample(POLICIES, len(POLICIES)):
            await begin(rig, nic, policy)
            rounds[policy].append(await flood(case, frame, vcpu))
            await check(rig, policy)
    await begin(rig, nic, "off")
    return [FloodResult.of(policy, OFFERED, rounds[policy]) for policy in POLICIES]


async def begin(rig: Rig, nic: GuestNic, policy: LedgerPolicy) -> None:
    """Load the driver again under this policy."""
    await rig.guest.run(["rmmod", DRIVER])
    await rig.card.monitor.execute("set-ledger", {"policy": policy})
    await rig.guest.run(["modprobe", DRIVER])
    await nic.interface.up()


async def check(rig: Rig, policy: LedgerPolicy) -> None:
    """Raise RigError unless the ledger judged the whole flood without a finding."""
    ledger = await rig.card.monitor.execute("query-ledger")
    if policy != "off" and (ledger["blind"] or any(ledger["findings"].values())):
        raise RigError(f"the ledger was blind or has findings, so its cost is not comparable: {ledger}")
