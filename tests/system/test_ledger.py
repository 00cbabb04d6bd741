# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger of granted memory under real drivers: clean ones, and a card whose DMA goes astray."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from nicrig.machine.guest_interface import Interface
from nicrig.session.rig import Rig
from nicrig.verdict.echo_run import CHUNK
from nicrig.verdict.exchange import exchange
from nicrig_interface.vocabulary import LedgerPolicy
from tests.system.conftest import KINDS, check_echo, udp_frames

pytestmark = [pytest.mark.system, pytest.mark.anyio]

SIZES = itertools.count(60)
"""Frames of another size each time, so that they leave other bytes in memory."""
dma_kinds = pytest.mark.parametrize("rig", KINDS[:2], indirect=True)
ON: tuple[LedgerPolicy, ...] = ("report", "enforce")
REFUSED = {
    "dma-outside": ("outside", "rx"),
    "dma-after-free": ("after_free", "tx"),
    "dma-across-end": ("across_end", "tx"),
    "dma-wrong-direction": ("wrong_direction", "rx"),
    "grant-seen-late": ("before_grant", "tx"),
}
"""By fault: the ledger's finding, and the direction in which a bus master loses frames when it refuses."""
ALWAYS = 1 << 30
UNUSED = 0x7C00
"""Where dma-outside writes: docs/faults.md."""


async def query(rig: Rig) -> dict[str, Any]:
    answer: dict[str, Any] = await rig.card.monitor.execute("query-ledger")
    return answer


def grown(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The findings in between."""
    return {name for name, count in after["findings"].items() if count > before["findings"][name]}


@asynccontextmanager
async def ledger(rig: Rig, policy: LedgerPolicy) -> AsyncIterator[None]:
    """The ledger of a rig that others share has this policy."""
    await rig.card.monitor.execute("set-ledger", {"policy": policy})
    try:
        yield
    finally:
        await rig.card.monitor.execute("set-ledger", {"policy": "off"})


@dma_kinds
@pytest.mark.parametrize("policy", ON)
async def test_a_clean_driver_gives_no_finding(rig: Rig, policy: LedgerPolicy) -> None:
    """Frames that go round the ring four times. test_noncoherent.py has more of them under the ledger."""
    chunk = udp_frames([60 + number % 1000 for number in range(CHUNK)])
    async with ledger(rig, policy):
        first, before = await query(rig), await rig.card.counters()
        interface = await rig.guest.load_driver()
        await interface.up()
        await interface.start_echo()
        assert await exchange(rig.card.wire, chunk, quiet=rig.deadlines.quiet * rig.deadlines.scale) == chunk
        live = await query(rig)
        await rig.guest.unload_driver()
        for _ in range(5):
            await rig.guest.load_driver()
            await rig.guest.unload_driver()
        ended, after = await query(rig), await rig.card.counters()
    more = {name: count - before[name] for name, count in after.items() if count > before[name]}
    assert more["rx_frames"] >= CHUNK
    assert (live["blind"], ended["blind"]) == (None, None)
    assert ended["generation"] > first["generation"] + CHUNK // 100
    assert ended["ranges"] == 0, "the driver takes back all that it grants"
    assert grown(first, ended) == set()
    assert [name for name in more if name.startswith(("refused_", "ledger_"))] == []


# -- a card whose DMA goes astray -------------------------------------------------------------------
@dataclass(frozen=True)
class Astray:
    """A rig whose driver is loaded and up, and whose guest echoes."""

    rig: Rig
    interface: Interface

    async def under(self, fault: str) -> tuple[dict[str, Any], dict[str, int]]:
        """Traffic while the card has a fault. Returns the ledger's answer, and how many frames failed for the driver.

        Afterwards the driver works as before.
        """
        before, injected = await self._counts(), udp_frames([next(SIZES)] * 400)
        await self.rig.card.monitor.execute("set-fault", {"name": fault, "count": ALWAYS})
        await exchange(self.rig.card.wire, injected, quiet=0.3)
        await self.rig.card.monitor.execute("clear-faults")
        await trio.sleep(0.2)  # held touches are reported after a tenth of a second
        found, after = await query(self.rig), await self._counts()
        await self._silence()
        await check_echo(self.rig, self.interface, [60, 1514] * 100)
        received, failed = (now - then for now, then in zip(after, before, strict=True))
        return found, {"rx": len(injected) - received, "tx": failed}

    async def _counts(self) -> list[int]:
        """How many frames the driver has counted as received, and how many sends as failed."""
        paths = [f"/sys/class/net/{self.interface.name}/statistics/{name}" for name in ("rx_packets", "tx_errors")]
        return [int(count) for count in (await self.rig.guest.run(["cat", *paths])).stdout.split()]

    async def _silence(self) -> None:
        """Wait until all delayed frames have come out."""
        silent = False
        while not silent:
            with trio.move_on_after(0.5) as waiting:
                await self.rig.card.wire.receive()
            silent = waiting.cancelled_caught

    async def memory(self) -> str:
        """Bytes that were never granted."""
        monitor = self.rig.machine.monitor
        shown: str = await monitor.execute("human-monitor-command", {"command-line": f"xp /64xb {UNUSED:#x}"})
        return shown


@pytest.fixture
async def astray(rig: Rig, policy: LedgerPolicy) -> AsyncIterator[Astray]:
    async with ledger(rig, policy):
        interface = await rig.guest.load_driver()
        await interface.up()
        await interface.start_echo()
        await check_echo(rig, interface, [60] * 100)
        yield Astray(rig, interface)
        await rig.guest.unload_driver()


@dma_kinds
@pytest.mark.parametrize("policy", ON)
@pytest.mark.parametrize("fault", REFUSED)
async def test_dma_that_goes_astray_is_named_and_refused_or_done(
    astray: Astray, fault: str, policy: LedgerPolicy
) -> None:
    finding, direction = REFUSED[fault]
    before, counters, memory = await query(astray.rig), await astray.rig.card.counters(), await astray.memory()
    found, errors = await astray.under(fault)
    refused = (await astray.rig.card.counters())["refused_ledger"] - counters["refused_ledger"]
    assert grown(before, found) == {finding}
    assert found["blind"] is None
    assert (refused > 0) == (policy == "enforce")
    if astray.rig.options.kind == "bus-master":
        assert (errors[direction] > 0) == (policy == "enforce")
    if fault == "dma-outside":
        assert (await astray.memory() != memory) == (policy == "report")


@pytest.mark.parametrize("policy", ON)
async def test_guard_bytes_that_the_card_writes_are_found_although_it_is_too_late(astray: Astray) -> None:
    before, counters = await query(astray.rig), await astray.rig.card.counters()
    found, _ = await astray.under("buffer-overrun")
    assert grown(before, found) == {"guard_changed"}
    assert (await astray.rig.card.counters())["refused_ledger"] == counters["refused_ledger"]


@dma_kinds
@pytest.mark.parametrize("policy", ["off"])
async def test_off_is_silent(astray: Astray) -> None:
    before, memory = await query(astray.rig), await astray.memory()
    found, errors = await astray.under("dma-outside")
    assert grown(before, found) == set()
    assert errors == {"rx": 0, "tx": 0}
    assert await astray.memory() != memory
