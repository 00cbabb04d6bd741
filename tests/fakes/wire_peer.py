# SPDX-License-Identifier: GPL-2.0-or-later
"""The other end of the card's wire: frames on a unix socket, each behind its length in four bytes, big endian."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from tests.fakes.unix_socket import connect_unix

DEADLINE_SECONDS = 20.0
LENGTH_BYTES = 4
RECEIVE_BYTES = 1 << 18


def frame_bytes(frames: Iterable[bytes]) -> bytes:
    """Frames as the wire carries them; build once, send often."""
    return b"".join(len(frame).to_bytes(LENGTH_BYTES, "big") + frame for frame in frames)


class WirePeer:
    """A connected peer. TimeoutError when the card does not read or does not send within the deadline."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._socket = connect_unix(path, DEADLINE_SECONDS)
        self._held = bytearray()

    def __enter__(self) -> WirePeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, frames: Iterable[bytes]) -> None:
        self.send_bytes(frame_bytes(frames))

    def send_bytes(self, data: bytes) -> None:
        """Any bytes: what `frame_bytes` built, or what no honest peer would send."""
        self._socket.settimeout(DEADLINE_SECONDS)
        self._socket.sendall(data)

    def stop_receiving(self) -> None:
        """From now on only send."""
        self._socket.shutdown(socket.SHUT_RD)

    def receive(self, count: int, seconds: float = DEADLINE_SECONDS) -> list[bytes]:
        """The next `count` frames, in order; what came beyond them is kept for the next call."""
        deadline = time.monotonic() + seconds
        frames: list[bytes] = []
        while len(frames) < count:
            frame = self._take()
            if frame is not None:
                frames.append(frame)
            else:
                self._fill(deadline, f"{len(frames)} of {count} frames came within {seconds} s")
        return frames

    def _take(self) -> bytes | None:
        """A whole frame from what is held, or None."""
        end = LENGTH_BYTES + int.from_bytes(self._held[:LENGTH_BYTES], "big")
        if len(self._held) < LENGTH_BYTES or len(self._held) < end:
            return None
        frame = bytes(self._held[LENGTH_BYTES:end])
        del self._held[:end]
        return frame

    def _fill(self, deadline: float, problem: str) -> None:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except TimeoutError:
            raise TimeoutError(problem) from None
        if not data:
            raise ConnectionResetError(f"the card closed the wire: {problem}")
        self._held += data

    def close(self) -> None:
        self._socket.close()
