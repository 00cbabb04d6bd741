# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's handle on a real card's process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from nicrig.card.process import CardProcess
from nicrig.errors import ConnectionLostError, RigError
from nicrig.process.polling import until
from nicrig.provision import provide_library
from nicrig.rundir.paths import RigPaths
from nicrig.session.card_handle import CardHandle, OwnCard
from nicrig.session.services import open_services

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
def paths() -> Iterator[RigPaths]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield RigPaths(Path(name))


def runs(pid: int) -> bool:
    return Path("/proc", str(pid)).exists()


async def test_a_killed_card_starts_again_with_counters_of_its_own(paths: RigPaths) -> None:
    library = await provide_library(lambda _: None)
    async with open_services() as services:
        card = OwnCard(paths, services, CardProcess(paths, library, "msi", "bus-master"))
        await card.start()
        await card.wire.send([bytes(60)])

        async def counted() -> bool | None:
            return (await card.counters())["rx_disabled"] == 1 or None

        with trio.fail_after(10):
            await until(counted)
        first, monitor = card.pid, card.monitor
        await card.kill()
        assert not runs(first)
        with pytest.raises(ConnectionLostError):
            await monitor.execute("query-card")
        with pytest.raises(RigError, match="no card is running"):
            assert card.pid
        await card.restart()
        second = card.pid
        assert (await card.counters())["rx_disabled"] == 0
        assert (await card.monitor.execute("query-card"))["interrupts"] == "msi"
    assert not runs(second)
    assert not list(paths.folder.glob("*.sock"))


async def test_an_attached_handle_leaves_the_card_running(paths: RigPaths) -> None:
    library = await provide_library(lambda _: None)
    async with open_services() as services:
        card = OwnCard(paths, services, CardProcess(paths, library, "msix", "non-dma"))
        await card.start()
        async with open_services() as others:
            attached = CardHandle(paths, others)
            await attached.connect()
            await attached.set_link(False)
        assert (await card.monitor.execute("query-card"))["link"] is False
