# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers with a fault: each is caught, and named."""

import pytest
from scapy.layers.inet import IP, UDP

from nicrig.pytest_plugin.nic import Nic


@pytest.mark.nicrig(parameters=["noncoherent=64", "mutate=NdisFlushBuffer:skip"])
async def test_a_lost_flush_is_caught(nic: Nic) -> None:
    await nic.inject(IP() / UDP(dport=7) / b"hi")
    verdict = await nic.verdict()
    assert not verdict.coherent
    assert verdict.faults["stale"] == 1


@pytest.mark.nicrig(parameters=["mutate=NdisFreeMemory:skip"])
async def test_memory_that_is_left_behind_is_caught(nic: Nic) -> None:
    await nic.unload()
    assert "R27" in (await nic.verdict()).broken
