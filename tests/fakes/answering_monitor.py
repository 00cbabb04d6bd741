# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's monitor on its socket, with answers that a test chooses: for commands that are tested as a whole."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.fakes.qmp_server import GREETING


class AnsweringMonitor:
    """Serves the socket in `folder` on a thread, one client at a time. `answers` are by command; others get {}."""

    def __init__(self, folder: Path) -> None:
        self.answers: dict[str, object] = {}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "monitor.sock"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> AnsweringMonitor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, suppress(OSError):  # it may leave at any time
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        client.sendall(json.dumps(GREETING).encode() + b"\r\n")
        # A client waits for each answer: what comes at once is one message.
        while data := client.recv(1 << 16):
            message = json.loads(data)
            named = {"id": message["id"]} if "id" in message else {}
            reply = {"return": self.answers.get(message["execute"], {}), **named}
            client.sendall(json.dumps(reply).encode() + b"\r\n")
