# SPDX-License-Identifier: GPL-2.0-or-later
"""An idle card costs next to nothing: it blocks, and only an event wakes it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.driver_ring import SLEEPING_WORD
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real

WATCHED_SECONDS = 1.0
CORE_SHARE = 0.03


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
