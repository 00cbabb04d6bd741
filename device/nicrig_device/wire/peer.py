# SPDX-License-Identifier: GPL-2.0-or-later
"""One connection to the wire: splits its stream into frames, and keeps the bytes that it has not taken yet."""

from __future__ import annotations

import socket
import time

import numpy as np

from nicrig_device.dma.frames import Frames
from nicrig_device.log import log
from nicrig_device.wire.framing import split

BUFFER_BYTES = 1 << 18
STALL_SECONDS = 1.0
"""A peer that has not read for this long loses frames instead of stopping the guest's transmitter."""


class WirePeer:
    """Never blocks. Raises OSError when the connection fails, EOFError when the other end has closed it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.listening = True
        """False once the other end only sends: it gets no frames, and none counts as lost."""
        self.lost = 0
        """Frames that it lost while it did not read."""
        self._buffer, self._spare = np.empty((2, BUFFER_BYTES), np.uint8)
        self._held = 0
        self._unsent: memoryview = memoryview(b"")
        self._stuck_since = 0.0

    @property
    def unsent(self) -> int:
        """Bytes that it has not taken yet."""
        return len(self._unsent)

    def stalled(self) -> bool:
        return bool(self._unsent) and time.monotonic() - self._stuck_since > STALL_SECONDS

    def receive(self) -> Frames | None:
        """The frames that have come in, or None. Valid until the next call. Raises FramingError."""
        try:
            count = self.connection.recv_into(self._buffer.data[self._held :])
        except BlockingIOError:
            return None
        if not count:
            raise EOFError
        return self._take(self._held + count)

    def _take(self, held: int) -> Frames:
        """Split the held bytes; an unfinished frame at their end is held for the next receive."""
        frames, used = split(self._buffer[:held])
        rest = held - used
        if rest and used:
            # The batch still points into this buffer, so the rest moves to the other one.
            self._spare[:rest] = self._buffer[used:held]
            self._buffer, self._spare = self._spare, self._buffer
        self._held = rest
        return frames

    def send(self, framed: memoryview, frames: int) -> None:
        """Take a batch. While the last one waits, the whole batch is lost: the stream never breaks inside a frame."""
        if self._unsent:
            self._lose(frames)
        elif self.listening:
            self._unsent = framed
            self._stuck_since = time.monotonic()
            self.flush()

    def _lose(self, frames: int) -> None:
        if not self.lost:
            log.warning("wire: a peer has not read for %s s and loses frames", STALL_SECONDS)
        self.lost += frames

    def flush(self) -> None:
        """Write as much of the waiting batch as the socket takes."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.connection.send(self._unsent) :]
                self._stuck_since = time.monotonic()
        except BlockingIOError:
            pass
        except BrokenPipeError:  # closed, or shut for receiving only: `receive` finds out
            self._unsent = memoryview(b"")
            self.listening = False
