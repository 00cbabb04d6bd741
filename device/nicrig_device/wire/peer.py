# SPDX-License-Identifier: GPL-2.0-or-later
"""One connection to the wire: frames cut from its stream, and what it has not taken yet of those for it."""

from __future__ import annotations

import logging
import socket
import time

import numpy as np

from nicrig_device.dma.frames import Frames
from nicrig_device.wire.framing import split

BUFFER_BYTES = 1 << 18
STALL_SECONDS = 1.0
"""A peer that has not read for this long loses frames instead of stopping the guest's transmitter."""

log = logging.getLogger("nicrig_device")


class WirePeer:
    """Never waited for. OSError when the connection has failed, EOFError when the other end has closed it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.listening = True
        """False once the other end has shut its receiving down: it only sends, and no frame is lost to it."""
        self.lost = 0
        """Frames that went by while it did not read."""
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
        """The frames that have come in, or None; valid until the next call. FramingError when they are none."""
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
        """Take a batch, or lose it whole while the last one waits: the stream is never cut inside a frame."""
        if self._unsent:
            self._lose(frames)
        elif self.listening:
            self._unsent = framed
            self._stuck_since = time.monotonic()
            self.flush()

    def _lose(self, frames: int) -> None:
        if not self.lost:
            log.warning("wire: a peer has not read for %s s: it loses frames", STALL_SECONDS)
        self.lost += frames

    def flush(self) -> None:
        """Write what the socket takes of the batch that waits."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.connection.send(self._unsent) :]
                self._stuck_since = time.monotonic()
        except BlockingIOError:
            pass
        except BrokenPipeError:  # gone for good, or for receiving only: `receive` will tell
            self._unsent = memoryview(b"")
            self.listening = False
