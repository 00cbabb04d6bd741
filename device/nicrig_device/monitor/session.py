# SPDX-License-Identifier: GPL-2.0-or-later
"""One client of the monitor, by QEMU's qmp-spec: greeting, capabilities, then commands."""

from __future__ import annotations

import codecs
import json
import socket
import time
from typing import Any

import msgspec

from nicrig_device.log import log
from nicrig_device.monitor.command_table import CommandTable, QmpError
from nicrig_device.monitor.version import GREETING

MESSAGE_MAX = 4096
DECODER = json.JSONDecoder()
"""QMP has no separator between messages: a message ends where its JSON value ends."""
NEGOTIATE = "qmp_capabilities"
NEGOTIATION_SECONDS, IDLE_SECONDS = 1.0, 10.0
"""A session that sends nothing for this long, before and after its negotiation, has to make room for a new client."""
UNFIT = (ValueError, OverflowError, RecursionError)
"""What encoding raises for a lone surrogate, an integer over 64 bits, and deep nesting."""


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A message of a QMP client."""

    execute: str
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)
    id: Any = None


class Capabilities(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of qmp_capabilities."""

    enable: list[str] = msgspec.field(default_factory=list)


class Session:
    """Reads, answers one message at a time, and sends events once capabilities are negotiated."""

    def __init__(self, connection: socket.socket, commands: CommandTable) -> None:
        self.connection = connection
        self._commands = commands
        self.negotiated = False
        self.active_at = time.monotonic()
        """When it last sent something, or connected."""
        # A client may write in the middle of a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pending = ""
        self.waiting = False
        """Whether what has been read may hold another message."""

    def idle(self, now: float) -> bool:
        """Whether it has sent nothing for so long that another client may have its place."""
        return now - self.active_at > (IDLE_SECONDS if self.negotiated else NEGOTIATION_SECONDS)

    def greet(self) -> None:
        self.send(GREETING)

    def serve(self) -> bool:
        """Read, and answer one message. False when the session is over."""
        if not self.waiting:
            try:
                received = self.connection.recv(MESSAGE_MAX)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not received:
                return False
            self.active_at = time.monotonic()
            self._pending += self._decoder.decode(received)
        self._pending = self._pending.lstrip()
        self.waiting = False
        if not self._pending:
            return True
        try:
            value, end = DECODER.raw_decode(self._pending)
        except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
            return self._refuse_line(str(error))
        self._pending = self._pending[end:].lstrip()
        self.waiting = bool(self._pending)
        return self.send(self._answer(value))

    def _refuse_line(self, why: str) -> bool:
        """Text that does not parse is incomplete, unless its line has ended."""
        _, newline, rest = self._pending.partition("\n")
        if not newline:
            return len(self._pending) <= MESSAGE_MAX or self._refuse_for_ever()
        self._pending = rest
        self.waiting = bool(rest.strip())
        log.warning("monitor: refused a message: %s", why)
        return self.send(_error(QmpError(f"not JSON: {why}")))

    def _refuse_for_ever(self) -> bool:
        """Say why the session ends: where this message ends, and the next one begins, cannot be known."""
        why = f"a message has more than {MESSAGE_MAX} bytes and no end"
        log.warning("monitor: disconnecting a client: %s", why)
        self.send(_error(QmpError(f"{why}: the session ends here")))
        return False

    def _answer(self, value: object) -> dict[str, object]:
        """The reply, with the message's id even if the rest of the message is wrong."""
        try:
            # The answer may quote any part of the message, so all of it must be fit to be sent back.
            msgspec.json.encode(value)
        except UNFIT as error:
            log.warning("monitor: refused a message: %s", error)
            return _error(QmpError(f"cannot be answered: {error}"))
        try:
            reply: dict[str, object] = {"return": self._execute(_converted(value, Message, "not a QMP command"))}
        except QmpError as error:
            reply = _error(error)
        if isinstance(value, dict) and "id" in value:
            reply["id"] = value["id"]
        return reply

    def _execute(self, message: Message) -> object:
        if not self.negotiated or message.execute == NEGOTIATE:
            return self._negotiate(message)
        command = self._commands.get(message.execute)
        if command is None:
            known = ", ".join(sorted(self._commands))
            raise QmpError(f"the card has no command {message.execute}: {known}", "CommandNotFound")
        return command.run(_converted(message.arguments, command.arguments, message.execute), self)

    def _negotiate(self, message: Message) -> dict[str, object]:
        if message.execute != NEGOTIATE:
            raise QmpError(f"send {NEGOTIATE} before {message.execute}", "CommandNotFound")
        if self.negotiated:
            raise QmpError("capabilities have been negotiated already", "CommandNotFound")
        wanted = _converted(message.arguments, Capabilities, NEGOTIATE).enable
        if wanted:
            raise QmpError(f"{NEGOTIATE}: the card offers no capability {', '.join(wanted)}")
        self.negotiated = True
        return {}

    def send(self, message: object) -> bool:
        """Send it whole. False when the client has not read enough to make room: it is disconnected then."""
        data = msgspec.json.encode(message) + b"\r\n"
        try:
            return self.connection.send(data) == len(data)
        except OSError:
            return False


def _converted(value: object, kind: type[Any], what: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise QmpError(f"{what}: {error}") from error


def _error(error: QmpError) -> dict[str, object]:
    return {"error": {"class": error.kind, "desc": str(error)}}
