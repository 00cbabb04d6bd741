# SPDX-License-Identifier: GPL-2.0-or-later
"""The two faces of the card that every contract runs on: its core in memory, and its process over libvfio-user."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import pytest

from nicrig_device.models.catalogue import KINDS
from nicrig_device.spec.findings import HandOverFinding
from nicrig_interface.vocabulary import CardKind, InterruptMode, LedgerPolicy
from tests.fakes.bus import Bus
from tests.fakes.card_driver import CardDriver
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.non_dma_driver import NonDmaDriver
from tests.fakes.subordinate_driver import SubordinateDriver
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer

MEMORY_AT, MEMORY_BYTES = 0x100000, 4 << 20
SEED = 7
"""Of the face `unkind`."""


class Peer(Protocol):
    """The far end of the wire."""

    def send(self, frames: Iterable[bytes]) -> None: ...

    def receive(self, count: int, seconds: float = 5.0) -> list[bytes]: ...


Driver = TypeVar("Driver", bound=CardDriver)


@dataclass
class KindBench(Generic[Driver]):
    """A card, its driver, and the far end of its wire."""

    bus: Bus
    driver: Driver
    peer: Peer

    def counters(self) -> dict[str, int]:
        return self.driver.card.counters()

    def wait_counter(self, name: str, value: int) -> None:
        """Wait until a counter has this value."""
        self.bus.wait(lambda: self.counters()[name] >= value, f"{name} to reach {value}")
        assert self.counters()[name] == value


Bench: TypeAlias = KindBench[FakeDriver]
DRIVERS: dict[str, Callable[[Bus], CardDriver]] = {
    "bus-master": FakeDriver,
    "subordinate": SubordinateDriver,
    "non-dma": NonDmaDriver,
}


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder:
        yield Path(folder)


@pytest.fixture
def start_card(sockets: Path) -> Iterator[Callable[..., CardProcess]]:
    """Starts card processes. Each must end with status 0."""
    started: list[CardProcess] = []

    def start(
        interrupts: InterruptMode = "msix", kind: CardKind = "bus-master", ledger: LedgerPolicy = "off"
    ) -> CardProcess:
        started.append(CardProcess(sockets, interrupts, kind, ledger))
        return started[-1]

    yield start
    for card in started:
        assert card.close() == 0, card.errors()


AnyBench: TypeAlias = KindBench[Any]


def _in_memory(kind: CardKind, ledger: LedgerPolicy, seed: int | None = None) -> Iterator[AnyBench]:
    """With a seed the card is unkind. It must find nothing about the driver."""
    bus = MemoryBus(kind=KINDS[kind])
    bus.card.ledger.set_policy(ledger)
    bus.card.timing.set(seed)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = DRIVERS[kind](bus)
    driver.unkind = seed is not None
    yield KindBench(bus, driver, bus.peer)
    found = {finding.name: count for finding in HandOverFinding if (count := bus.card.counters[finding.counter])}
    bus.close()
    assert found == {}


def _over_library(card: CardProcess, kind: CardKind) -> Iterator[AnyBench]:
    bus = VfioUserBus(card.vfio_user)
    try:
        bus.memory.map(MEMORY_AT, MEMORY_BYTES)
        with WirePeer(card.wire) as peer:
            yield KindBench(bus, DRIVERS[kind](bus), peer)
    finally:
        bus.close()


def benches(
    request: pytest.FixtureRequest, face: str, kind: CardKind, ledger: LedgerPolicy = "off"
) -> Iterator[AnyBench]:
    """One bench. After the test the driver stops, and checks that the card has touched nothing else."""
    if face in {"memory", "unkind"}:
        made = _in_memory(kind, ledger, SEED if face == "unkind" else None)
    else:
        made = _over_library(request.getfixturevalue("start_card")(face, kind, ledger), kind)
    for bench in made:
        yield bench
        bench.driver.stop()


REAL_MSIX = pytest.param("msix", marks=pytest.mark.real)
FACES = ["memory", REAL_MSIX, pytest.param("msi", marks=pytest.mark.real)]


@pytest.fixture(params=FACES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A bus master on each face in turn."""
    yield from benches(request, request.param, "bus-master")


@pytest.fixture
def real_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A bus master's process, for what only a process does."""
    yield from benches(request, "msix", "bus-master")


@pytest.fixture(params=["memory", REAL_MSIX])
def subordinate(request: pytest.FixtureRequest) -> Iterator[KindBench[SubordinateDriver]]:
    """A subordinate card on both faces."""
    yield from benches(request, request.param, "subordinate")


@pytest.fixture(params=["memory", REAL_MSIX])
def non_dma(request: pytest.FixtureRequest) -> Iterator[KindBench[NonDmaDriver]]:
    """A non-DMA card on both faces."""
    yield from benches(request, request.param, "non-dma")


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> CardKind:
    """Each kind's name in turn."""
    name: CardKind = request.param
    return name


@pytest.fixture(params=["memory", "unkind", REAL_MSIX])
def any_bench(request: pytest.FixtureRequest, kind: CardKind) -> Iterator[KindBench[CardDriver]]:
    """Every kind on both faces, and unkind in memory."""
    yield from benches(request, request.param, kind)


@pytest.fixture
def real_any_bench(request: pytest.FixtureRequest, kind: CardKind) -> Iterator[KindBench[CardDriver]]:
    """Every kind's process, for what only a process does."""
    yield from benches(request, "msix", kind)
