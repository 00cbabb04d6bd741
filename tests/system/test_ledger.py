# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger of granted memory under real drivers: clean ones, and a card whose DMA goes astray."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from nicrig.card.process import CardKind, Ledger
from nicrig.machine.guest_interface import Interface
from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import Rig, open_rig
from nicrig.verdict.echo_run import CHUNK, exchange
from tests.system.conftest import check_echo, udp_frames
from tests.system.straying_card import NOBODYS

pytestmark = [pytest.mark.system, pytest.mark.anyio]

CHECKOUT = Path(__file__).resolve().parents[2]
FRAMES = 20_000
"""The million frames of test_noncoherent.py run under the ledger too."""
SIZES = itertools.count(60)
"""Each time frames of another size, so that what they leave in memory differs."""
DMA_KINDS: tuple[CardKind, ...] = ("bus-master", "subordinate")
ON: tuple[Ledger, ...] = ("report", "enforce")
REFUSED = {"outside": "rx", "after_free": "tx", "across_end": "tx", "wrong_direction": "rx", "before_grant": "tx"}
"""In which direction of a bus master a refused lie is missing."""


async def query(rig: Rig) -> dict[str, Any]:
    answer: dict[str, Any] = await rig.card.monitor.execute("query-ledger")
    return answer


def findings(ledger: dict[str, Any]) -> set[str]:
    return {name for name, count in ledger["findings"].items() if count}


async def set_policy(rig: Rig, policy: Ledger) -> None:
    await rig.card.monitor.execute("set-ledger", {"policy": policy})


@pytest.mark.parametrize("policy", ON)
@pytest.mark.parametrize("kind", DMA_KINDS)
async def test_a_clean_driver_gives_no_finding(provision: Provision, kind: CardKind, policy: Ledger) -> None:
    chunk = udp_frames([60 + number % 1000 for number in range(CHUNK)])
    async with open_rig(provision, Options(kind=kind, ledger=policy)) as rig:
        interface = await rig.guest.load_driver()
        await interface.up()
        await interface.start_echo()
        for _ in range(FRAMES // CHUNK):
            assert await exchange(rig.card.wire, chunk, quiet=rig.deadlines.quiet * rig.deadlines.scale) == chunk
        live = await query(rig)
        await rig.guest.unload_driver()
        for _ in range(5):
            await rig.guest.load_driver()
            await rig.guest.unload_driver()
        ended, counters = await query(rig), await rig.card.counters()
    assert counters["rx_frames"] >= FRAMES
    assert (live["blind"], ended["blind"]) == (None, None)
    assert ended["generation"] > FRAMES // 100
    assert ended["ranges"] == 0, "the driver takes back all that it grants"
    assert findings(ended) == set()
    assert {name: count for name, count in counters.items() if name.startswith(("refused_", "ledger_")) and count} == {}


# -- a card that lies -------------------------------------------------------------------------------
@dataclass(frozen=True)
class Astray:
    """A rig whose card lies while `flag` names a lie; the driver is loaded, up, and the guest echoes."""

    rig: Rig
    interface: Interface
    flag: Path

    async def under(self, lie: str) -> tuple[dict[str, Any], dict[str, int]]:
        """Traffic while the card tells a lie; what the ledger found, and how many frames failed for the driver.

        Afterwards the driver goes on as if nothing had been.
        """
        before, injected = await self._counts(), udp_frames([next(SIZES)] * 400)
        self.flag.write_text(lie)
        await exchange(self.rig.card.wire, injected, quiet=0.3)
        self.flag.unlink()
        await trio.sleep(0.2)  # what is held is told a tenth of a second after
        found, after = await query(self.rig), await self._counts()
        await self._silence()
        await check_echo(self.rig, self.interface, [60, 1514] * 100)
        received, failed = (now - then for now, then in zip(after, before, strict=True))
        return found, {"rx": len(injected) - received, "tx": failed}

    async def _counts(self) -> list[int]:
        """What the driver has counted as received, and as sends that failed."""
        paths = [f"/sys/class/net/{self.interface.name}/statistics/{name}" for name in ("rx_packets", "tx_errors")]
        return [int(count) for count in (await self.rig.guest.run(["cat", *paths])).stdout.split()]

    async def _silence(self) -> None:
        """Until what was held up has come out."""
        silent = False
        while not silent:
            with trio.move_on_after(0.5) as waiting:
                await self.rig.card.wire.receive()
            silent = waiting.cancelled_caught

    async def memory(self) -> str:
        """Bytes that nobody has granted."""
        monitor = self.rig.machine.monitor
        shown: str = await monitor.execute("human-monitor-command", {"command-line": f"xp /64xb {NOBODYS:#x}"})
        return shown


@pytest.fixture(scope="module", params=DMA_KINDS)
async def lying_rig(
    request: pytest.FixtureRequest, provision: Provision, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Rig, Path]]:
    """One rig of each kind for all lies."""
    folder = tmp_path_factory.mktemp("lies")
    flag = folder / "lie"
    code = f"import pathlib\nfrom tests.system import straying_card\nstraying_card.begin(pathlib.Path({str(flag)!r}))\n"
    (folder / "sitecustomize.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(folder), str(CHECKOUT))))
        async with open_rig(provision, Options(kind=request.param, ledger="report")) as rig:
            yield rig, flag


@pytest.fixture
async def astray(lying_rig: tuple[Rig, Path], policy: Ledger) -> AsyncIterator[Astray]:
    rig, flag = lying_rig
    await set_policy(rig, policy)
    interface = await rig.guest.load_driver()
    await interface.up()
    await interface.start_echo()
    await check_echo(rig, interface, [60] * 100)
    yield Astray(rig, interface, flag)
    await rig.guest.unload_driver()
    await set_policy(rig, "report")


def grown(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """What was found in between."""
    return {name for name, count in after["findings"].items() if count > before["findings"][name]}


@pytest.mark.xdist_group("straying")
@pytest.mark.parametrize("policy", ON)
@pytest.mark.parametrize("lie", REFUSED)
async def test_dma_that_goes_astray_is_named_and_refused_or_done(astray: Astray, lie: str, policy: Ledger) -> None:
    before, counters, memory = await query(astray.rig), await astray.rig.card.counters(), await astray.memory()
    found, errors = await astray.under(lie)
    refused = (await astray.rig.card.counters())["refused_ledger"] - counters["refused_ledger"]
    assert grown(before, found) == {lie}
    assert found["blind"] is None
    assert (refused > 0) == (policy == "enforce")
    if astray.rig.options.kind == "bus-master":
        assert (errors[REFUSED[lie]] > 0) == (policy == "enforce")
    if lie == "outside":
        assert (await astray.memory() != memory) == (policy == "report")


@pytest.mark.xdist_group("straying")
@pytest.mark.parametrize("lying_rig", DMA_KINDS[:1], indirect=True)
@pytest.mark.parametrize("policy", ON)
async def test_guard_bytes_that_the_card_writes_are_found_although_it_is_too_late(astray: Astray) -> None:
    before, counters = await query(astray.rig), await astray.rig.card.counters()
    found, _ = await astray.under("guard_changed")
    assert grown(before, found) == {"guard_changed"}
    assert (await astray.rig.card.counters())["refused_ledger"] == counters["refused_ledger"]


@pytest.mark.xdist_group("straying")
@pytest.mark.parametrize("policy", ["off"])
async def test_off_is_silent(astray: Astray) -> None:
    before, memory = await query(astray.rig), await astray.memory()
    found, errors = await astray.under("outside")
    assert grown(before, found) == set()
    assert errors == {"rx": 0, "tx": 0}
    assert await astray.memory() != memory
