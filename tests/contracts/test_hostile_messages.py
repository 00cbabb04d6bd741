# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever a client's messages say and bring along: the card answers its other clients at once, and the next one."""

from __future__ import annotations

import errno
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from nicrig_device.spec.registers import BAR_CONTROL
from tests.contracts.conftest import MEMORY_AT
from tests.contracts.test_hostile_client import READ, check_card_works, open_files, wait_open_files
from tests.fakes import vfio_user_messages as messages
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.unix_socket import connect_unix
from tests.fakes.vfio_user import VfioUserClient, VfioUserError
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.vfio_user_messages import Command, DmaFlag, IrqIndex, IrqSetFlag, encode
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real

StartCard = Callable[..., CardProcess]
VERSION = encode(Command.VERSION, bytes(4) + b"{}\0", message_id=1)
PROMPT_SECONDS = 0.25
"""The promise is 0.05 s; a busy machine of two cores adds its own delays. Each attack used to cost 1 s and more."""


class Monitor:
    """A client of the monitor, after the negotiation."""

    def __init__(self, card: CardProcess) -> None:
        self._socket = connect_unix(card.monitor, 20)
        self._reader = self._socket.makefile("rb")
        self._reader.readline()
        self.ask("qmp_capabilities")

    def ask(self, command: str) -> Any:
        self._socket.sendall(json.dumps({"execute": command}).encode())
        while "event" in (answer := json.loads(self._reader.readline())):
            pass
        return answer["return"]

    def slowest(self, seconds: float = 1.0) -> float:
        """The longest time that an answer took, of all in this time."""
        found, end = 0.0, time.monotonic() + seconds
        while (begin := time.monotonic()) < end:
            self.ask("query-card")
            found = max(found, time.monotonic() - begin)
        return found

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


@pytest.fixture
def card(start_card: StartCard) -> CardProcess:
    return start_card()


@pytest.fixture
def monitor(card: CardProcess) -> Iterator[Monitor]:
    made = Monitor(card)
    yield made
    made.close()


@contextmanager
def attached(card: CardProcess) -> Iterator[VfioUserClient]:
    with VfioUserClient.connect(card.vfio_user) as client:
        client.negotiate()
        yield client


def refusal(client: VfioUserClient, command: Command, payload: bytes, fds: Sequence[int] = ()) -> int:
    with pytest.raises(VfioUserError) as refused:
        client.request(command, payload, fds)
    return refused.value.errno or 0


# -- vectors ------------------------------------------------------------------------------------------
def full_pipe() -> tuple[int, ...]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while True:
        try:
            os.write(writer, bytes(4096))
        except BlockingIOError:
            os.set_blocking(writer, True)
            return writer, reader


def full_socket() -> tuple[int, ...]:
    near, far = socket.socketpair()
    near.setblocking(False)
    while True:
        try:
            near.send(bytes(4096))
        except BlockingIOError:
            near.setblocking(True)
            return near.detach(), far.detach()


def file() -> tuple[int, ...]:
    return (os.memfd_create("no-eventfd"),)


def full_eventfd() -> tuple[int, ...]:
    fd = os.eventfd(0)
    os.eventfd_write(fd, (1 << 64) - 2)
    return (fd,)


@pytest.mark.parametrize("make", [full_pipe, full_socket, file])
def test_a_vector_must_be_an_eventfd(card: CardProcess, make: Callable[[], tuple[int, ...]]) -> None:
    before, fds = open_files(card), make()
    with attached(card) as client:
        ask = messages.IRQ_SET.pack(argument_size=20, flags=0x24, index=IrqIndex.MSIX, start=0, count=1)
        assert refusal(client, Command.DEVICE_SET_IRQS, ask, fds[:1]) == errno.EINVAL
        assert client.irq_count(IrqIndex.MSIX) == 2
    for fd in fds:
        os.close(fd)
    check_card_works(card)
    wait_open_files(card, before)


