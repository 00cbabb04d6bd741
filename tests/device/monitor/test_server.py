# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's socket and its sessions, with the loop played by the test."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nicrig_device.monitor.commands import CardCommands
from nicrig_device.monitor.server import CLIENTS_MAX, MonitorServer
from nicrig_device.monitor.session import IDLE_SECONDS
from nicrig_device.wire.hub import SocketWire
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.unix_socket import connect_unix


class Loop:
    """A card's monitor; `turn` serves every session that is watched and then does what a turn of the loop does."""

    def __init__(self, folder: Path) -> None:
        self.bus = MemoryBus()
        self.watched: dict[socket.socket, Callable[[], None]] = {}
        self._wire = SocketWire(folder / "wire", lambda _: None, lambda _: None, lambda _, wanted: None)
        self._path = folder / "monitor"
        commands = CardCommands(self.bus.card, "msix", folder, self._wire)
        self.monitor = MonitorServer(
            self._path, commands, self.bus.card.trace, self.watched.__setitem__, self.watched.__delitem__
        )

    def connect(self, *, negotiate: bool = True) -> Client:
        client = Client(connect_unix(self._path, 2))
        self.monitor.accept()
        if negotiate:
            client.send("qmp_capabilities")
            self.turn()
        return client

    def turn(self) -> None:
        for serve in list(self.watched.values()):
            serve()
        self.monitor.work()

    def close(self) -> None:
        self.monitor.close()
        assert not self.watched
        self._wire.close()
        self.bus.close()


class Client:
    """The far end of a session."""

    def __init__(self, channel: socket.socket) -> None:
        self.socket = channel
        channel.settimeout(2)

    def send(self, command: str, **arguments: object) -> None:
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())

    def read(self) -> list[dict[str, Any]]:
        """What has come in; empty when the connection is closed."""
        data = self.socket.recv(1 << 16)
        return [json.loads(line) for line in data.splitlines()]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path)
    yield made
    made.close()


def test_events_go_to_every_client_that_has_negotiated(loop: Loop) -> None:
    with loop.connect() as one, loop.connect() as other, loop.connect(negotiate=False) as fresh:
        loop.bus.card.set_link(False)
        assert loop.monitor.due() == 0.0
        loop.turn()
        for client in (one, other):
            assert client.read()[-1]["event"] == "LINK_CHANGED"
        assert [set(message) for message in fresh.read()] == [{"QMP"}]
        assert loop.monitor.due() is None


def test_a_client_that_changes_the_link_gets_its_answer_and_the_event(loop: Loop) -> None:
    with loop.connect() as client:
        client.read()
        client.send("set-link", up=False)
        loop.turn()
        answer, event = client.read()
        assert (answer, event["event"]) == ({"return": {}}, "LINK_CHANGED")


def test_one_client_too_many_is_turned_away_and_another_s_place_is_free_again(loop: Loop) -> None:
    clients = [loop.connect() for _ in range(CLIENTS_MAX)]
    with loop.connect(negotiate=False) as late:
        assert late.read() == []
    for client in clients:
        client.socket.close()
    loop.turn()
    assert not loop.watched
    with loop.connect() as client:
        assert "QMP" in client.read()[0]


def advance(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.monotonic() + seconds
    monkeypatch.setattr(time, "monotonic", lambda: now)


def test_idle_sessions_make_room_the_longest_idle_first(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = [loop.connect() for _ in range(CLIENTS_MAX)]
    for client in clients:
        client.read()
    advance(monkeypatch, IDLE_SECONDS + 1)
    for client in (*clients[:3], *clients[4:]):
        client.send("query-version")
    loop.turn()
    with loop.connect() as late:
        assert "QMP" in late.read()[0]
    assert clients[3].read() == []
    for client in (*clients[:3], *clients[4:]):
        assert "return" in client.read()[0]
        client.socket.close()


def test_a_session_without_negotiation_makes_room_first(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = [loop.connect() for _ in range(CLIENTS_MAX - 1)]
    silent = loop.connect(negotiate=False)
    silent.read()
    advance(monkeypatch, IDLE_SECONDS + 1)
    with loop.connect():
        assert silent.read() == []
    for client in clients:
        assert "QMP" in client.read()[0]
        client.socket.close()


def test_a_session_that_captures_makes_no_room(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = [loop.connect() for _ in range(CLIENTS_MAX)]
    for client in clients:
        client.send("set-capture", on=True)
    loop.turn()
    advance(monkeypatch, IDLE_SECONDS + 1)
    with loop.connect(negotiate=False) as late:
        assert late.read() == []
    for client in clients:
        client.socket.close()


def test_a_client_that_does_not_read_is_dropped_and_the_others_served(loop: Loop) -> None:
    with loop.connect() as deaf, loop.connect() as client:
        client.read()
        while len(loop.watched) > 1:
            deaf.send("query-qmp-schema")
            loop.turn()
        client.send("query-version")
        loop.turn()
        assert client.read()[0]["return"]["package"] == "nicrig"


def test_a_client_that_does_not_read_is_dropped_by_events_too(loop: Loop) -> None:
    with loop.connect():
        while loop.watched:
            for _ in range(100):
                loop.bus.reset()
            loop.monitor.work()


def test_a_capture_ends_with_its_connection(loop: Loop) -> None:
    with loop.connect() as client:
        client.send("set-capture", on=True)
        loop.turn()
        assert loop.bus.card.trace.captures
    loop.turn()
    assert not loop.bus.card.trace.captures


def test_a_client_of_the_card_is_an_event_and_in_query_card(loop: Loop) -> None:
    with loop.connect() as client:
        client.read()
        loop.monitor.client(connected=True)
        client.send("query-card")
        loop.turn()
        answer, event = client.read()
        assert answer["return"]["client"] is True
        assert (event["event"], event["data"]) == ("CLIENT", {"connected": True})
