# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 17 on both faces of the card: DMA that the driver has not granted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Flag, Refusal
from nicrig_device.spec.findings import FINDING_DOC, LedgerFinding
from nicrig_interface.vocabulary import CardKind, LedgerPolicy
from tests.contracts.conftest import REAL_MSIX, AnyBench, Bench, KindBench, benches
from tests.contracts.test_receive import frames_of
from tests.fakes.guest_memory import guard_pattern
from tests.fakes.recorder import MAY_READ, MAY_WRITE, STREAMING
from tests.fakes.subordinate_driver import SubordinateDriver, packed

SIZE = 2048
REPORT, ENFORCE = "report", "enforce"
each_policy = pytest.mark.parametrize("policy", [REPORT, ENFORCE])


@pytest.fixture(params=["memory", REAL_MSIX])
def face(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def audited(request: pytest.FixtureRequest, face: str, kind: CardKind, policy: LedgerPolicy) -> Iterator[AnyBench]:
    """A card with a ledger, and a driver that records what it grants."""
    for bench in benches(request, face, kind, policy):
        bench.driver.record_grants()
        bench.driver.start()
        yield bench


@pytest.fixture
def master(request: pytest.FixtureRequest, face: str, policy: LedgerPolicy) -> Iterator[Bench]:
    yield from audited(request, face, "bus-master", policy)


@pytest.fixture
def channel(request: pytest.FixtureRequest, face: str, policy: LedgerPolicy) -> Iterator[KindBench[SubordinateDriver]]:
    yield from audited(request, face, "subordinate", policy)


def found(bench: KindBench[Any]) -> dict[LedgerFinding, int]:
    """The findings that were counted."""
    counters = bench.counters()
    return {finding: count for finding in FINDING_DOC if (count := counters[finding.counter])}


def wait_found(bench: KindBench[Any], finding: LedgerFinding) -> None:
    """Wait for this finding, and check that there is no other."""
    bench.wait_counter(finding.counter, 1)
    assert found(bench) == {finding: 1}


def ungranted(bench: KindBench[Any]) -> int:
    """Memory of the driver that it has not granted."""
    return bench.bus.memory.allocate(SIZE, 64)


def outside(bench: Bench) -> int:
    return ungranted(bench)


def after_free(bench: Bench) -> int:
    address = ungranted(bench)
    grants = bench.driver.granting
    assert grants is not None
    grants.grant(address, SIZE)
    grants.revoke(address, SIZE)
    return address


def across_end(bench: Bench) -> int:
    address = ungranted(bench)
    assert bench.driver.granting is not None
    bench.driver.granting.grant(address, SIZE - 1)
    return address


def for_reading(bench: Bench) -> int:
    address = ungranted(bench)
    assert bench.driver.granting is not None
    bench.driver.granting.grant(address, SIZE, MAY_READ | STREAMING)
    return address


def for_writing(bench: Bench) -> int:
    address = ungranted(bench)
    assert bench.driver.granting is not None
    bench.driver.granting.grant(address, SIZE, MAY_WRITE)
    return address


MISTAKES = [
    (outside, LedgerFinding.OUTSIDE),
    (after_free, LedgerFinding.AFTER_FREE),
    (across_end, LedgerFinding.ACROSS_END),
]


# -- bus master -------------------------------------------------------------------------------------
@each_policy
def test_an_honest_driver_gives_no_finding(master: Bench) -> None:
    driver = master.driver
    for number in range(20):
        driver.post_receives()
        sent = frames_of(60, 61, 1514, 60 + number)
        master.peer.send(sent)
        assert driver.receive_exactly(len(sent)) == sent
        driver.send_and_reap(sent, pieces=1 + number % 3)
        assert master.peer.receive(len(sent)) == sent
    assert found(master) == {}
    assert driver.refusals == []


@each_policy
@pytest.mark.parametrize(("mistake", "finding"), [*MISTAKES, (for_reading, LedgerFinding.WRONG_DIRECTION)])
def test_a_receive_buffer_that_is_not_granted(
    master: Bench, policy: LedgerPolicy, mistake: Callable[[Bench], int], finding: LedgerFinding
) -> None:
    address = mistake(master)
    master.driver.post_raw(master.driver.rx, [(address, SIZE, 0, 0)])
    master.driver.post_receives(1)
    sent = frames_of(60, 61)
    master.peer.send(sent)
    if policy == ENFORCE:
        assert master.driver.receive_exactly(1) == sent[1:]
        assert (master.bus.memory.view(address, SIZE) == guard_pattern(address, SIZE)).all()
        assert [(item.address, item.code) for item in master.driver.refusals] == [(address, Refusal.LEDGER)]
        assert master.counters()["rx_refused"] == master.counters()["refused_ledger"] == 1
    else:
        assert master.driver.receive_exactly(2) == sent
        assert master.driver.refusals == []
    wait_found(master, finding)


@each_policy
@pytest.mark.parametrize(("mistake", "finding"), [*MISTAKES, (for_writing, LedgerFinding.WRONG_DIRECTION)])
def test_a_transmit_buffer_that_is_not_granted(
    master: Bench, policy: LedgerPolicy, mistake: Callable[[Bench], int], finding: LedgerFinding
) -> None:
    address, (honest,) = mistake(master), frames_of(60)
    length = SIZE if finding is LedgerFinding.ACROSS_END else 100
    master.driver.post_raw(master.driver.tx, [(address, length, Flag.END_OF_FRAME, 0)])
    refused = policy == ENFORCE or length > registers.FRAME_MAX
    assert master.driver.reap_all() == (0 if refused else 1)
    wait_found(master, finding)
    master.driver.send_and_reap([honest])
    wanted = [honest] if refused else [master.bus.memory.view(address, 100).tobytes(), honest]
    assert master.peer.receive(len(wanted)) == wanted
    assert [item.code for item in master.driver.refusals] == (
        [Refusal.LEDGER if policy == ENFORCE else Refusal.LENGTH] if refused else []
    )


@each_policy
def test_a_late_grant_is_named(master: Bench, policy: LedgerPolicy) -> None:
    address = ungranted(master)
    master.driver.post_raw(master.driver.tx, [(address, 100, Flag.END_OF_FRAME, 0)])
    master.bus.wait(lambda: master.driver.tx.completed() == 1, "the card to have touched it")
    assert master.driver.granting is not None
    master.driver.granting.grant(address, 100, MAY_READ | STREAMING)
    assert master.driver.reap_all() == (policy == REPORT)
    wait_found(master, LedgerFinding.BEFORE_GRANT)


@each_policy
def test_changed_guard_bytes_are_reported_once(master: Bench) -> None:
    driver, memory = master.driver, master.bus.memory
    assert driver.granting is not None
    address = memory.allocate(SIZE + 64, 64)
    memory.view(address + SIZE, 64)[:] = 0x5A
    driver.granting.grant(address, SIZE, guard=64)
    for number in range(4):
        if number == 2:
            memory.view(address + SIZE + 1, 1)[:] = 0
        driver.post_raw(driver.rx, [(address, SIZE, 0, 0)])
        master.peer.send(frames_of(60))
        assert len(driver.receive_exactly(1)) == 1
        assert found(master) == ({LedgerFinding.GUARD_CHANGED: 1} if number >= 2 else {})
    assert driver.refusals == []


@each_policy
def test_a_ring_that_is_not_granted_stays_off(master: Bench, policy: LedgerPolicy) -> None:
    master.driver.card.write(registers.RING_CONTROL, 0, registers.TX_BLOCK)
    address = ungranted(master)
    master.driver.program_ring("transmit", address, 8)
    on = master.driver.card.read(registers.RING_CONTROL, registers.TX_BLOCK)
    assert on == (policy == REPORT)
    if policy == ENFORCE:
        assert master.driver.card.fault()["CODE"] == Refusal.LEDGER
    master.driver.card.write(registers.RING_CONTROL, 0, registers.TX_BLOCK)
    wait_found(master, LedgerFinding.OUTSIDE)


@each_policy
def test_a_ring_that_is_revoked_under_the_card_is_found(master: Bench, policy: LedgerPolicy) -> None:
    driver = master.driver
    assert driver.granting is not None
    driver.post_receives(1)
    master.peer.send(frames_of(60))
    driver.receive_exactly(1)
    driver.granting.revoke(driver.rx.address, driver.rx.size * 16)
    driver.post_receives(1)
    master.peer.send(frames_of(60))
    if policy == ENFORCE:
        master.wait_counter("refused_ledger", 1)
        assert driver.card.read(registers.RING_CONTROL, registers.RX_BLOCK) == 0
    else:
        driver.receive_exactly(1)
    assert set(found(master)) == {LedgerFinding.AFTER_FREE}


@pytest.mark.parametrize("policy", ["off"])
def test_off_finds_nothing(master: Bench) -> None:
    master.driver.post_raw(master.driver.rx, [(ungranted(master), SIZE, 0, 0)])
    sent = frames_of(60)
    master.peer.send(sent)
    assert master.driver.receive_exactly(1) == sent
    assert found(master) == {}


@pytest.mark.parametrize("policy", [ENFORCE])
def test_a_driver_that_records_nothing_is_not_judged(
    request: pytest.FixtureRequest, face: str, policy: LedgerPolicy
) -> None:
    for bench in benches(request, face, "bus-master", policy):
        bench.driver.start()
        bench.driver.post_receives()
        sent = frames_of(60, 61)
        bench.peer.send(sent)
        assert bench.driver.receive_exactly(2) == sent
        assert found(bench) == {}


# -- subordinate ------------------------------------------------------------------------------------
@each_policy
def test_an_honest_channel_gives_no_finding(channel: KindBench[SubordinateDriver]) -> None:
    sent = frames_of(60, 61, 1514)
    for _ in range(10):
        channel.peer.send(sent)
        assert channel.driver.receive_exactly(len(sent)) == sent
        channel.driver.send_and_reap(sent)
        assert channel.peer.receive(len(sent)) == sent
    assert found(channel) == {}


@each_policy
def test_a_transfer_on_a_channel_that_the_layer_took_down(
    channel: KindBench[SubordinateDriver], policy: LedgerPolicy
) -> None:
    """The buffer is shared memory and stays granted; only the channel's own grant is gone."""
    sent = frames_of(60)
    channel.peer.send(sent)
    assert channel.driver.receive_exactly(1) == sent
    channel.driver.channel.granting = None
    channel.peer.send(sent)
    channel.bus.wait(lambda: channel.driver.waiting == 1, "a frame in the FIFO")
    before = channel.bus.memory.view(channel.driver.buffer, 64).copy()
    outcome = channel.driver.transfer(channel.driver.buffer, SIZE, transmit=False)
    if policy == ENFORCE:
        assert (outcome.frames, outcome.left, outcome.code) == (0, SIZE, Refusal.LEDGER)
        assert (channel.bus.memory.view(channel.driver.buffer, 64) == before).all()
        assert channel.driver.waiting == 1
    else:
        assert (outcome.frames, outcome.error) == (1, False)
    wait_found(channel, LedgerFinding.AFTER_FREE)


@each_policy
def test_a_transfer_against_the_grants_direction(channel: KindBench[SubordinateDriver], policy: LedgerPolicy) -> None:
    driver = channel.driver
    (frame,) = frames_of(60)
    channel.bus.memory.view(driver.buffer, 64)[:] = list(packed(frame))
    assert driver.granting is not None
    driver.granting.grant(driver.buffer, SIZE, MAY_WRITE | STREAMING)
    driver.channel.granting = None
    outcome = driver.transfer(driver.buffer, 64, transmit=True)
    assert outcome.code == (Refusal.LEDGER if policy == ENFORCE else None)
    wait_found(channel, LedgerFinding.WRONG_DIRECTION)
