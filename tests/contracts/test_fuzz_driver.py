# SPDX-License-Identifier: GPL-2.0-or-later
"""A correct driver of each kind, with a peer, a cable and resets in any order: every frame arrives or is counted."""

from __future__ import annotations

from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nicrig_device.models.catalogue import KINDS
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN
from tests.contracts.conftest import DRIVERS, MEMORY_AT, MEMORY_BYTES
from tests.contracts.test_hostile_guest import DROPS
from tests.fakes.memory_bus import MemoryBus
from tests.strategies import word

SIZES = st.lists(st.integers(60, 1514) | st.just(FRAME_MIN) | word(11, FRAME_MIN, FRAME_MAX), min_size=1, max_size=20)
SOUND_SIZES = st.lists(st.integers(60, 1514), min_size=1, max_size=20)


class DriverAndPeer(RuleBasedStateMachine):
    """The driver takes all that comes at once: what it misses then is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.injected = 0
        self.link = self.receiving = True
        self._numbers = count()

    @initialize(kind=st.sampled_from(list(DRIVERS)))
    def plug_in(self, kind: str) -> None:
        self.bus = MemoryBus(kind=KINDS[kind])
        self.bus.memory.map(MEMORY_AT, MEMORY_BYTES)
        self.driver = DRIVERS[kind](self.bus)
        self.start()

    def start(self) -> None:
        self.driver.start()
        self.driver.prepare()
        self.receiving = True

    def frames(self, sizes: list[int]) -> list[bytes]:
        """Frames unlike all before them, as far as their sizes allow."""
        return [(next(self._numbers).to_bytes(4, "big") * (size // 4 + 1))[:size] for size in sizes]

    @rule(sizes=SIZES, arm=st.booleans())
    def inject(self, sizes: list[int], arm: bool) -> None:
        if arm:
            self.driver.arm_receive()
        sent = self.frames(sizes)
        self.bus.peer.send(sent)
        self.injected += len(sent)
        good = [frame for frame in sent if FRAME_MIN <= len(frame) <= FRAME_MAX] if self.link and self.receiving else []
        if arm and good:
            self.driver.wait_interrupt(self.driver.queue_vector)
        assert self.driver.receive_exactly(len(good)) == good
        self.driver.prepare()

    @rule(sizes=SOUND_SIZES)
    def send(self, sizes: list[int]) -> None:
        sent = self.frames(sizes)
        self.driver.send_and_reap(sent)
        assert self.bus.peer.receive(len(sent) if self.link else 0) == (sent if self.link else [])
        assert self.bus.sent == []

    @rule(up=st.booleans())
    def plug_cable(self, up: bool) -> None:
        self.bus.card.set_link(up)
        self.link = up

    @rule(enabled=st.booleans())
    def receiver(self, enabled: bool) -> None:
        self.driver.set_receiver(enabled=enabled)
        self.receiving = enabled

    @rule(by_machine=st.booleans())
    def reset(self, by_machine: bool) -> None:
        if by_machine:
            self.bus.reset()
            self.driver.after_reset()
        self.start()

    @invariant()
    def account_closes(self) -> None:
        counters = self.bus.card.counters
        assert counters["rx_frames"] + sum(counters[name] for name in DROPS) == self.injected

    def teardown(self) -> None:
        if hasattr(self, "bus"):
            self.driver.stop()
            self.bus.close()


TestDriverAndPeer = DriverAndPeer.TestCase
TestDriverAndPeer.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=15)