@pytest.mark.parametrize("blocking", [False, True])
def test_a_full_eventfd_as_vector_does_not_stop_the_card(card: CardProcess, monitor: Monitor, blocking: bool) -> None:
    """`blocking`: the client makes the eventfd block again, behind the card's back."""
    (fd,) = full_eventfd()
    bus = VfioUserBus(card.vfio_user)
    bus.memory.map(MEMORY_AT, 1 << 20)
    driver = FakeDriver(bus)
    driver.start()
    driver.post_receives()
    bus.client.set_irqs(IrqIndex.MSIX, [fd, fd])
    os.set_blocking(fd, blocking)
    driver.arm_receive()
    with WirePeer(card.wire) as peer:
        peer.send([bytes(60)])
        slowest = monitor.slowest(2.0)
    assert slowest < (1.5 if blocking else PROMPT_SECONDS)
    if blocking:
        assert bus.client.hung_up(4.0)
    else:
        assert driver.receive_exactly(1) == [bytes(60)]
    bus.close()
    check_card_works(card)
    os.close(fd)


@pytest.mark.parametrize(("start", "count"), [(1, 0xFFFFFFFF), (0, 3), (0xFFFFFFFF, 1), (2, 0xFFFFFFFE)])
@pytest.mark.parametrize("data", [IrqSetFlag.DATA_NONE, IrqSetFlag.DATA_BOOL, IrqSetFlag.DATA_EVENTFD])
@pytest.mark.parametrize("action", [IrqSetFlag.ACTION_TRIGGER, IrqSetFlag.ACTION_MASK])
def test_vectors_that_there_are_not_are_refused(
    card: CardProcess, start: int, count: int, data: IrqSetFlag, action: IrqSetFlag
) -> None:
    with attached(card) as client:
        ask = messages.IRQ_SET.pack(
            argument_size=20, flags=data | action, index=IrqIndex.MSIX, start=start, count=count
        )
        assert refusal(client, Command.DEVICE_SET_IRQS, ask) == errno.EINVAL
    check_card_works(card)


# -- memory -------------------------------------------------------------------------------------------
@contextmanager
def memory(size: int) -> Iterator[int]:
    fd = os.memfd_create("guest")
    os.ftruncate(fd, size)
    yield fd
    os.close(fd)


def dma_map(address: int, size: int, offset: int = 0) -> bytes:
    return messages.DMA_MAP.pack(argument_size=32, flags=3, offset=offset, address=address, size=size)


@pytest.mark.parametrize("flags", [DmaFlag.READ, DmaFlag.READ | DmaFlag.WRITE])
def test_a_range_that_is_mapped_again_and_again_leaks_nothing(card: CardProcess, flags: DmaFlag) -> None:
    before = open_files(card)
    with memory(4096) as fd, attached(card) as client:
        client.map_dma(MEMORY_AT, 4096, (fd, 0), flags)
        held = open_files(card)
        for _ in range(200):
            assert refusal(client, Command.DMA_MAP, dma_map(MEMORY_AT, 4096), (fd,)) == errno.EEXIST
        assert open_files(card) == held
        client.unmap_dma(MEMORY_AT, 4096)
        client.map_dma(MEMORY_AT, 4096, (fd, 0), flags)
        client.unmap_all_dma()
        client.map_dma(MEMORY_AT, 4096, (fd, 0), flags)
    check_card_works(card)
    wait_open_files(card, before)


@pytest.mark.parametrize(("size", "offset"), [(8192, 0), (4096, 4096), (1 << 40, 0), (4096, (1 << 63) - 4096)])
def test_a_range_beyond_the_end_of_its_file_is_refused(card: CardProcess, size: int, offset: int) -> None:
    with memory(4096) as fd, attached(card) as client:
        assert refusal(client, Command.DMA_MAP, dma_map(MEMORY_AT, size, offset), (fd,)) == errno.EINVAL
    check_card_works(card)


@pytest.mark.parametrize(
    ("offset", "address", "size"), [(16, MEMORY_AT, 4096), (2048, MEMORY_AT, 2048), (0, (1 << 64) - 4096, 8192)]
)
def test_a_range_that_is_not_whole_pages_of_its_file_is_refused(
    card: CardProcess, offset: int, address: int, size: int
) -> None:
    """Its end would lie beyond the library's mapping."""
    with memory(1 << 20) as fd, attached(card) as client:
        assert refusal(client, Command.DMA_MAP, dma_map(address, size, offset), (fd,)) == errno.EINVAL
        assert client.irq_count(IrqIndex.MSIX) == 2
    check_card_works(card)


RANGES_MAX = 4096


