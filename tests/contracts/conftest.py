# SPDX-License-Identifier: GPL-2.0-or-later
"""The two faces of the card that every contract runs on: its core in memory, and its process over libvfio-user."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from device.vfio_user import library
from tests.fakes.bus import Bus
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer

MEMORY_AT, MEMORY_BYTES = 0x100000, 16 << 20


class Peer(Protocol):
    """The far end of the wire."""

    def send(self, frames: Iterable[bytes]) -> None: ...

    def receive(self, count: int, seconds: float = 5.0) -> list[bytes]: ...


@dataclass
class Bench:
    """A card, its driver, and the far end of its wire."""

    bus: Bus
    driver: FakeDriver
    peer: Peer

    def counters(self) -> dict[str, int]:
        return self.driver.card.counters()

    def wait_counter(self, name: str, value: int) -> None:
        """Wait until a counter has this value."""
        self.bus.wait(lambda: self.counters()[name] >= value, f"{name} to reach {value}")
        assert self.counters()[name] == value


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder:
        yield Path(folder)


@pytest.fixture
def start_card(sockets: Path) -> Iterator[Callable[..., CardProcess]]:
    """Starts card processes, each of which must end well."""
    started: list[CardProcess] = []

    def start(interrupts: str = "msix") -> CardProcess:
        started.append(CardProcess(sockets, library.find()[0], interrupts))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for card in started:
        assert card.close() == 0, card.errors()


def _in_memory() -> Iterator[Bench]:
    bus = MemoryBus()
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    yield Bench(bus, FakeDriver(bus), bus.peer)
    bus.close()


def _over_library(card: CardProcess) -> Iterator[Bench]:
    bus = VfioUserBus(card.vfio_user)
    try:
        bus.memory.map(MEMORY_AT, MEMORY_BYTES)
        with WirePeer(card.wire) as peer:
            yield Bench(bus, FakeDriver(bus), peer)
    finally:
        bus.close()


FACES = ["memory", pytest.param("msix", marks=pytest.mark.real), pytest.param("msi", marks=pytest.mark.real)]


@pytest.fixture(params=FACES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each face in turn; when the test is done the driver stops, and all that the card may not touch is checked."""
    if request.param == "memory":
        yield from _with_final_check(_in_memory())
    else:
        yield from _with_final_check(_over_library(request.getfixturevalue("start_card")(request.param)))


@pytest.fixture
def real_bench(start_card: Callable[..., CardProcess]) -> Iterator[Bench]:
    """A card process, for what only a process does."""
    yield from _with_final_check(_over_library(start_card()))


def _with_final_check(benches: Iterator[Bench]) -> Iterator[Bench]:
    for bench in benches:
        yield bench
        bench.driver.stop()
