# SPDX-License-Identifier: GPL-2.0-or-later
"""The vfio-user client against a scripted server at the other end of a socket pair."""

from __future__ import annotations

import errno
import json
import mmap
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from tests.fakes import vfio_user_messages as messages
from tests.fakes.vfio_user import Message, ProtocolError, VfioUserClient, VfioUserError
from tests.fakes.vfio_user_messages import Command, HeaderFlag, IrqIndex, IrqSetFlag, RegionFlag, encode

Server = VfioUserClient
"""The raw half of the client serves as well for the other end."""


def answer(server: Server, request: Message, payload: bytes = b"", fds: tuple[int, ...] = ()) -> None:
    data = encode(request.command, payload, message_id=request.message_id, flags=HeaderFlag.REPLY)
    server.send_raw(data, fds)


@contextmanager
def serving(script: Callable[[Server], None], seconds: float = 5.0) -> Iterator[VfioUserClient]:
    """A client whose server runs `script` in a thread; its failure is the test's."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    failures: list[BaseException] = []

    def run() -> None:
        with Server(far) as server:
            try:
                script(server)
            except BaseException as error:  # handed to the test's thread below
                failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    with VfioUserClient(near, seconds) as client:
        yield client
    thread.join(5.0)
    if failures:
        raise failures[0]


def test_request_has_size_id_and_command_in_its_header() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        assert (request.command, request.flags, request.error) == (Command.DEVICE_RESET, 0, 0)
        answer(server, request)
        again = server.receive_message()
        assert again.message_id != request.message_id
        answer(server, again)

    with serving(script) as client:
        client.reset()
        client.reset()


def test_reply_may_come_in_single_bytes() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        payload = messages.REGION_ACCESS.pack(offset=8, region=0, count=4) + b"abcd"
        data = encode(request.command, payload, message_id=request.message_id, flags=HeaderFlag.REPLY)
        for byte in data:
            server.send_raw(bytes([byte]))

    with serving(script) as client:
        assert client.read_region(0, 8, 4) == b"abcd"


def test_negotiation_sends_terminated_json_and_returns_the_answer() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        assert json.loads(request.payload[4:-1]) == messages.QEMU_CAPABILITIES
        assert request.payload[-1] == 0
        text = b'{"capabilities":{"max_msg_fds":8}}\0'
        answer(server, request, messages.VERSION.pack(major=0, minor=0) + text)

    with serving(script) as client:
        assert client.negotiate() == {"capabilities": {"max_msg_fds": 8}}


def test_mapped_memory_is_shared_through_the_descriptor_that_goes_along() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        fields = messages.DMA_MAP.unpack(request.payload)
        assert fields == {"argument_size": 32, "flags": 3, "offset": 4096, "address": 0x10000, "size": 4096}
        memory = mmap.mmap(request.fds[0], fields["size"], offset=fields["offset"])
        memory[:5] = b"hello"
        memory.close()
        request.close_fds()
        answer(server, request)

    fd = os.memfd_create("memory")
    os.ftruncate(fd, 8192)
    with serving(script) as client:
        client.map_dma(0x10000, 4096, (fd, 4096))
    assert os.pread(fd, 5, 4096) == b"hello"
    os.close(fd)


def test_eventfds_of_all_vectors_go_in_one_message() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        flags = IrqSetFlag.DATA_EVENTFD | IrqSetFlag.ACTION_TRIGGER
        fields = messages.IRQ_SET.unpack(request.payload)
        assert fields == {"argument_size": 20, "flags": flags, "index": IrqIndex.MSIX, "start": 0, "count": 2}
        for vector, fd in enumerate(request.fds):
            os.eventfd_write(fd, vector + 1)
        request.close_fds()
        answer(server, request)

    eventfds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    with serving(script) as client:
        client.set_irqs(IrqIndex.MSIX, eventfds)
    assert [os.eventfd_read(fd) for fd in eventfds] == [1, 2]
    for fd in eventfds:
        os.close(fd)


def region_reply(room: int, fd: int) -> tuple[bytes, tuple[int, ...]]:
    """A region of one page that is one mappable area, at offset 4096 of its file; as much as fits in `room`."""
    total = messages.REGION_INFO.size + messages.SPARSE_MMAP.size + messages.SPARSE_AREA.size
    fits = room >= total
    fixed = messages.REGION_INFO.pack(
        argument_size=total,
        flags=RegionFlag.READ | RegionFlag.MMAP | (RegionFlag.CAPABILITIES if fits else 0),
        index=2,
        capability_offset=messages.REGION_INFO.size if fits else 0,
        size=4096,
        offset=4096,
    )
    if not fits:
        return fixed, ()
    sparse = messages.SPARSE_MMAP.pack(identity=1, version=1, next=0, areas=1, reserved=0)
    return fixed + sparse + messages.SPARSE_AREA.pack(offset=0, size=4096), (fd,)


def test_region_is_asked_for_again_with_room_for_its_areas_and_then_mapped() -> None:
    fd = os.memfd_create("region")
    os.ftruncate(fd, 8192)

    def script(server: Server) -> None:
        for _ in range(2):
            request = server.receive_message()
            room = messages.REGION_INFO.unpack(request.payload)["argument_size"]
            answer(server, request, *region_reply(room, fd))

    with serving(script) as client:
        words = client.map_region(2).view(np.uint32)
    words[0] = 0x12345678
    assert os.pread(fd, 4, 4096) == bytes.fromhex("78563412")
    os.close(fd)


def test_error_reply_raises_with_the_servers_errno() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        flags = HeaderFlag.REPLY | HeaderFlag.ERROR
        server.send_raw(encode(request.command, message_id=request.message_id, flags=flags, error=errno.ENOSPC))

    with serving(script) as client:
        with pytest.raises(VfioUserError, match="DMA_UNMAP") as caught:
            client.unmap_dma(0, 4096)
        assert caught.value.errno == errno.ENOSPC


def test_reply_to_another_message_is_a_protocol_error() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        wrong = encode(request.command, message_id=request.message_id + 1, flags=HeaderFlag.REPLY)
        server.send_raw(wrong)

    with serving(script) as client, pytest.raises(ProtocolError, match="answered for"):
        client.reset()


def test_command_from_the_server_is_a_protocol_error() -> None:
    def script(server: Server) -> None:
        server.receive_message()
        server.send_raw(encode(Command.DMA_READ, bytes(16)))

    with serving(script) as client, pytest.raises(ProtocolError, match="command 11 instead of a reply"):
        client.reset()


def test_silent_server_runs_into_the_deadline() -> None:
    def script(server: Server) -> None:
        server.receive_message()
        assert server.hung_up(5.0)

    with serving(script, seconds=0.05) as client, pytest.raises(TimeoutError, match="DEVICE_RESET: 0 of 16 bytes"):
        client.reset()


def test_drip_feeding_server_does_not_stretch_the_deadline() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        data = encode(request.command, message_id=request.message_id, flags=HeaderFlag.REPLY)
        for byte in data[:-1]:
            server.send_raw(bytes([byte]))
            if server.hung_up(0.05):
                return

    with serving(script, seconds=0.2) as client, pytest.raises(TimeoutError):
        client.reset()


def test_closed_connection_says_how_far_the_reply_had_come() -> None:
    def script(server: Server) -> None:
        server.receive_message()
        server.send_raw(bytes(7))

    with serving(script) as client, pytest.raises(ConnectionResetError, match="7 of 16 bytes"):
        client.reset()


def test_descriptors_of_a_refused_reply_are_closed() -> None:
    reader, writer = os.pipe()

    def script(server: Server) -> None:
        request = server.receive_message()
        data = encode(request.command, message_id=request.message_id + 1, flags=HeaderFlag.REPLY)
        server.send_raw(data, (writer,))

    with serving(script) as client, pytest.raises(ProtocolError):
        client.reset()
    os.close(writer)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_posted_write_waits_for_nothing() -> None:
    def script(server: Server) -> None:
        request = server.receive_message()
        assert request.flags == HeaderFlag.NO_REPLY
        assert request.payload[messages.REGION_ACCESS.size :] == b"\1\0\0\0"

    with serving(script) as client:
        client.write_region(0, 0x18, b"\1\0\0\0", posted=True)


def test_message_broken_off_in_the_middle_reaches_the_server_as_that() -> None:
    def script(server: Server) -> None:
        with pytest.raises(ConnectionResetError, match="9 of 16 bytes"):
            server.receive_message()

    with serving(script) as client:
        client.send_raw(encode(Command.DEVICE_RESET)[:9])


def test_header_may_lie_about_its_size() -> None:
    def script(server: Server) -> None:
        with pytest.raises(ProtocolError, match="4294967295 bytes"):
            server.receive_message()

    with serving(script) as client:
        client.send_raw(encode(Command.DEVICE_RESET, size=0xFFFFFFFF))
