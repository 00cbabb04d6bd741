# SPDX-License-Identifier: GPL-2.0-or-later
"""Real rigs: QEMU, the real card, the real driver. One machine of each kind of card serves many tests; each test gets a
fresh driver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.provision import Provision, provide
from nicrig.session.options import Options
from nicrig.session.rig import OwnRig, Rig, open_rig
from nicrig.traffic.generator import templates
from nicrig.verdict.echo_run import echo_and_judge
from nicrig.verdict.run_verdict import RunVerdict
from nicrig_interface.vocabulary import CardKind

HERE = Path(__file__).parent
T = TypeVar("T")


SECOND = {"test_noncoherent.py", "test_verifier.py", "test_witnesses.py", "test_ways.py"}
"""These share a second machine of each kind: one alone would have more than a worker's part of the time."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a machine run in one worker: it is started once, and the workers' machines differ."""
    for item in items:
        if isinstance(item, pytest.Function) and HERE in item.path.parents and "rig" in item.fixturenames:
            kind = item.callspec.params.get("rig", "bus-master") if hasattr(item, "callspec") else "bus-master"
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group(f"{kind}, too" if item.path.name in SECOND else kind))


@pytest.fixture(scope="session")
async def provision() -> Provision:
    return await provide(lambda _: None)


@pytest.fixture(scope="session")
async def nursery() -> AsyncIterator[trio.Nursery]:
    """Runs the tasks of `held`."""
    async with trio.open_nursery() as nursery:
        yield nursery


@asynccontextmanager
async def held(nursery: trio.Nursery, opened: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """What `opened` opens, held by a task. So fixtures that hold something may end in any order."""
    enough, over = trio.Event(), trio.Event()

    async def hold(*, task_status: trio.TaskStatus[T]) -> None:
        async with opened as value:
            task_status.started(value)
            await enough.wait()
        over.set()

    value: T = await nursery.start(hold)
    try:
        yield value
    finally:
        enough.set()
        await over.wait()


@pytest.fixture(scope="session")
async def bus_master_rig(provision: Provision, nursery: trio.Nursery) -> AsyncIterator[OwnRig]:
    async with held(nursery, open_rig(provision, Options())) as rig:
        yield rig


@pytest.fixture(scope="session")
async def subordinate_rig(provision: Provision, nursery: trio.Nursery) -> AsyncIterator[OwnRig]:
    async with held(nursery, open_rig(provision, Options(kind="subordinate"))) as rig:
        yield rig


@pytest.fixture(scope="session")
async def non_dma_rig(provision: Provision, nursery: trio.Nursery) -> AsyncIterator[OwnRig]:
    async with held(nursery, open_rig(provision, Options(kind="non-dma"))) as rig:
        yield rig


KINDS: tuple[CardKind, ...] = ("bus-master", "subordinate", "non-dma")

every_kind = pytest.mark.parametrize("rig", KINDS, indirect=True)
"""The test runs with a card of each kind."""
copying_kinds = pytest.mark.parametrize("rig", KINDS[1:], indirect=True)
"""With each kind whose driver copies the frames."""


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> OwnRig:
    """A rig that the whole session shares; a bus master's unless the test is for `every_kind`."""
    kind: CardKind = getattr(request, "param", "bus-master")
    rig: OwnRig = request.getfixturevalue(f"{kind.replace('-', '_')}_rig")
    return rig


@pytest.fixture
async def nic(rig: Rig) -> AsyncIterator[Interface]:
    """The card's interface under a freshly loaded driver: up, and echoing."""
    interface = await rig.guest.load_driver()
    await interface.up()
    await interface.start_echo()
    yield interface
    await rig.guest.unload_driver()


def udp_frames(sizes: list[int]) -> list[bytes]:
    """A UDP frame of each size, each unlike all others."""
    udp = next(template for template in templates() if template.name == "UDP")
    payload = bytes(range(256)) * 6
    return [udp.build(number, size, payload) for number, size in enumerate(sizes)]


async def check_echo(rig: Rig, interface: Interface, sizes: list[int]) -> RunVerdict:
    """Every frame comes back byte for byte; the card's account closes."""
    verdict = await echo_and_judge(rig, interface, udp_frames(sizes))
    assert verdict.coherent, verdict
    return verdict


DROPS = ("rx_no_buffer", "rx_disabled", "rx_link_down", "rx_too_long", "rx_too_short", "rx_refused")


def dropped(before: dict[str, int], after: dict[str, int]) -> int:
    """Frames from the wire that the card's counters say it did not deliver."""
    return sum(after[name] - before[name] for name in DROPS)


async def wait_counters(rig: Rig, wanted: dict[str, int]) -> dict[str, int]:
    """Wait until these counters of the card have these values; all counters then."""

    async def look() -> dict[str, int] | None:
        now = await rig.card.counters()
        return now if all(now[name] == value for name, value in wanted.items()) else None

    with rig.deadlines.limit(10, f"the card's counters to show {wanted}"):
        return await until(look)


async def wait_account(rig: Rig, before: dict[str, int], injected: int) -> dict[str, int]:
    """Wait until the card has delivered or dropped so many frames since `before`; all counters then."""

    async def look() -> dict[str, int] | None:
        now = await rig.card.counters()
        return now if now["rx_frames"] - before["rx_frames"] + dropped(before, now) == injected else None

    with rig.deadlines.limit(10, f"the card to deliver or drop {injected} frames"):
        return await until(look)
