# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP for trio: the protocol of QEMU's monitor, the card's monitor and the guest agent (QEMU's interop/qmp-spec)."""

import logging
import math
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from reprlib import Repr
from typing import Any, TypeVar

import msgspec
import trio
from qemu.qmp import (
    ConnectError,
    EventListener,
    ExecInterruptedError,
    ExecuteError,
    Message,
    QMPClient,
    QMPError,
    Runstate,
    StateError,
)

from nicrig.errors import ConnectionLostError, RefusedError, RigError
from nicrig.process.asyncio_thread import AsyncioThread
from nicrig.text.printable import printable

Event = Mapping[str, Any]
T = TypeVar("T")

_shown = Repr()
_shown.maxstring = _shown.maxother = _shown.maxlong = 200

# Everything that it logs also reaches us as an exception, with more detail.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)


class Events:
    """The events since `listening` began, oldest first."""

    def __init__(self, channel: trio.MemoryReceiveChannel[Event]) -> None:
        self._channel = channel

    async def wait(self, **data: object) -> Event:
        """Wait for an event whose data has these values, and drop the others. Returns its data.

        Raises ConnectionLostError when the connection ends first.
        """
        async for event in self._channel:
            got: Event = event.get("data", {})
            if all(got.get(name) == value for name, value in data.items()):
                return got
        raise ConnectionLostError("the monitor closed its connection before the expected event")


class Qmp:
    """One connection to a QMP server, made by `serve_qmp`. Several tasks may execute commands at once."""

    def __init__(self, name: str, thread: AsyncioThread, *, agent: bool) -> None:
        self.name = name
        self._thread = thread
        self._client = _Client(name)
        # The guest agent speaks QMP without handshake and without events.
        self._client.await_greeting = not agent
        self._client.negotiate = not agent
        self._listeners: dict[trio.MemorySendChannel[Event], frozenset[str]] = {}
        self._scope = trio.CancelScope()
        self._closed = False

    async def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """What the server returns for `command`: its type is the server's to choose, so use ask() to look at it.

        Raises RefusedError, ConnectionLostError, or RigError for an answer that is neither a result nor an error.
        """
        try:
            return await self._thread.run(lambda: self._client.execute(command, arguments))
        except ExecuteError as error:
            raise RefusedError(command, printable(error.error_class), printable(str(error))) from error
        except (ExecInterruptedError, StateError, OSError, EOFError) as error:
            why = self._client.problem and f": {self._client.problem}"
            raise ConnectionLostError(f"{self.name}: the connection ended during {command}{why}") from error
        except QMPError as error:
            raise RigError(f"{self.name}: the answer to {command} is not QMP: {_in_short(error)}") from error

    async def ask(self, command: str, kind: type[T], arguments: Mapping[str, object] | None = None) -> T:
        """As execute(), with the result as this type. Raises RigError too for a result that does not fit."""
        return answer_of(self.name, command, await self.execute(command, arguments), kind)

    @contextmanager
    def listening(self, *names: str) -> Iterator[Events]:
        """Collect the events of these names from now on. Start this before the command that causes them."""
        send, receive = trio.open_memory_channel[Event](math.inf)
        if self._closed:
            send.close()
        self._listeners[send] = frozenset(names)
        try:
            yield Events(receive)
        finally:
            del self._listeners[send]
            send.close()
            receive.close()

    def stop(self) -> None:
        """End the connection. Its service task closes it and ends."""
        self._scope.cancel()

    async def serve(self, address: Path | socket.socket, *, task_status: trio.TaskStatus["Qmp"]) -> None:
        """Connect, report readiness, and hand events to the listeners until the connection ends or `stop` is called."""
        with self._scope:
            try:
                await self._connect(address)
                task_status.started(self)
                await self._thread.run(self._until_disconnected)
            finally:
                self._closed = True
                for listener in self._listeners:
                    listener.close()
                await self._disconnect()

    async def _connect(self, address: Path | socket.socket) -> None:
        target = str(address) if isinstance(address, Path) else address
        self._client.register_listener(_Forwarder(lambda event: self._thread.call_trio(self._dispatch, event)))
        try:
            await self._thread.run(lambda: self._client.connect(target))
        except ConnectError as error:
            raise ConnectionLostError(f"{self.name}: {_in_short(error)} ({address})") from error

    async def _until_disconnected(self) -> None:
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()

    def _dispatch(self, event: Event) -> None:
        for listener, names in list(self._listeners.items()):
            if event["event"] in names and not self._closed:
                listener.send_nowait(event)

    async def _disconnect(self) -> None:
        # How the connection ended no longer matters; after a message that is not QMP, the client raises anything.
        with trio.CancelScope(shield=True), suppress(Exception):
            await self._thread.run(self._client.disconnect)


class _Forwarder(EventListener):
    """Passes each event from the asyncio thread to trio at once, instead of queueing it."""

    def __init__(self, forward: Callable[[Event], None]) -> None:
        super().__init__()
        self._forward = forward

    async def put(self, event: Message) -> None:
        if isinstance(event.get("event"), str) and isinstance(event.get("data", {}), Mapping):
            self._forward(dict(event))


class _Client(QMPClient):
    """Keeps what was wrong with the last message, which the library only logs."""

    problem = ""

    async def _do_recv(self) -> Message:
        try:
            return await super()._do_recv()
        except (EOFError, OSError):
            raise
        except Exception as error:
            self.problem = f"it sent a message that is not QMP: {_in_short(error)}"
            raise

    async def _on_message(self, msg: Message) -> None:
        try:
            await super()._on_message(msg)
        except Exception as error:
            self.problem = f"it sent a message that is not an answer: {_in_short(error)}"
            raise


def answer_of(name: str, command: str, answer: object, kind: type[T]) -> T:
    """The answer of this server to `command`, as this type. Raises RigError when it does not fit."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        said = printable(_shown.repr(answer))
        raise RigError(f"{name} answered {command} with {said}: {printable(str(error))}") from None


def _in_short(error: Exception) -> str:
    return printable(str(error) or type(error).__name__, limit=400)


async def serve_qmp(
    name: str,
    address: Path | socket.socket,
    thread: AsyncioThread,
    *,
    agent: bool = False,
    task_status: trio.TaskStatus[Qmp],
) -> None:
    """A service: start it with `qmp = await nursery.start(serve_qmp, ...)`.

    `address` is the path of a unix socket, or a connected socket, which this service then owns. `agent` is for the
    guest agent, which speaks QMP without greeting, negotiation or events. Raises ConnectionLostError when it cannot
    connect.
    """
    await Qmp(name, thread, agent=agent).serve(address, task_status=task_status)
