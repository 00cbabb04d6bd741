# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults in DMA: the ledger names each, and refuses it when it enforces."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import get_args

import pytest

from nicrig_device.faults.armed import Faults
from nicrig_device.faults.table import FAULTS
from nicrig_device.ledger.ledger import HELD_SECONDS
from nicrig_device.models.base import Trait
from nicrig_device.models.catalogue import KINDS
from nicrig_device.spec.findings import LedgerFinding
from nicrig_interface.vocabulary import LedgerPolicy
from tests.contracts.conftest import DRIVERS, MEMORY_AT, MEMORY_BYTES
from tests.contracts.test_receive import frames_of
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.recorder import MAY_WRITE, STREAMING
from tests.fakes.rules import RuleBrokenError

FINDINGS = {
    "dma-outside": LedgerFinding.OUTSIDE,
    "dma-after-free": LedgerFinding.AFTER_FREE,
    "dma-across-end": LedgerFinding.ACROSS_END,
    "dma-wrong-direction": LedgerFinding.WRONG_DIRECTION,
    "grant-seen-late": LedgerFinding.BEFORE_GRANT,
}
LOW_AT, LOW_BYTES = 0x7000, 0x20000
"""The pages that dma-outside writes to."""


def test_every_fault_that_needs_dma_has_a_finding() -> None:
    assert set(FINDINGS) == {name for name, fault in FAULTS.items() if fault.needs is Trait.DMA}


@pytest.mark.parametrize("policy", get_args(LedgerPolicy)[1:])
@pytest.mark.parametrize("kind", ["bus-master", "subordinate"])
@pytest.mark.parametrize(("name", "finding"), FINDINGS.items())
def test_the_ledger_names_it(name: str, finding: LedgerFinding, kind: str, policy: LedgerPolicy) -> None:
    bus = MemoryBus(kind=KINDS[kind])
    bus.card.ledger.set_policy(policy)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = DRIVERS[kind](bus)
    driver.record_grants()
    driver.start()
    driver.prepare()
    sent = frames_of(60, 61)
    for frame in sent:
        driver.send_and_reap([frame])
        bus.peer.send([frame])
        assert driver.receive_exactly(1) == [frame]
    assert driver.granting is not None
    freed = bus.memory.allocate(2048, 64)
    driver.granting.grant(freed, 2048, MAY_WRITE | STREAMING)
    driver.granting.revoke(freed, 2048, MAY_WRITE | STREAMING)
    bus.memory.map(LOW_AT, LOW_BYTES)
    faults = Faults(bus.card)
    faults.arm(name, at=1, count=1)
    with suppress(RuleBrokenError, ValueError, TimeoutError):
        driver.send(sent)
        bus.peer.send(sent)
        driver.receive_exactly(len(sent), seconds=0.1)  # what was refused never comes
    bus.card.interrupt(time.monotonic() + HELD_SECONDS)
    found = {each: count for each in LedgerFinding if (count := bus.card.counters[each.counter])}
    assert found == {finding: 1}
    assert faults.fired(name) == 1
    assert (bus.card.counters["refused_ledger"] > 0) == (policy == "enforce")
    bus.close()
