# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean drivers stay silent: the sequences of docs/ndis51.md section 8, for every kind and detail."""

import pytest

from nicrig.verifier.functions import Detail
from tests.controller.verifier.drivers import KINDS, BusMaster, Miniport
from tests.controller.verifier.script import silent


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> type[Miniport]:
    chosen: type[Miniport] = KINDS[request.param]
    return chosen


@pytest.mark.parametrize("detail", [Detail.ALLOCATIONS, Detail.FRAMES])
def test_a_clean_life_is_silent(kind: type[Miniport], detail: Detail) -> None:
    driver = kind(detail)
    driver.life()
    driver.unload()
    silent(driver)


@pytest.mark.parametrize("detail", [Detail.ALLOCATIONS, Detail.FRAMES])
def test_ten_loads_and_unloads_are_silent(kind: type[Miniport], detail: Detail) -> None:
    driver = kind(detail)
    for _ in range(10):
        driver.life(frames=2)
        driver.unload()
    silent(driver)


def test_ten_adapters_in_one_load_are_silent(kind: type[Miniport]) -> None:
    driver = kind()
    for _ in range(10):
        driver.life(frames=2)
    silent(driver)


def test_an_array_of_more_than_64_packets_is_silent() -> None:
    driver = BusMaster(size=128)
    driver.initialize()
    driver.traffic(100)
    driver.traffic(128)
    driver.receive_low(100)
    driver.halt()
    silent(driver)


@pytest.mark.parametrize("detail", [Detail.ALLOCATIONS, Detail.FRAMES])
def test_the_rounds_of_a_miniport_that_asks_for_less_are_silent(detail: Detail) -> None:
    """guest_driver/miniport frees all and asks for half as many receive buffers, until it logs a failure."""
    driver = BusMaster(detail)
    driver.begin()
    driver.claim_context(0x2A8, 5)
    driver.scatter_gather()
    for size in (64, 32, 16, 8):
        ring = driver.shared(size * 16, cached=False)
        slots = driver.memory(size * 8)
        packets, buffers = driver.packet_pool(size), driver.buffer_pool(size)
        driver.no_shared()
        driver.call("NdisFreeBufferPool", pool=buffers).call("NdisFreePacketPool", pool=packets)
        driver.free(slots).free_shared(ring)
    driver.call("NdisWriteErrorLogEntry", code=1)
    driver.locks_freed()
    driver.free(driver.context).fail()
    silent(driver)


def test_surprise_removal_is_silent() -> None:
    driver = BusMaster()
    driver.initialize()
    driver.traffic(2)
    driver.enter("MiniportPnPEventNotify", event=2).leave("MiniportPnPEventNotify")
    driver.halt()
    silent(driver)
