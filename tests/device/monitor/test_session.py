# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import json
import logging
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.monitor.session import MESSAGE_MAX
from tests.device.monitor.conftest import Client
from tests.strategies import JSON


def test_the_greeting_comes_first(client: Client) -> None:
    assert client.greeting["QMP"]["capabilities"] == []


def test_commands_are_refused_before_capabilities(client: Client) -> None:
    kind, text = client.refused("query-card")
    assert kind == "CommandNotFound"
    assert "qmp_capabilities" in text


def test_capabilities_are_negotiated_once(ready: Client) -> None:
    assert ready.refused("qmp_capabilities") == ("CommandNotFound", "capabilities have been negotiated already")


@pytest.mark.parametrize(("arguments", "word"), [({"enable": ["oob"]}, "oob"), ({"enable": "oob"}, "array")])
def test_a_capability_that_was_not_offered_is_refused_and_the_negotiation_goes_on(
    client: Client, arguments: dict[str, object], word: str
) -> None:
    kind, text = client.refused("qmp_capabilities", **arguments)
    assert kind == "GenericError"
    assert word in text
    assert client.returned("qmp_capabilities", enable=[]) == {}


@pytest.mark.parametrize("message", [{"execute": 1}, {"exec-oob": "query-card"}, {"execute": "no-such"}, {}])
@pytest.mark.parametrize("identity", [7, "seven", None, {"deep": [1]}])
def test_the_id_comes_back_with_an_error_too(ready: Client, message: dict[str, object], identity: object) -> None:
    reply = ready.ask(json.dumps({**message, "id": identity}).encode())
    assert (set(reply), reply["id"]) == ({"error", "id"}, identity)


def test_without_an_id_none_comes_back(ready: Client) -> None:
    assert set(ready.ask(b'{"execute": "query-card"}')) == {"return"}


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [("set-link", {"up": "yes"}, "bool"), ("set-link", {}, "up"), ("query-card", {"deep": 1}, "deep")],
)
def test_wrong_arguments_are_named(ready: Client, command: str, arguments: dict[str, object], words: str) -> None:
    kind, text = ready.refused(command, **arguments)
    assert kind == "GenericError"
    assert words in text


def test_an_unknown_command_lists_the_known_ones(ready: Client) -> None:
    kind, text = ready.refused("query-countres")
    assert kind == "CommandNotFound"
    assert "query-counters" in text


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b'"execute"', b"\xff\xfe", b'{"execute": 1}', b'{"exec": "x"}', b"[" * 3000]
)
def test_an_invalid_command_gets_an_error_and_the_session_goes_on(client: Client, line: bytes) -> None:
    assert client.ask(line)["error"]["class"] == "GenericError"
    assert client.execute("qmp_capabilities")["return"] == {}


HOSTILE = {
    "a lone surrogate": r'"\ud800"',
    "a lone surrogate as a key": r'{"\udfff": 1}',
    "a number of 4400 digits": "9" * 4400,
    "deep nesting": "[" * 1900 + "]" * 1900,
    "deep nesting of objects": '{"":' * 1020 + "1" + "}" * 1020,
}
PLACES = [
    "[%s]",
    '{"execute": %s}',
    '{"execute": "query-card", "id": %s}',
    '{"execute": "set-fault", "arguments": {"name": "lost-irq", "at": %s}}',
    '{"execute": "qmp_capabilities", "arguments": {"enable": [%s]}}',
]


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("place", PLACES)
def test_what_cannot_be_answered_gets_one_error_and_one_line_and_the_session_goes_on(
    client: Client, caplog: pytest.LogCaptureFixture, what: str, place: str
) -> None:
    message = (place % HOSTILE[what]).encode()
    client.socket.sendall(message + b"\n")
    with caplog.at_level(logging.WARNING, "nicrig_device"):
        for _ in range(1 + len(message) // MESSAGE_MAX):
            assert client.session.serve()
    assert client.read()["error"]["class"] == "GenericError"
    assert len(caplog.records) == 1
    assert client.execute("qmp_capabilities")["return"] == {}


@given(JSON, st.sampled_from(["id", "execute", "arguments", "other"]))
def test_any_value_anywhere_gets_an_answer(value: object, key: str) -> None:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder:
        client = Client(Path(folder))
        try:
            message = {"execute": "query-card", "arguments": {}, key: value}
            client.socket.sendall(json.dumps(message).encode() + b"\n")
            assert client.session.serve()
            assert "error" in client.read()
        finally:
            client.close()


def test_a_message_without_an_end_is_cut_off_at_its_bound(client: Client) -> None:
    client.socket.sendall(b"x" * (2 * MESSAGE_MAX))
    assert client.session.serve()
    assert not client.session.serve()
    assert client.read() == {
        "error": {
            "class": "GenericError",
            "desc": "a message has more than 4096 bytes and no end: the session ends here",
        }
    }


@pytest.mark.parametrize("text", ["größe", "日本", "🦆"])
def test_a_character_that_comes_in_two_writes_stays_whole(ready: Client, text: str) -> None:
    message = json.dumps({"execute": "query-card", "id": text}, ensure_ascii=False).encode()
    for cut in range(len(message) - len(text.encode()) - 2, len(message)):
        ready.socket.sendall(message[:cut])
        assert ready.session.serve()
        ready.socket.sendall(message[cut:])
        assert ready.session.serve()
        assert ready.read()["id"] == text


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
