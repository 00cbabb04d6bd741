# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's wire: frames over a unix socket in QEMU's stream framing (4-byte big-endian length, frame)."""

import select
import struct
from collections.abc import Iterable
from pathlib import Path

import trio

from nicrig.errors import ConnectionLostError, UsageError

_LENGTH = struct.Struct(">I")
READ_BYTES = 1 << 20
WIRE_FRAME_MAX = 1 << 17
"""Longest frame, in bytes: a card closes the connection of a client that announces a longer one."""


def pack(frames: Iterable[bytes]) -> bytes:
    """Frames as bytes of the wire. Raises UsageError for a frame over WIRE_FRAME_MAX."""
    return b"".join(part for frame in frames for part in (_LENGTH.pack(len(checked(frame))), frame))


def checked(frame: bytes) -> bytes:
    """The frame, if a wire takes it. Raises UsageError."""
    if len(frame) > WIRE_FRAME_MAX:
        raise UsageError(f"a frame of {len(frame)} bytes is longer than the {WIRE_FRAME_MAX} of a card's wire")
    return frame


class Deframer:
    """Cuts the bytes of a socket, which come in pieces of any size, into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes. The beginning of the next frame stays for the next call.

        Raises ConnectionLostError for a length over WIRE_FRAME_MAX: the other end does not speak this framing.
        """
        data = self._rest + data
        frames, at = [], 0
        while len(data) - at >= _LENGTH.size:
            length = _LENGTH.unpack_from(data, at)[0]
            if length > WIRE_FRAME_MAX:
                raise ConnectionLostError(f"the other end of a wire announced a frame of {length} bytes: disconnecting")
            end = at + _LENGTH.size + length
            if end > len(data):
                break
            frames.append(data[at + _LENGTH.size : end])
            at = end
        self._rest = data[at:]
        return frames


class Wire:
    """A connection to the wire: one task may send while another receives."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._deframer = Deframer()

    def only_send(self) -> None:
        """Receive nothing from now on: the card then keeps no frames for us."""
        self._stream.socket.shutdown(trio.socket.SHUT_RD)

    def closed(self) -> bool:
        """Whether the card has closed its end. This also sees it after `only_send`."""
        poll = select.poll()
        poll.register(self._stream.socket.fileno(), 0)
        return bool(poll.poll(0))

    async def send(self, frames: Iterable[bytes]) -> None:
        """Put the frames on the wire, in order, in one write.

        Raises ConnectionLostError, and UsageError for a frame over WIRE_FRAME_MAX before anything is sent.
        """
        await self.send_packed(pack(frames))

    async def send_packed(self, packed: bytes) -> None:
        """As `send`, for frames that `pack` has packed."""
        try:
            await self._stream.send_all(packed)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionLostError("the card closed the wire while frames were sent") from error

    async def receive(self) -> list[bytes]:
        """Wait for frames; returns at least one, in order. Raises ConnectionLostError when the card is gone."""
        frames: list[bytes] = []
        while not frames:
            try:
                data = await self._stream.receive_some(READ_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ConnectionLostError("the card closed the wire while frames were awaited") from error
            if not data:
                raise ConnectionLostError("the card closed the wire while frames were awaited")
            frames = self._deframer.feed(bytes(data))
        return frames

    async def aclose(self) -> None:
        await self._stream.aclose()


async def connect(path: Path) -> Wire:
    """Connect to the wire of the card at this socket. Raises ConnectionLostError when no card listens."""
    try:
        return Wire(await trio.open_unix_socket(path))
    except OSError as error:
        raise ConnectionLostError(f"no card listens at {path}: {error.strerror}") from error
