# SPDX-License-Identifier: GPL-2.0-or-later
"""A vfio-user client on a plain socket: what QEMU is to the card, without QEMU.

Synchronous, one request at a time. Every receive has a deadline. The raw half at the end is for hostile tests.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from tests.fakes import vfio_user_messages as messages
from tests.fakes.unix_socket import connect_unix
from tests.fakes.vfio_user_messages import Command, DmaFlag, HeaderFlag, IrqSetFlag, Layout, UnmapFlag, encode

DEADLINE_SECONDS = 20.0
LARGEST_REPLY = 2 << 20


class VfioUserError(OSError):
    """The server answered with an error; `errno` is the server's."""


class ProtocolError(Exception):
    """The server said something that is not the answer to what was asked."""


@dataclass(frozen=True)
class Message:
    """One message as it came in, with the file descriptors that came along: the receiver's to close."""

    message_id: int
    command: int
    flags: int
    error: int
    payload: bytes
    fds: tuple[int, ...]

    def close_fds(self) -> None:
        for fd in self.fds:
            os.close(fd)


@dataclass(frozen=True)
class Area:
    """Bytes [offset, offset + size) of a region that may be mapped, by this descriptor: the receiver's to close."""

    offset: int
    size: int
    fd: int


@dataclass(frozen=True)
class RegionInfo:
    """A region's size and flags (RegionFlag); `offset` is where it begins in the descriptors of its areas."""

    index: int
    flags: int
    size: int
    offset: int
    areas: tuple[Area, ...]


