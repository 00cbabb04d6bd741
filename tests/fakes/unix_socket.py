# SPDX-License-Identifier: GPL-2.0-or-later
"""Connecting to a unix socket as QEMU does: with patience and a deadline."""

from __future__ import annotations

import math
import socket
import struct
from pathlib import Path


def connect_unix(path: Path | str, seconds: float) -> socket.socket:
    """A connected stream socket; TimeoutError when the listener's queue stays full.

    Python's own time-out makes the socket non-blocking, and then Linux refuses at once when the queue is full (EAGAIN)
    instead of waiting. The send time-out of a blocking socket also limits connect.
    """
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fraction, whole = math.modf(seconds)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(whole), int(fraction * 1e6)))
    try:
        channel.connect(str(path))
    except BlockingIOError:
        channel.close()
        raise TimeoutError(f"{path}: the listener took no connection within {seconds} s") from None
    except BaseException:
        channel.close()
        raise
    return channel
