# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire as a unix socket: one peer at a time, never waited for."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from device.frames import Bytes, Frames
from device.listener import listen, unlisten
from device.wire import FramingError, split

BUFFER_BYTES = 1 << 18
STALL_SECONDS = 1.0
"""A peer that has not read for this long loses frames instead of stopping the guest's transmitter."""

log = logging.getLogger("device")


class SocketWire:
    """Frames from and to whoever is connected. `watch(socket or None)` is told when the peer comes and goes."""

    def __init__(self, path: Path, watch: Callable[[socket.socket | None], None]) -> None:
        self.listener = listen(path)
        self._watch = watch
        self._peer: socket.socket | None = None
        self._buffer, self._spare = np.empty((2, BUFFER_BYTES), np.uint8)
        self._held = 0
        self._unsent: memoryview = memoryview(b"")
        self._stuck_since = 0.0

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet."""
        return len(self._unsent)

    def full(self) -> bool:
        return bool(self._unsent) and not self._stalled()

    def refusal(self) -> str | None:
        if self._peer is None:
            return "tx_no_peer"
        return "tx_stalled" if self._stalled() else None

    def accept(self) -> None:
        """Take the next peer; a second one at a time is turned away."""
        peer, _ = self.listener.accept()
        if self._peer is not None:
            log.warning("wire: somebody is connected already, a second peer is turned away")
            peer.close()
            return
        peer.setblocking(False)
        self._peer = peer
        self._held = 0
        self._watch(peer)

    def receive(self) -> Frames | None:
        """The frames that have come in, or None; valid until the next call."""
        if self._peer is None:
            return None
        try:
            count = self._peer.recv_into(self._buffer.data[self._held :])
        except BlockingIOError:
            return None
        except OSError as error:
            self.drop_peer(str(error))
            return None
        if not count:
            self.drop_peer("")
            return None
        return self._take(self._held + count)

    def _take(self, held: int) -> Frames | None:
        """Split the held bytes; an unfinished frame at their end is held for the next receive."""
        try:
            frames, used = split(self._buffer[:held])
        except FramingError as error:
            self.drop_peer(str(error))
            return None
        rest = held - used
        if rest and used:
            # The batch still points into this buffer, so the rest moves to the other one.
            self._spare[:rest] = self._buffer[used:held]
            self._buffer, self._spare = self._spare, self._buffer
        self._held = rest
        return frames

    def send(self, framed: Bytes) -> None:
        self._unsent = framed.data
        self._stuck_since = time.monotonic()
        self.flush()

    def flush(self) -> None:
        """Write what the socket takes of the batch that waits."""
        if self._peer is None:
            return
        try:
            while self._unsent:
                self._unsent = self._unsent[self._peer.send(self._unsent) :]
                self._stuck_since = time.monotonic()
        except BlockingIOError:
            pass
        except OSError as error:
            self.drop_peer(str(error))

    def drop_peer(self, why: str) -> None:
        """Close the connection; the next peer may come."""
        if self._peer is None:
            return
        if why:
            log.warning("wire: peer dropped: %s", why)
        self._watch(None)
        self._peer.close()
        self._peer = None
        self._unsent = memoryview(b"")

    def close(self) -> None:
        self.drop_peer("")
        unlisten(self.listener)

    def _stalled(self) -> bool:
        return bool(self._unsent) and time.monotonic() - self._stuck_since > STALL_SECONDS
