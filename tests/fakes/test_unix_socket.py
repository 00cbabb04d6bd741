# SPDX-License-Identifier: GPL-2.0-or-later
"""Connecting when the listener is slow."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from tests.fakes.unix_socket import connect_unix


def test_connect_waits_for_room_in_the_listeners_queue_up_to_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "listener"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(0)
        with connect_unix(path, 1.0):
            with pytest.raises(TimeoutError, match="took no connection"):
                connect_unix(path, 0.05)
            accepting = threading.Timer(0.05, listener.accept)
            accepting.start()
            connect_unix(path, 5.0).close()
            accepting.join()


def test_absent_listener_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect_unix(tmp_path / "absent", 1.0)