def test_a_range_too_many_is_refused_in_the_log_and_in_query_card(card: CardProcess, monitor: Monitor) -> None:
    """A client of a card needs that many on a machine with an IOMMU, with many cards, or with plugged memory."""
    before = open_files(card)
    with memory(RANGES_MAX << 12) as fd, attached(card) as client:
        begin = time.monotonic()
        for number in range(RANGES_MAX):
            client.map_dma(number << 20, 4096, (fd, number << 12))
        assert (time.monotonic() - begin) / RANGES_MAX < 0.002
        assert refused_ranges(monitor) == (RANGES_MAX, 0)
        for _ in range(50):
            assert refusal(client, Command.DMA_MAP, dma_map(99 << 40, 4096), (fd,)) == errno.ENOSPC
        assert refused_ranges(monitor) == (RANGES_MAX, 50)
        assert monitor.slowest(0.3) < PROMPT_SECONDS
        client.unmap_dma(0, 4096)
        client.map_dma(99 << 40, 4096, (fd, 0))
        assert refused_ranges(monitor) == (RANGES_MAX, 50)
    check_card_works(card)
    wait_open_files(card, before)
    assert refused_ranges(monitor) == (0, 0)
    assert "range 0x630000000000+0x1000: the card takes 4096 ranges" in card.errors()
    assert len(card.errors()) < 5000


def refused_ranges(monitor: Monitor) -> tuple[int, int]:
    """How many ranges the card has, and how many it has refused."""
    card = monitor.ask("query-card")
    return card["memory-ranges"], card["refused-ranges"]


def test_a_range_that_the_library_refuses_is_in_the_log_and_in_query_card(card: CardProcess, monitor: Monitor) -> None:
    with memory(1 << 20) as fd, attached(card) as client:
        client.map_dma(MEMORY_AT, 8192, (fd, 0))
        assert refusal(client, Command.DMA_MAP, dma_map(MEMORY_AT + 4096, 8192), (fd,)) == errno.EINVAL
        assert refused_ranges(monitor) == (1, 1)
    assert f"cannot map range {MEMORY_AT + 4096:#x}+0x2000" in card.errors()


# -- time ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [1, 2, 20])
def test_clients_that_are_silent_in_the_handshake_delay_nothing(
    card: CardProcess, monitor: Monitor, number: int
) -> None:
    before = open_files(card)
    with ExitStack() as clients:
        for _ in range(number):
            clients.enter_context(connect_unix(card.vfio_user, 20)).sendall(b"\1")
            assert monitor.slowest(0.1) < PROMPT_SECONDS
        begin = time.monotonic()
        with attached(card):
            assert time.monotonic() - begin < 1.0
            assert monitor.slowest(0.5) < PROMPT_SECONDS
    check_card_works(card)
    wait_open_files(card, before)


def test_a_client_that_never_sends_its_version_is_disconnected(card: CardProcess) -> None:
    with VfioUserClient.connect(card.vfio_user) as client:
        client.send_raw(VERSION[:-1])
        assert client.hung_up(4.0)
    check_card_works(card)


def test_a_version_may_come_byte_by_byte(card: CardProcess) -> None:
    with VfioUserClient.connect(card.vfio_user) as client:
        for byte in VERSION:
            client.send_raw(bytes([byte]))
        assert client.receive_message().command == Command.VERSION
        assert client.irq_count(IrqIndex.MSIX) == 2


@pytest.mark.parametrize(
    "message",
    [
        encode(Command.VERSION),
        encode(Command.VERSION, b"\0\0\0\0{"),
        encode(Command.VERSION, b"\7\0\0\0"),
        READ,
        bytes(64),
    ],
)
def test_a_wrong_version_costs_that_client(card: CardProcess, message: bytes) -> None:
    before = open_files(card)
    with VfioUserClient.connect(card.vfio_user) as client:
        client.send_raw(message)
        assert client.hung_up(1.0)
    check_card_works(card)
    wait_open_files(card, before)


def test_a_second_client_waits_until_the_first_has_left(card: CardProcess) -> None:
    with attached(card), VfioUserClient.connect(card.vfio_user) as second:
        second.send_raw(VERSION)
        assert not second.hung_up(0.3)
    with ExitStack() as first:
        first.enter_context(attached(card))
        with VfioUserClient.connect(card.vfio_user) as second:
            second.send_raw(VERSION + READ)
            first.close()
            assert second.receive_message().command == Command.VERSION
            assert second.receive_message().command == Command.REGION_READ


