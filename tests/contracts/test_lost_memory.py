# SPDX-License-Identifier: GPL-2.0-or-later
"""A client cuts files that it shares with the card, which sends SIGBUS to the card: it costs that client."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from nicrig_device.spec import registers
from nicrig_device.spec.registers import BAR_DOORBELL, BAR_RECORDER, QUEUE_BLOCK
from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES
from tests.contracts.test_hostile_client import check_card_works, open_files, wait_open_files
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.driver_ring import ring_doorbell
from tests.fakes.recorder import MAGIC, RecorderMemory
from tests.fakes.subordinate_driver import SubordinateDriver
from tests.fakes.vfio_user import VfioUserClient, VfioUserError
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real

StartCard = Callable[..., CardProcess]
FRAME = bytes(range(60))


def memory_file() -> int:
    return os.memfd_create("guest")


def tmpfs_file() -> int:
    return os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR)


def disk_file() -> int:
    return os.open(Path(__file__).parent, os.O_TMPFILE | os.O_RDWR)


def attach(card: CardProcess, new_file: Callable[[], int]) -> VfioUserBus:
    bus = VfioUserBus(card.vfio_user)
    bus.memory.new_file = new_file
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    return bus


def receive_into_ring(bus: VfioUserBus, peer: WirePeer) -> None:
    peer.send([FRAME] * 3)


def transmit_from_ring(bus: VfioUserBus, peer: WirePeer) -> None:
    with suppress(VfioUserError, OSError):  # the card disconnects us while it answers the kick
        ring_doorbell(bus, QUEUE_BLOCK.address(registers.TX_TAIL) // 4, 5)


@pytest.mark.parametrize("touch", [receive_into_ring, transmit_from_ring])
def test_guest_memory_whose_file_is_cut_costs_the_client(
    start_card: StartCard, touch: Callable[[VfioUserBus, WirePeer], None]
) -> None:
    """With a file of each kind that QEMU's memory backends have."""
    card = start_card()
    before = open_files(card)
    for new_file in (memory_file, tmpfs_file, disk_file):
        bus = attach(card, new_file)
        driver = FakeDriver(bus)
        driver.start()
        driver.post_receives()
        with WirePeer(card.wire) as peer:
            os.ftruncate(bus.memory.ranges[0].fd, 0)
            touch(bus, peer)
            assert bus.client.hung_up(2.0)
        bus.close()
    check_card_works(card)
    wait_open_files(card, before)
    line = f"disconnecting the client: the file of its memory range {MEMORY_AT:#x} was cut"
    assert card.errors().count(line) == 3


def test_a_subordinate_card_s_buffer_whose_file_is_cut_costs_the_client(start_card: StartCard) -> None:
    card = start_card(kind="subordinate")
    bus = attach(card, memory_file)
    driver = SubordinateDriver(bus)
    driver.start()
    with WirePeer(card.wire) as peer:
        peer.send([FRAME])
        bus.wait(lambda: driver.waiting == 1, "a frame")
        os.ftruncate(bus.memory.ranges[0].fd, 0)
        driver.channel.set_up(driver.buffer, 2048, to_device=False)
        with suppress(VfioUserError, OSError):  # the card disconnects us while it answers the kick
            driver.start_transfer(transmit=False)
        assert bus.client.hung_up(2.0)
    bus.close()
    with VfioUserClient.connect(card.vfio_user) as client:
        client.negotiate()


def test_memory_that_is_cut_under_traffic_costs_the_client(start_card: StartCard) -> None:
    card = start_card()
    for seed in range(20):
        bus = attach(card, memory_file)
        driver = FakeDriver(bus)
        driver.start()
        driver.post_receives()
        with WirePeer(card.wire) as peer:
            peer.send([FRAME] * 50)
            os.ftruncate(bus.memory.ranges[0].fd, int(np.random.default_rng(seed).integers(MEMORY_BYTES)))
            peer.send([FRAME] * 50)
        bus.close()
    check_card_works(card)


def test_a_client_cannot_change_the_size_of_the_doorbells_file(start_card: StartCard) -> None:
    card = start_card()
    with VfioUserClient.connect(card.vfio_user) as client:
        client.negotiate()
        (area,) = client.region_info(BAR_DOORBELL).areas
        for size in (0, 100, 1 << 30):
            with pytest.raises(PermissionError):
                os.ftruncate(area.fd, size)
        os.close(area.fd)


def test_the_recorder_s_files_may_be_cut_and_are_made_whole_again(start_card: StartCard) -> None:
    """A client gets one of them, to map it, and both have a name: no process of this user can be kept from this."""
    card = start_card()
    before = open_files(card)
    trace = card.wire.with_name("trace")
    for size in (5, 4096, 0):
        with VfioUserClient.connect(card.vfio_user) as client:
            client.negotiate()
            (area,) = client.region_info(BAR_RECORDER).areas
            whole = os.fstat(area.fd).st_size
            os.ftruncate(area.fd, size)
            os.truncate(trace, size)
            client.reset()
            if size == 0:  # the card touches the first page in each turn, and the others when it needs them
                assert os.fstat(area.fd).st_size == trace.stat().st_size == whole
                recorder = RecorderMemory(client.map_region(BAR_RECORDER).data)
                assert recorder.word(MAGIC).to_bytes(8, "little") == b"NICRRECD"
            else:
                os.ftruncate(area.fd, whole)
            os.close(area.fd)
        check_card_works(card)
    del recorder
    wait_open_files(card, before)
    assert "records are lost: another process has cut" in card.errors()
