# SPDX-License-Identifier: GPL-2.0-or-later
"""A QMP server that checks the protocol's order (QEMU's interop/qmp-spec)."""

import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, NamedTuple

import trio

Handler = Callable[[dict[str, Any]], object]
GREETING = {"QMP": {"version": {"qemu": {"major": 10, "minor": 1, "micro": 0}, "package": ""}, "capabilities": []}}

NEVER = object()
"""A handler returns it to leave the command without an answer."""


class RefusalError(Exception):
    """A handler raises it to have the command answered with an error."""


class RawReply(NamedTuple):
    """A handler returns it to have the whole reply look like this, but for its id."""

    reply: dict[str, object]


class QmpServer:
    """Serves one client. `handlers` make the value that each command returns from its arguments.

    `handshake` False is the guest agent's dialect: no greeting, and qmp_capabilities is a command like any other.
    """

    def __init__(self, handlers: dict[str, Handler], *, handshake: bool = True) -> None:
        self.handlers = handlers
        self.executed: list[str] = []
        self.client, ours = socket.socketpair()
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        self._handshake = handshake

    async def serve(self) -> None:
        if self._handshake:
            await self._send(GREETING)
        # A client that hangs up without reading all resets the connection.
        with suppress(trio.BrokenResourceError):
            async for message in self._messages():
                await self._answer(message)

    async def event(self, name: str, **data: object) -> None:
        await self._send({"event": name, "data": data, "timestamp": {"seconds": 0, "microseconds": 0}})

    async def send_raw(self, data: bytes) -> None:
        """Send these bytes, which may be no QMP; a client that hangs up meanwhile is no error."""
        with suppress(trio.BrokenResourceError):
            await self._stream.send_all(data)

    def hang_up(self) -> None:
        self._stream.socket.shutdown(socket.SHUT_RDWR)

    async def _answer(self, message: dict[str, Any]) -> None:
        command = message["execute"]
        if self._handshake and not self.executed:
            assert command == "qmp_capabilities", f"{command} was sent before qmp_capabilities"
        else:
            assert "id" in message, "several commands may be under way: each needs an id"
        self.executed.append(command)
        reply: dict[str, Any] = {"id": message["id"]} if "id" in message else {}
        try:
            handler = self.handlers.get(command)
            reply["return"] = handler(message.get("arguments", {})) if handler else {}
            if reply["return"] is NEVER:
                return
            if isinstance(reply["return"], RawReply):
                reply |= reply.pop("return").reply
        except RefusalError as refusal:
            reply["error"] = {"class": "GenericError", "desc": str(refusal)}
        await self._send(reply)

    async def _messages(self) -> AsyncIterator[dict[str, Any]]:
        """JSON objects as they complete; the protocol asks for no newline between them."""
        pending = ""
        async for data in self._stream:
            pending += bytes(data).decode()
            while pending := pending.lstrip():
                try:
                    message, end = json.JSONDecoder().raw_decode(pending)
                except json.JSONDecodeError:
                    break
                pending = pending[end:]
                yield message

    async def _send(self, message: dict[str, Any]) -> None:
        await self._stream.send_all(json.dumps(message).encode() + b"\r\n")
