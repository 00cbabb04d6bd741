# SPDX-License-Identifier: GPL-2.0-or-later
"""Listening unix sockets: the path is checked, a dead socket is removed, only the owner may connect."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from nicrig_interface.files import SOCKET_PATH_MAX


class SocketPathError(OSError):
    """The socket cannot be made here; the text says why and what to do."""


def clear_path(path: Path) -> None:
    """Make the path free: remove a dead socket. A live one, or another file, is a SocketPathError."""
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise SocketPathError(
            f"{path}: a unix socket's path has at most {SOCKET_PATH_MAX} bytes, choose a shorter folder"
        )
    if not path.exists():
        return
    if not path.is_socket():
        raise SocketPathError(f"{path} exists and is not a socket: choose another folder or remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise SocketPathError(f"{path} is in use: another card serves this folder, stop it or choose another folder")


def listen(path: Path) -> socket.socket:
    """A non-blocking listening socket that only this user may connect to."""
    clear_path(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(before)
    listener.listen(4)
    return listener


def unlisten(listener: socket.socket) -> None:
    """Close a socket that `listen` made, and remove its file."""
    path = Path(listener.getsockname())
    listener.close()
    path.unlink(missing_ok=True)
