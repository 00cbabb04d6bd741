# SPDX-License-Identifier: GPL-2.0-or-later
"""A session of the monitor, and its other end."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nicrig_device.models.catalogue import KINDS
from nicrig_device.monitor.commands import CardCommands
from nicrig_device.monitor.session import Session
from nicrig_device.wire.hub import SocketWire
from tests.fakes.memory_bus import MemoryBus


class Client:
    """The other end of a session: sends lines, lets the session answer, reads the replies."""

    def __init__(self, folder: Path, kind: str = "bus-master") -> None:
        self.bus = MemoryBus(kind=KINDS[kind])
        self.wire = SocketWire(folder / "wire", lambda _: None, lambda _: None, lambda _, wanted: None)
        self.commands = CardCommands(self.bus.card, "msix", Path("/run/card"), self.wire)
        self.socket, end = socket.socketpair()
        end.setblocking(False)
        self.socket.settimeout(2)
        self.session = Session(end, self.commands.table)
        self.session.greet()
        self._reader = self.socket.makefile("rb")
        self.greeting = self.read()

    def read(self) -> dict[str, Any]:
        reply = json.loads(self._reader.readline())
        assert isinstance(reply, dict)
        return reply

    def ask(self, line: bytes) -> dict[str, Any]:
        self.socket.sendall(line + b"\n")
        assert self.session.serve()
        return self.read()

    def execute(self, command: str, **arguments: object) -> dict[str, Any]:
        return self.ask(json.dumps({"execute": command, "arguments": arguments, "id": 7}).encode())

    def returned(self, command: str, **arguments: object) -> Any:
        """The answer of a command that succeeds."""
        return self.execute(command, **arguments)["return"]

    def refused(self, command: str, **arguments: object) -> tuple[str, str]:
        """Class and text of the error of a command that fails."""
        error = self.execute(command, **arguments)["error"]
        return error["class"], error["desc"]

    def close(self) -> None:
        self._reader.close()
        self.socket.close()
        self.session.connection.close()
        self.wire.close()
        self.bus.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind's name in turn."""
    name: str = request.param
    return name


@pytest.fixture
def ready(client: Client) -> Client:
    """A client after the negotiation."""
    client.returned("qmp_capabilities")
    return client


@pytest.fixture
def start_client(tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    """A client of a card of this kind, after the negotiation."""
    made: list[Client] = []

    def start(kind: str) -> Client:
        made.append(Client(tmp_path, kind))
        made[-1].returned("qmp_capabilities")
        return made[-1]

    yield start
    for client in made:
        client.close()
