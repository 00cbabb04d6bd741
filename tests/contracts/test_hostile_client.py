# SPDX-License-Identifier: GPL-2.0-or-later
"""A client may leave, lie or go silent at any byte: the card still works for the next honest client."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nicrig_device.spec.counters import COUNTER_BASE, COUNTER_INDEX
from nicrig_device.spec.registers import BAR_CONTROL
from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES, Bench
from tests.contracts.test_reset import round_trip
from tests.fakes import vfio_user_messages as messages
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.unix_socket import connect_unix
from tests.fakes.vfio_user import VfioUserClient
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.vfio_user_messages import Command, encode
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real

StartCard = Callable[..., CardProcess]


def open_files(card: CardProcess) -> int:
    return len(list(Path(f"/proc/{card.pid}/fd").iterdir()))


def wait_open_files(card: CardProcess, count: int, seconds: float = 5.0) -> None:
    """Wait until the card has noticed that all clients have left, and has no descriptor more than before."""
    deadline = time.monotonic() + seconds
    while (now := open_files(card)) != count:
        assert time.monotonic() < deadline, f"the card holds {now} descriptors, {count} before anybody connected"
        time.sleep(0.01)


def check_card_works(card: CardProcess) -> None:
    bus = VfioUserBus(card.vfio_user)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    with WirePeer(card.wire) as peer:
        bench = Bench(bus, FakeDriver(bus), peer)
        bench.driver.start()
        round_trip(bench)
        bench.driver.stop()
    bus.close()


READ = encode(Command.REGION_READ, messages.REGION_ACCESS.pack(offset=0, region=0, count=4), message_id=1)


def test_a_client_that_leaves_after_any_byte_of_a_message_leaves_a_card_that_works(start_card: StartCard) -> None:
    card = start_card()
    before = open_files(card)
    with Path("/dev/null").open() as null:
        for cut in range(1, len(READ)):
            client = VfioUserClient.connect(card.vfio_user)
            client.negotiate()
            client.send_raw(READ[:cut], [null.fileno()] * 8)
            client.close()
    check_card_works(card)
    wait_open_files(card, before)


def test_a_client_that_leaves_in_the_handshake_leaves_a_card_that_works(start_card: StartCard) -> None:
    card = start_card()
    for data in (b"", b"\0", b"\0" * 15, b"\xff" * 64, os.urandom(200)):
        client = VfioUserClient.connect(card.vfio_user)
        client.send_raw(data) if data else None
        client.close()
    check_card_works(card)


def test_a_silent_client_is_cut_off_and_the_next_one_served(start_card: StartCard) -> None:
    card = start_card()
    silent = VfioUserClient.connect(card.vfio_user)
    check_card_works(card)
    silent.close()


def test_a_client_that_keeps_a_body_back_is_cut_off(start_card: StartCard) -> None:
    card = start_card()
    client = VfioUserClient.connect(card.vfio_user)
    client.negotiate()
    client.send_raw(READ[: messages.HEADER.size])
    assert client.hung_up(4.0)
    client.close()
    check_card_works(card)


@pytest.mark.parametrize("size", [0, 15, 17, 1 << 31, (1 << 32) - 1])
def test_a_header_with_a_wrong_size_is_survived(start_card: StartCard, size: int) -> None:
    card = start_card()
    client = VfioUserClient.connect(card.vfio_user)
    client.negotiate()
    header = messages.HEADER.pack(message_id=1, command=Command.REGION_READ, size=size, flags=0, error=0)
    client.send_raw(header + bytes(64))
    client.close()
    check_card_works(card)


@pytest.mark.parametrize("size", [1, 16, 64, 4096])
def test_refused_accesses_without_end_are_counted_and_leave_a_short_log(start_card: StartCard, size: int) -> None:
    card = start_card()
    bus = VfioUserBus(card.vfio_user)
    for _ in range(2000):
        bus.client.write_region(BAR_CONTROL, 0, b"\xff" * size, posted=True)
    counter = COUNTER_BASE + 8 * COUNTER_INDEX["refused_access"]
    bus.wait(lambda: bus.read_control(counter) == 2000, "2000 refusals")
    bus.close()
    check_card_works(card)
    assert "Traceback" not in card.errors()
    assert len(card.errors()) < 10_000, card.errors()[:2000]


def test_clients_without_end_leave_a_short_log(start_card: StartCard) -> None:
    card = start_card()
    for _ in range(200):
        VfioUserClient.connect(card.vfio_user).close()
        connect_unix(card.monitor, 5).close()
        WirePeer(card.wire).close()
    check_card_works(card)
    assert len(card.errors()) < 10_000, card.errors()[:2000]


def test_a_client_that_vanishes_under_traffic_takes_its_memory_with_it(start_card: StartCard) -> None:
    card = start_card()
    bus = VfioUserBus(card.vfio_user)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = FakeDriver(bus)
    driver.start()
    driver.post_receives()
    with WirePeer(card.wire) as peer:
        peer.send([bytes(60)] * 100)
        bus.disconnect()
        peer.send([bytes(60)] * 100)
    bus.close()
    check_card_works(card)
