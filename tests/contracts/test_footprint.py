# SPDX-License-Identifier: GPL-2.0-or-later
"""The cost of a card to its host: almost no CPU time when idle, and no growing memory."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES
from tests.contracts.test_hostile_client import check_card_works
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.driver_ring import SLEEPING_WORD
from tests.fakes.vfio_user import VfioUserClient
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer, frame_bytes

pytestmark = pytest.mark.real

WATCHED_SECONDS = 1.0
CORE_SHARE = 0.03
GROWTH_KIB = 1024


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_an_idle_card_costs_under_three_percent_of_a_core(start_card: Callable[..., CardProcess]) -> None:
    card = start_card()
    bus = VfioUserBus(card.vfio_user)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = FakeDriver(bus)
    driver.start()
    driver.post_receives()
    driver.arm_receive()
    with WirePeer(card.wire) as peer:
        peer.send([bytes(60)])
        driver.receive_exactly(1)
        bus.wait(lambda: bool(bus.doorbells[SLEEPING_WORD]), "the card to sleep")
        before = processor_seconds(card.pid)
        time.sleep(WATCHED_SECONDS)
        assert processor_seconds(card.pid) - before < CORE_SHARE * WATCHED_SECONDS
    bus.close()


def resident_kib(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_clients_and_frames_without_end_cost_no_memory(start_card: Callable[..., CardProcess]) -> None:
    card = start_card()
    check_card_works(card)
    flood = frame_bytes([bytes(60)] * 1000)
    before = resident_kib(card.pid)
    for _ in range(100):
        client = VfioUserClient.connect(card.vfio_user)
        client.negotiate()
        client.close()
        with WirePeer(card.wire) as peer:
            peer.send_bytes(flood)
    check_card_works(card)
    assert resident_kib(card.pid) - before < GROWTH_KIB
