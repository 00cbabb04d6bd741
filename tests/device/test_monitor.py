# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from controller.recorder import Layout
from controller.verifier.events import CARD_EVENTS
from device.counters import COUNTERS
from device.findings import Finding
from device.kinds import KINDS
from device.monitor import MESSAGE_MAX, CardCommands, Session
from tests.fakes import recorder as datasheet
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.recorder import DETAIL, HEAD, SETTLED, Granting, Record, RecorderMemory


class Client:
    """The other end of a session: sends lines, has the session answer, reads the replies."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.socket, end = socket.socketpair()
        end.setblocking(False)
        self.socket.settimeout(2)
        self.session = Session(end, CardCommands(self.bus.card, "msix", Path("/run/card")))
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

    def close(self) -> None:
        self._reader.close()
        self.socket.close()
        self.session.connection.close()
        self.bus.close()


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    made.close()


def test_the_greeting_comes_first(client: Client) -> None:
    assert client.greeting["QMP"]["capabilities"] == []


def test_commands_are_refused_before_capabilities(client: Client) -> None:
    assert client.execute("query-card")["error"]["class"] == "CommandNotFound"


def test_counters_come_by_name_and_the_id_comes_back(client: Client) -> None:
    client.execute("qmp_capabilities")
    assert client.execute("query-counters") == {"return": dict.fromkeys(COUNTERS, 0), "id": 7}


def test_set_link_changes_the_card(client: Client) -> None:
    client.execute("qmp_capabilities")
    assert client.execute("set-link", up=False)["return"] == {}
    assert client.execute("query-card")["return"]["link"] is False
    assert not client.bus.card.link_up


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [("set-link", {"up": "yes"}, "bool"), ("set-link", {}, "up"), ("query-card", {"deep": 1}, "deep")],
)
def test_wrong_arguments_are_named(client: Client, command: str, arguments: dict[str, object], words: str) -> None:
    client.execute("qmp_capabilities")
    error = client.execute(command, **arguments)["error"]
    assert error["class"] == "GenericError"
    assert words in error["desc"]


def test_an_unknown_command_lists_the_known_ones(client: Client) -> None:
    client.execute("qmp_capabilities")
    assert "query-counters" in client.execute("query-countres")["error"]["desc"]


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b'"execute"', b"\xff\xfe", b'{"execute": 1}', b'{"exec": "x"}', b"[" * 3000]
)
def test_what_is_no_command_gets_an_error_and_the_session_goes_on(client: Client, line: bytes) -> None:
    assert client.ask(line)["error"]["class"] == "GenericError"
    assert client.execute("qmp_capabilities")["return"] == {}


def test_a_message_without_an_end_is_cut_off_at_its_bound(client: Client) -> None:
    client.socket.sendall(b"x" * (2 * MESSAGE_MAX))
    assert client.session.serve()
    assert not client.session.serve()


def test_messages_in_one_packet_are_answered_one_a_turn(client: Client) -> None:
    client.socket.sendall(b'{"execute": "qmp_capabilities", "id": 1}\n{"execute": "query-card", "id": 2}\n')
    assert client.session.serve()
    assert client.read()["id"] == 1
    assert client.session.waiting
    assert client.session.serve()
    assert client.read()["id"] == 2
    assert not client.session.waiting


def test_messages_need_no_newline_between_them(client: Client) -> None:
    client.socket.sendall(b'{"execute": "qmp_capabilities", "id": 1}{"execute": "query-card",')
    assert client.session.serve()
    assert client.read()["id"] == 1
    assert client.session.serve()
    client.socket.sendall(b' "id": 2}')
    assert client.session.serve()
    assert client.read()["id"] == 2


def test_a_client_that_left_ends_the_session(client: Client) -> None:
    client.socket.shutdown(socket.SHUT_RDWR)
    assert not client.session.serve()


@pytest.mark.parametrize("name", KINDS)
def test_query_card_tells_the_kind(name: str) -> None:
    bus = MemoryBus(kind=KINDS[name])
    query, run = CardCommands(bus.card, "msix", Path("/run/card")).table["query-card"]
    answer = run(query())
    assert isinstance(answer, dict)
    assert answer["kind"] == name
    bus.close()


def test_the_ledger_is_queried_and_set(client: Client) -> None:
    client.execute("qmp_capabilities")
    off = client.execute("query-ledger")["return"]
    assert (off["policy"], off["blind"], off["ranges"]) == ("off", "no driver has begun to record", 0)
    assert client.execute("set-ledger", policy="report")["return"] == {}
    grants = Granting(RecorderMemory(client.bus.recorder()))
    grants.grant(0x1000, 0x100)
    assert client.execute("query-ledger")["return"] == {
        "policy": "report",
        "blind": None,
        "ranges": 1,
        "bytes": 0x100,
        "generation": 1,
        "records": 2,
        "findings": dict.fromkeys([finding.name.lower() for finding in Finding], 0),
    }


@pytest.mark.parametrize("arguments", [{}, {"policy": "on"}, {"policy": 1}, {"policy": "off", "seed": 1}])
def test_set_ledger_takes_a_policy_and_nothing_else(client: Client, arguments: dict[str, object]) -> None:
    client.execute("qmp_capabilities")
    assert client.execute("set-ledger", **arguments)["error"]["class"] == "GenericError"


def test_query_recorder_tells_a_reader_all_it_needs(client: Client) -> None:
    client.execute("qmp_capabilities")
    layout = msgspec.convert(client.execute("query-recorder")["return"], Layout)
    assert (layout.recorder, layout.trace) == ("/run/card/recorder", "/run/card/trace")
    record = np.dtype(layout.record)
    assert record.names == Record._fields
    assert record.itemsize == datasheet.RECORD.size
    assert layout.offset == datasheet.RECORDS_AT
    assert (layout.head, layout.detail, layout.settled) == (HEAD // 8, DETAIL // 8, SETTLED // 8)
    assert layout.capacity == client.bus.card.recorder.words[1]
    assert set(layout.events.values()) == set(CARD_EVENTS)


def test_faults_are_told_armed_and_cleared(client: Client) -> None:
    client.execute("qmp_capabilities")
    told = {fault["name"]: fault for fault in client.execute("query-faults")["return"]}
    assert len(told) >= 15
    assert not any(fault["armed"] or fault["fired"] for fault in told.values())
    assert client.execute("set-fault", name="frame-lost", at=3, count=2)["return"] == {}
    (lost,) = [fault for fault in client.execute("query-faults")["return"] if fault["armed"]]
    assert [lost[name] for name in ("name", "at", "count", "passed", "fired")] == ["frame-lost", 3, 2, 0, 0]
    assert client.execute("clear-faults")["return"] == {}
    assert not any(fault["armed"] for fault in client.execute("query-faults")["return"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"name": "none"}, "a bus-master card has no fault none: frame-lost, "),
        ({"name": "frame-lost", "at": 0}, "at"),
        ({"name": "frame-lost", "count": 1 << 33}, "count"),
        ({"at": 1}, "name"),
    ],
)
def test_a_fault_that_cannot_be_armed_is_refused_and_none_is(
    client: Client, arguments: dict[str, object], why: str
) -> None:
    client.execute("qmp_capabilities")
    error = client.execute("set-fault", **arguments)["error"]
    assert error["class"] == "GenericError"
    assert why in error["desc"]
    assert not any(fault["armed"] for fault in client.execute("query-faults")["return"])