def test_a_body_that_is_kept_back_delays_nothing(card: CardProcess, monitor: Monitor) -> None:
    with attached(card) as client:
        for cut in (1, messages.HEADER.size, len(READ) - 1):
            client.send_raw(READ[:cut])
            assert monitor.slowest(0.3) < PROMPT_SECONDS
            client.send_raw(READ[cut:])
            assert client.receive_message().command == Command.REGION_READ
        client.send_raw(READ[:-1])
        assert monitor.slowest(2.5) < PROMPT_SECONDS
        assert client.hung_up(1.0)
    check_card_works(card)


def test_a_client_that_does_not_read_its_replies_delays_nothing(card: CardProcess, monitor: Monitor) -> None:
    with attached(card) as client:
        client.seconds = 0.2

        def flood() -> None:
            with suppress(OSError):  # it is disconnected, or no more fits
                while True:
                    client.send_raw(READ)

        sender = threading.Thread(target=flood)
        sender.start()
        assert monitor.slowest(1.5) < PROMPT_SECONDS
        sender.join()
        assert client.hung_up(1.0)
    check_card_works(card)


def test_posted_writes_without_end_delay_nothing(card: CardProcess, monitor: Monitor) -> None:
    with attached(card) as client:
        over = threading.Event()

        def flood() -> None:
            while not over.is_set():
                client.write_region(BAR_CONTROL, 0, bytes(16), posted=True)

        sender = threading.Thread(target=flood)
        sender.start()
        slowest = monitor.slowest(1.5)
        over.set()
        sender.join()
        assert slowest < PROMPT_SECONDS
    check_card_works(card)


# -- descriptors --------------------------------------------------------------------------------------
def test_the_card_lives_on_when_it_has_no_descriptor_left(card: CardProcess, monitor: Monitor) -> None:
    before = open_files(card)
    with ExitStack() as clients, memory(4096) as fd, attached(card) as client:
        resource.prlimit(card.pid, resource.RLIMIT_NOFILE, (before + 4, 4096))
        for path in (card.wire, card.monitor) * 4:
            clients.enter_context(connect_unix(path, 20))
        with suppress(VfioUserError, ConnectionError):
            for number in range(16):
                client.map_dma(number << 20, 4096, (fd, 0))
            pytest.fail("16 ranges need 16 descriptors, and the card had 4")
        assert monitor.ask("query-version")
    resource.prlimit(card.pid, resource.RLIMIT_NOFILE, (4096, 4096))
    check_card_works(card)
    wait_open_files(card, before)


def cpu_seconds(card: CardProcess) -> float:
    """User and system time of the card's process."""
    words = Path(f"/proc/{card.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_a_connection_that_must_wait_for_a_descriptor_costs_no_time(card: CardProcess, monitor: Monitor) -> None:
    before = open_files(card)
    resource.prlimit(card.pid, resource.RLIMIT_NOFILE, (max_descriptor(card) + 1, 4096))
    with ExitStack() as clients:
        pending = [clients.enter_context(connect_unix(path, 20)) for path in (card.monitor, card.wire, card.vfio_user)]
        pending[0].settimeout(1.0)
        used = cpu_seconds(card)
        with pytest.raises(TimeoutError):
            pending[0].recv(1)
        assert cpu_seconds(card) - used < 0.1
        assert monitor.ask("query-version")
        resource.prlimit(card.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        assert pending[0].recv(1)
    check_card_works(card)
    wait_open_files(card, before)


def max_descriptor(card: CardProcess) -> int:
    return max(int(entry.name) for entry in Path(f"/proc/{card.pid}/fd").iterdir())


# -- anything -----------------------------------------------------------------------------------------
def test_a_command_that_the_card_does_not_have_is_refused(card: CardProcess) -> None:
    with attached(card) as client:
        for command in {*range(300)} - {*range(2, 11), 13}:
            client.send_raw(encode(command, bytes(64), message_id=1))
            assert client.receive_message().error == errno.EOPNOTSUPP
        assert client.irq_count(IrqIndex.MSIX) == 2