class VfioUserClient:
    """One connection. `seconds` is the deadline of each message: TimeoutError when it passes."""

    def __init__(self, channel: socket.socket, seconds: float = DEADLINE_SECONDS) -> None:
        self.seconds = seconds
        self._socket = channel
        self._next_id = 0

    @classmethod
    def connect(cls, path: Path | str, seconds: float = DEADLINE_SECONDS) -> VfioUserClient:
        """A connection to the server's socket, not negotiated yet."""
        return cls(connect_unix(path, seconds), seconds)

    def __enter__(self) -> VfioUserClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, even inside a message."""
        self._socket.close()

    # -- requests ---------------------------------------------------------------------------------------

    def negotiate(
        self, capabilities: Mapping[str, object] = messages.QEMU_CAPABILITIES, major: int = 0, minor: int = 0
    ) -> dict[str, object]:
        """VERSION: say what this client can; what the server can, as the JSON object of its answer."""
        text = json.dumps(capabilities).encode() + b"\0"
        reply = self.request(Command.VERSION, messages.VERSION.pack(major=major, minor=minor) + text)
        version = _unpack(messages.VERSION, reply.payload)
        if version["major"] != major or version["minor"] > minor:
            raise ProtocolError(f"asked for version {major}.{minor}, got {version['major']}.{version['minor']}")
        answer: dict[str, object] = json.loads(reply.payload[messages.VERSION.size :].rstrip(b"\0") or b"{}")
        return answer

    def map_dma(
        self,
        address: int,
        size: int,
        backing: tuple[int, int] | None = None,
        flags: int = DmaFlag.READ | DmaFlag.WRITE,
    ) -> None:
        """Give the card [address, address + size): a descriptor's bytes from an offset on, or nothing it can map."""
        fd, offset = backing if backing is not None else (None, 0)
        payload = messages.DMA_MAP.pack(
            argument_size=messages.DMA_MAP.size, flags=flags, offset=offset, address=address, size=size
        )
        self.request(Command.DMA_MAP, payload, () if fd is None else (fd,))

    def unmap_dma(self, address: int, size: int) -> None:
        """Take back exactly what `map_dma` gave; when this returns the card has let go of it."""
        self._unmap(0, address, size)

    def unmap_all_dma(self) -> None:
        self._unmap(UnmapFlag.ALL, 0, 0)

    def _unmap(self, flags: int, address: int, size: int) -> None:
        payload = messages.DMA_UNMAP.pack(
            argument_size=messages.DMA_UNMAP.size, flags=flags, address=address, size=size
        )
        self.request(Command.DMA_UNMAP, payload)

    def device_info(self) -> dict[str, int]:
        """Flags, and the numbers of regions and of interrupt kinds."""
        ask = messages.DEVICE_INFO.pack(argument_size=messages.DEVICE_INFO.size, flags=0, regions=0, interrupts=0)
        return _unpack(messages.DEVICE_INFO, self.request(Command.DEVICE_GET_INFO, ask).payload)

    def region_info(self, index: int) -> RegionInfo:
        """A region's size, flags and mappable areas; the areas' descriptors are the caller's to close.

        Asks as QEMU does: once for the fixed part, and again with room when the answer says that there is more.
        """
        room = messages.REGION_INFO.size
        while True:
            reply = self.request(Command.DEVICE_GET_REGION_INFO, _region_question(index, room))
            info = _unpack(messages.REGION_INFO, reply.payload)
            if info["argument_size"] <= room:
                return _region_info(info, reply)
            reply.close_fds()
            room = info["argument_size"]

    def map_region(self, index: int) -> npt.NDArray[np.uint8]:
        """The bytes of a region that the server lets map as one area, shared with the server."""
        info = self.region_info(index)
        try:
            if [(area.offset, area.size) for area in info.areas] != [(0, info.size)]:
                raise ProtocolError(f"region {index} of {info.size:#x} bytes is not one mappable area: {info.areas}")
            mapping = mmap.mmap(info.areas[0].fd, info.size, offset=info.offset)
        finally:
            for area in info.areas:
                os.close(area.fd)
        return np.frombuffer(mapping, np.uint8)

    def irq_count(self, index: int) -> int:
        """How many interrupts of a kind (IrqIndex) the device has."""
        ask = messages.IRQ_INFO.pack(argument_size=messages.IRQ_INFO.size, flags=0, index=index, count=0)
        return _unpack(messages.IRQ_INFO, self.request(Command.DEVICE_GET_IRQ_INFO, ask).payload)["count"]

    def set_irqs(self, index: int, eventfds: Sequence[int], start: int = 0) -> None:
        """Connect vectors from `start` to these eventfds; the server gets descriptors of its own."""
        flags = IrqSetFlag.DATA_EVENTFD | IrqSetFlag.ACTION_TRIGGER
        self.request(Command.DEVICE_SET_IRQS, _irq_set(index, start, len(eventfds), flags), eventfds)

    def disable_irqs(self, index: int) -> None:
        """Disconnect all vectors of a kind."""
        flags = IrqSetFlag.DATA_NONE | IrqSetFlag.ACTION_TRIGGER
        self.request(Command.DEVICE_SET_IRQS, _irq_set(index, 0, 0, flags))

    def read_region(self, index: int, offset: int, count: int) -> bytes:
        """`count` bytes of a region, by a round trip."""
        ask = messages.REGION_ACCESS.pack(offset=offset, region=index, count=count)
        payload = self.request(Command.REGION_READ, ask).payload
        got = _unpack(messages.REGION_ACCESS, payload)["count"]
        data = payload[messages.REGION_ACCESS.size :]
        if got != count or len(data) != count:
            raise ProtocolError(f"read of {count} bytes at {offset:#x} of region {index} gave {got}, {len(data)} there")
        return data

    def write_region(self, index: int, offset: int, data: bytes, *, posted: bool = False) -> None:
        """Write to a region; `posted` asks for no reply and returns at once."""
        payload = messages.REGION_ACCESS.pack(offset=offset, region=index, count=len(data)) + data
        if posted:
            self.send_raw(encode(Command.REGION_WRITE, payload, message_id=self._id(), flags=HeaderFlag.NO_REPLY))
            return
        got = _unpack(messages.REGION_ACCESS, self.request(Command.REGION_WRITE, payload).payload)["count"]
        if got != len(data):
            raise ProtocolError(f"write of {len(data)} bytes at {offset:#x} of region {index}: {got} were taken")

    def reset(self) -> None:
        """DEVICE_RESET, what the machine's reset does."""
        self.request(Command.DEVICE_RESET)

    def request(self, command: Command, payload: bytes = b"", fds: Sequence[int] = ()) -> Message:
        """Send a command, wait for its reply. VfioUserError for an error reply, ProtocolError for a wrong one."""
        message_id = self._id()
        self.send_raw(encode(command, payload, message_id=message_id), fds)
        reply = self.receive_message(command.name)
        problem = _mismatch(reply, message_id, command)
        if problem:
            reply.close_fds()
            raise problem
        return reply

    def _id(self) -> int:
        self._next_id = (self._next_id + 1) & 0xFFFF
        return self._next_id

    # -- raw access -------------------------------------------------------------------------------------

    def send_raw(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send any bytes, the descriptors with the first of them. TimeoutError when the server does not read."""
        self._socket.settimeout(self.seconds)
        try:
            sent = socket.send_fds(self._socket, [data], fds) if fds else self._socket.send(data)
            while sent < len(data):
                sent += self._socket.send(data[sent:])
        except TimeoutError:
            raise TimeoutError(f"the server did not take {len(data)} bytes within {self.seconds} s") from None

    def receive_message(self, what: str = "a message") -> Message:
        """The next message. `what` is awaited: it stands in the error of a deadline or a closed connection."""
        deadline = time.monotonic() + self.seconds
        fds: list[int] = []
        try:
            header = messages.HEADER.unpack(self._receive(messages.HEADER.size, deadline, what, fds))
            rest = header["size"] - messages.HEADER.size
            if not 0 <= rest <= LARGEST_REPLY:
                raise ProtocolError(f"{what}: a header says {header['size']} bytes")
            payload = self._receive(rest, deadline, what, fds)
        except BaseException:
            for fd in fds:
                os.close(fd)
            raise
        return Message(header["message_id"], header["command"], header["flags"], header["error"], payload, tuple(fds))

    def _receive(self, count: int, deadline: float, what: str, fds: list[int]) -> bytes:
        data = b""
        while len(data) < count:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                part, new, flags, _ = socket.recv_fds(
                    self._socket, count - len(data), messages.MAX_FDS, socket.MSG_CMSG_CLOEXEC
                )
            except TimeoutError:
                raise TimeoutError(f"{what}: {len(data)} of {count} bytes came within {self.seconds} s") from None
            fds += new
            if flags & socket.MSG_CTRUNC:
                raise ProtocolError(f"{what}: more than {messages.MAX_FDS} descriptors came")
            if not part:
                raise ConnectionResetError(f"{what}: the server closed after {len(data)} of {count} bytes")
            data += part
        return data

    def hung_up(self, seconds: float = 0.0) -> bool:
        """Whether the server has closed the connection, waiting for that up to `seconds`."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        return bool(poll.poll(seconds * 1000))


def _unpack(layout: Layout, payload: bytes) -> dict[str, int]:
    try:
        return layout.unpack(payload)
    except struct.error:
        raise ProtocolError(f"{len(payload)} bytes came where {', '.join(layout.names)} were to") from None


def _mismatch(reply: Message, message_id: int, command: Command) -> Exception | None:
    """What is wrong with a message as the reply to this command, if anything."""
    if (reply.flags & 0xF) != HeaderFlag.REPLY:
        return ProtocolError(f"{command.name}: the server sent command {reply.command} instead of a reply")
    if (reply.message_id, reply.command) != (message_id, command):
        return ProtocolError(
            f"{command.name}: asked with message {message_id}, answered for {reply.message_id}, command {reply.command}"
        )
    if reply.flags & HeaderFlag.ERROR:
        return VfioUserError(reply.error, f"{command.name}: {os.strerror(reply.error)}")
    return None


def _region_question(index: int, room: int) -> bytes:
    return messages.REGION_INFO.pack(argument_size=room, flags=0, index=index, capability_offset=0, size=0, offset=0)


def _irq_set(index: int, start: int, count: int, flags: int) -> bytes:
    return messages.IRQ_SET.pack(
        argument_size=messages.IRQ_SET.size, flags=flags, index=index, start=start, count=count
    )


def _region_info(info: dict[str, int], reply: Message) -> RegionInfo:
    offsets = _areas(reply.payload, info["capability_offset"])
    if len(offsets) != len(reply.fds):
        reply.close_fds()
        raise ProtocolError(f"region {info['index']}: {len(offsets)} areas came with {len(reply.fds)} descriptors")
    areas = tuple(Area(offset, size, fd) for (offset, size), fd in zip(offsets, reply.fds, strict=True))
    return RegionInfo(info["index"], info["flags"], info["size"], info["offset"], areas)


def _areas(payload: bytes, offset: int) -> list[tuple[int, int]]:
    """Offset and size of each mappable area, from the capability list that begins at `offset` (0: none)."""
    while offset:
        if messages.CAPABILITY.unpack(payload, offset)["identity"] == messages.CAPABILITY_SPARSE_MMAP:
            count = messages.SPARSE_MMAP.unpack(payload, offset)["areas"]
            first = offset + messages.SPARSE_MMAP.size
            step = messages.SPARSE_AREA.size
            areas = [messages.SPARSE_AREA.unpack(payload, first + number * step) for number in range(count)]
            return [(area["offset"], area["size"]) for area in areas]
        offset = messages.CAPABILITY.unpack(payload, offset)["next"]
    return []
