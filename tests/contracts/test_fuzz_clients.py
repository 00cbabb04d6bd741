# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of a card's process that say anything on any of its sockets: it serves the next ones, and leaks nothing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.contracts.conftest import MEMORY_AT
from tests.contracts.test_hostile_client import check_card_works, open_files, wait_open_files
from tests.fakes import vfio_user_messages as messages
from tests.fakes.card_process import CardProcess
from tests.fakes.unix_socket import connect_unix
from tests.fakes.vfio_user import VfioUserClient
from tests.fakes.vfio_user_messages import Command, IrqIndex, IrqSetFlag, encode
from tests.fakes.wire_peer import WirePeer, frame_bytes
from tests.strategies import JSON, damaged, word

pytestmark = [pytest.mark.real, pytest.mark.hypothesis]

PAGES = st.sampled_from([4096, 8192])
PLACES = st.sampled_from([MEMORY_AT, MEMORY_AT + 4096])
VECTORS = {
    "argument_size": st.just(20),
    "index": st.just(IrqIndex.MSIX) | st.integers(0, 4),
    "start": st.integers(0, 1),
}
ACCESS = {"offset": st.integers(0, 0x1000), "region": st.integers(0, 8), "count": st.sampled_from([1, 2, 4, 8])}
SOUND: dict[Command, tuple[messages.Layout, dict[str, st.SearchStrategy[int]], list[str]]] = {
    Command.DMA_MAP: (
        messages.DMA_MAP,
        {"argument_size": st.just(32), "flags": st.just(3), "address": PLACES, "size": PAGES},
        ["memory"],
    ),
    Command.DMA_UNMAP: (messages.DMA_UNMAP, {"argument_size": st.just(24), "address": PLACES, "size": PAGES}, []),
    Command.DEVICE_GET_INFO: (messages.DEVICE_INFO, {"argument_size": st.just(16)}, []),
    Command.DEVICE_GET_REGION_INFO: (
        messages.REGION_INFO,
        {"argument_size": st.sampled_from([32, 80]), "index": st.integers(0, 8)},
        [],
    ),
    Command.DEVICE_GET_IRQ_INFO: (messages.IRQ_INFO, {"argument_size": st.just(16), "index": st.integers(0, 4)}, []),
    Command.DEVICE_SET_IRQS: (
        messages.IRQ_SET,
        {**VECTORS, "flags": st.sampled_from([0x21, 0x24]), "count": st.integers(0, 2)},
        [],
    ),
    Command.REGION_READ: (messages.REGION_ACCESS, ACCESS, []),
    Command.REGION_WRITE: (messages.REGION_ACCESS, ACCESS, []),
    Command.DEVICE_RESET: (messages.Layout(), {}, []),
}
"""Of each command: its layout, what sound messages hold in their fields, where 0 is left out, and what they bring."""


def memory() -> int:
    fd = os.memfd_create("guest")
    os.ftruncate(fd, 8192)
    return fd


DESCRIPTORS: dict[str, Callable[[], int]] = {
    "memory": memory,
    "eventfd": lambda: os.eventfd(0),
    "null": lambda: os.open("/dev/null", os.O_RDWR),
}
BROUGHT = st.sampled_from([[], ["memory"], ["eventfd"], ["eventfd"] * 2, ["null"], ["null"] * 20])
"""Descriptors that come with a message."""
VALID = [encode(command, bytes(layout.size + 8)) for command, (layout, _, _) in SOUND.items()]


@st.composite
def message(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A message and its descriptors, sound but for at most two fields."""
    command = draw(st.sampled_from(list(SOUND)))
    layout, sound, brings = SOUND[command]
    fields = {name: draw(sound.get(name, st.just(0))) for name in layout.names}
    if command == Command.DEVICE_SET_IRQS and fields["flags"] & IrqSetFlag.DATA_EVENTFD:
        brings = ["eventfd"] * fields["count"]
    for name in draw(st.lists(st.sampled_from(layout.names), max_size=2)) if fields else []:
        fields[name] = draw(word(layout.bits(name), fields[name], 4096))
    data = bytes(fields["count"]) if command == Command.REGION_WRITE and fields["count"] <= 64 else b""
    return encode(command, layout.pack(**fields) + data, message_id=1), draw(
        st.sampled_from([brings, brings, []]) | BROUGHT
    )


class Clients(RuleBasedStateMachine):
    """What clients do to a card, one rule at a time. `card` is the same for all examples."""

    card: CardProcess
    files: int

    def __init__(self) -> None:
        super().__init__()
        self.client: VfioUserClient | None = None

    # No rule looks at what the card did: time decides that, and an example must repeat.
    @rule(
        again=st.booleans(),
        honest=st.just(True) | st.booleans(),
        said=st.lists(message(), min_size=20, max_size=60),
        last=st.just(b"") | damaged(VALID),
    )
    def talk(self, again: bool, honest: bool, said: list[tuple[bytes, list[str]]], last: bytes) -> None:
        """Talk to the card as its machine, and stay connected; `again` is a new connection."""
        if again or self.client is None:
            self.leave()
            self.client = VfioUserClient.connect(self.card.vfio_user, 2)
            if honest:
                self.client.negotiate()
        for data, names in [*said, (last, ["null"])]:
            self.send(self.client, data, names)

    def send(self, client: VfioUserClient, data: bytes, names: list[str]) -> None:
        fds = [DESCRIPTORS[name]() for name in names]
        try:
            with suppress(OSError):  # the card may have disconnected it
                client.send_raw(data, fds)
        finally:
            for fd in fds:
                os.close(fd)

    def leave(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None

    @rule(data=damaged([frame_bytes([bytes(60), bytes(1514)])]))
    def wire(self, data: bytes) -> None:
        with WirePeer(self.card.wire) as peer, suppress(OSError):
            peer.send_bytes(data)

    @rule(data=damaged([b'{"execute": "qmp_capabilities"}{"execute": "query-card"}']) | JSON.map(json.dumps))
    def monitor(self, data: bytes | str) -> None:
        with connect_unix(self.card.monitor, 5) as client, suppress(OSError):
            client.sendall(data if isinstance(data, bytes) else data.encode())

    @invariant()
    def answers(self) -> None:
        """The monitor greets a new client, within the deadline of the socket."""
        with connect_unix(self.card.monitor, 5) as client:
            client.settimeout(5)
            assert b"QMP" in client.recv(4096)

    def teardown(self) -> None:
        self.leave()
        check_card_works(self.card)
        wait_open_files(self.card, self.files)


@pytest.fixture(scope="module")
def card() -> Iterator[CardProcess]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder, CardProcess(Path(folder)) as card:
        yield card
        assert "Traceback" not in card.errors()


def test_whatever_clients_say_the_next_ones_are_served_and_no_descriptor_leaks(card: CardProcess) -> None:
    machine = type("ClientsOfCard", (Clients,), {"card": card, "files": open_files(card)})
    # A process is slower than the card's core in memory: an example in ten, and shorter ones.
    fewer = settings(max_examples=settings().max_examples // 10, stateful_step_count=10)
    run_state_machine_as_test(machine, settings=fewer)
