# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's monitor: QMP on a unix socket, one message a loop turn, each message bounded.

It shares the hot thread, so a message costs what a register access costs: decoded and answered in tens of microseconds.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from device import registers
from device.card import RECORDER_FILE, TRACE_FILE, Card
from device.fault_commands import FaultCommands
from device.findings import Finding
from device.ledger import BLIND, Policy
from device.listener import listen, unlisten
from device.recorder import (
    CAPACITY,
    DETAIL,
    HEAD,
    RECORD,
    RECORDS_OFFSET,
    SETTLED,
    SLOT_BYTES,
    SLOTS,
    SLOTS_OFFSET,
    Event,
)

MESSAGE_MAX = 4096
CLIENTS_MAX = 4
DECODER = json.JSONDecoder()
"""QMP puts nothing between messages: a message ends where its JSON value ends."""

log = logging.getLogger("device")


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """What a QMP client may send."""

    execute: str
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)
    id: Any = None


class NoArguments(msgspec.Struct, forbid_unknown_fields=True):
    """A command without arguments."""


class SetLink(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of set-link."""

    up: bool


class SetLedger(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of set-ledger."""

    policy: Policy


class CardCommands:
    """The commands by name, each with the type that its arguments must have."""

    def __init__(self, card: Card, interrupts: str, folder: Path) -> None:
        self._card = card
        self._interrupts = interrupts
        self._folder = folder
        self.table: dict[str, tuple[type[msgspec.Struct], Callable[[Any], object]]] = {
            "query-card": (NoArguments, self._query_card),
            "query-counters": (NoArguments, lambda _: card.counters.snapshot()),
            "query-recorder": (NoArguments, self._query_recorder),
            "query-ledger": (NoArguments, self._query_ledger),
            "set-ledger": (SetLedger, self._set_ledger),
            "set-link": (SetLink, self._set_link),
            **FaultCommands(card).table,
        }

    def _query_card(self, _: NoArguments) -> dict[str, object]:
        return {
            "kind": self._card.kind.name,
            "interrupts": self._interrupts,
            "mac": self._card.mac.hex(":"),
            "link": self._card.link_up,
            "receiving": self._card.receiving,
            "version": f"{registers.VERSION_MAJOR}.{registers.VERSION_MINOR}",
            "memory-ranges": len(self._card.memory),
        }

    def _query_recorder(self, _: NoArguments) -> dict[str, object]:
        """Where the records are and how they are made, so that a reader needs to know nothing of the card."""
        return {
            "recorder": str(self._folder / RECORDER_FILE),
            "trace": str(self._folder / TRACE_FILE),
            "record": RECORD.descr,
            "offset": RECORDS_OFFSET,
            "capacity": CAPACITY,
            "head": HEAD,
            "detail": DETAIL,
            "settled": SETTLED,
            "slots": {"offset": SLOTS_OFFSET, "count": SLOTS, "bytes": SLOT_BYTES},
            "events": {str(int(event)): f"card.{event.name.lower()}" for event in Event},
        }

    def _query_ledger(self, _: NoArguments) -> dict[str, object]:
        """What the ledger knows and has found; `blind` tells why it judges nothing, null while it does."""
        ledger = self._card.ledger
        counters = self._card.counters
        ledger.sees()  # what has been granted until now
        return {
            "policy": ledger.policy,
            "blind": BLIND.get(ledger.blind),
            "ranges": len(ledger.lasting) + len(ledger.passing),
            "bytes": ledger.lasting.size + ledger.passing.size,
            "generation": ledger.generation,
            "records": ledger.drained,
            "findings": {finding.name.lower(): counters[finding.counter] for finding in Finding},
        }

    def _set_ledger(self, arguments: SetLedger) -> dict[str, object]:
        self._card.ledger.set_policy(arguments.policy)
        return {}

    def _set_link(self, arguments: SetLink) -> dict[str, object]:
        self._card.set_link(arguments.up)
        return {}


def _error(kind: str, text: str) -> dict[str, object]:
    return {"error": {"class": kind, "desc": text}}


class Session:
    """One client's connection: greeting, capabilities, then commands."""

    GREETING: ClassVar[dict[str, object]] = {
        "QMP": {"version": {"qemu": {"major": 0, "minor": 1, "micro": 0}, "package": "nicrig"}, "capabilities": []}
    }

    def __init__(self, connection: socket.socket, commands: CardCommands) -> None:
        self.connection = connection
        self._commands = commands
        self._negotiated = False
        self._pending = ""
        self.waiting = False
        """Whether more has been read than was answered."""

    def greet(self) -> None:
        self._send(self.GREETING)

    def serve(self) -> bool:
        """Answer at most one message; False when the client is gone or sent what cannot be a message."""
        if not self.waiting:
            try:
                received = self.connection.recv(MESSAGE_MAX)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not received:
                return False
            self._pending += received.decode(errors="replace")
        self._pending = self._pending.lstrip()
        self.waiting = False
        if not self._pending:
            return True
        try:
            value, end = DECODER.raw_decode(self._pending)
        except (json.JSONDecodeError, RecursionError) as error:
            return self._refuse_line(str(error))
        self._pending = self._pending[end:].lstrip()
        self.waiting = bool(self._pending)
        return self._send(self._answer(value))

    def _refuse_line(self, why: str) -> bool:
        """What does not parse is not all there yet, unless its line has ended."""
        _, newline, rest = self._pending.partition("\n")
        if not newline:
            return len(self._pending) <= MESSAGE_MAX
        self._pending = rest
        self.waiting = bool(rest.strip())
        return self._send(_error("GenericError", f"not JSON: {why}"))

    def _answer(self, value: object) -> dict[str, object]:
        try:
            message = msgspec.convert(value, Message)
        except msgspec.ValidationError as error:
            return _error("GenericError", f"not a QMP command: {error}")
        reply = self._execute(message)
        if message.id is not None:
            reply["id"] = message.id
        return reply

    def _execute(self, message: Message) -> dict[str, object]:
        if message.execute == "qmp_capabilities":
            self._negotiated = True
            return {"return": {}}
        if not self._negotiated:
            return _error("CommandNotFound", f"send qmp_capabilities before {message.execute}")
        command = self._commands.table.get(message.execute)
        if command is None:
            known = ", ".join(sorted(self._commands.table))
            return _error("CommandNotFound", f"the card has no command {message.execute}: {known}")
        kind, run = command
        try:
            return {"return": run(msgspec.convert(message.arguments, kind))}
        except msgspec.ValidationError as error:
            return _error("GenericError", f"{message.execute}: {error}")

    def _send(self, reply: dict[str, object]) -> bool:
        """Send whole or not at all: a client that does not read its replies is dropped."""
        data = msgspec.json.encode(reply) + b"\r\n"
        try:
            return self.connection.send(data) == len(data)
        except OSError:
            return False


class Monitor:
    """The listening socket and its sessions; `watch` and `unwatch` put their sockets into the loop."""

    def __init__(
        self,
        path: Path,
        commands: CardCommands,
        watch: Callable[[socket.socket, Callable[[], None]], None],
        unwatch: Callable[[socket.socket], None],
    ) -> None:
        self.listener = listen(path)
        self._commands = commands
        self._watch = watch
        self._unwatch = unwatch
        self._sessions: list[Session] = []

    def accept(self) -> None:
        connection, _ = self.listener.accept()
        if len(self._sessions) >= CLIENTS_MAX:
            log.warning("monitor: %d clients are connected, another is turned away", CLIENTS_MAX)
            connection.close()
            return
        connection.setblocking(False)
        session = Session(connection, self._commands)
        self._sessions.append(session)
        self._watch(connection, lambda: self._serve(session))
        session.greet()

    def work(self) -> bool:
        """Answer what sessions have read ahead, one message each; whether there was any."""
        ahead = [session for session in self._sessions if session.waiting]
        for session in ahead:
            self._serve(session)
        return bool(ahead)

    def _serve(self, session: Session) -> None:
        if not session.serve():
            self._end(session)

    def _end(self, session: Session) -> None:
        self._sessions.remove(session)
        self._unwatch(session.connection)
        session.connection.close()

    def close(self) -> None:
        for session in list(self._sessions):
            self._end(session)
        unlisten(self.listener)
