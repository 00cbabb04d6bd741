# SPDX-License-Identifier: GPL-2.0-or-later
"""Our end of a card's wire as a plain blocking socket, which sleeps in the kernel while the card is busy."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nicrig.card.wire import pack
from nicrig.errors import ConnectionLostError, RigError

PATIENCE_SECONDS = 20.0
BATCH = 1024
"""Frames in one write of a flood."""


class BlockingWire:
    """Sends and receives frames. Every call blocks: use a worker thread."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_SECONDS)
        with _lost_connection():
            self._socket.connect(str(path))

    def flood(self, frame: bytes, offered: int | None, stop: threading.Event) -> int:
        """Send a frame again and again until `stop` is set; how many times, and every one went out whole.

        `offered` is a rate in frames per second; None is as fast as the card takes them.
        """
        batch, pause = pack([frame] * BATCH), BATCH / offered if offered else 0.0
        count, due = 0, time.perf_counter()
        with _lost_connection():
            while not stop.is_set():
                self._socket.sendall(batch)
                count += BATCH
                due += pause
                time.sleep(max(0.0, due - time.perf_counter()))
        return count

    def round_trips(self, frame: bytes, count: int) -> list[int]:
        """Send a frame and wait for the identical echo, `count` times. Returns the nanoseconds of each."""
        packed = pack([frame])
        with _lost_connection():
            return [self._round_trip(packed) for _ in range(count)]

    def _round_trip(self, packed: bytes) -> int:
        begin = time.perf_counter_ns()
        self._socket.sendall(packed)
        back = self._socket.recv(len(packed), socket.MSG_WAITALL)
        spent = time.perf_counter_ns() - begin
        if back != packed:
            raise RigError(f"the echo {back.hex()} is not the frame that was sent, {packed.hex()}")
        return spent

    def close(self) -> None:
        self._socket.close()


@contextmanager
def _lost_connection() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConnectionLostError(f"the connection to a card's wire failed: {error}") from error
