# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's one thread: library, wire, rings and monitor in a loop that polls under traffic and else sleeps."""

from __future__ import annotations

import errno
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol

from nicrig_device.card import Card
from nicrig_device.dma.shared_memory import LostMemory
from nicrig_device.log import ONCE, flood, log, traced
from nicrig_device.models.base import CardModel
from nicrig_device.monitor.commands import CardCommands
from nicrig_device.monitor.server import MonitorServer
from nicrig_device.pci_function import CardFunction
from nicrig_device.spec.registers import VECTORS
from nicrig_device.vfio_user.endpoint import Endpoint, Loop
from nicrig_device.vfio_user.library import Library
from nicrig_device.wire.hub import SocketWire
from nicrig_device.wire.peer import STALL_SECONDS, WirePeer
from nicrig_interface.files import MONITOR_SOCKET, VFIO_SOCKET, WIRE_SOCKET
from nicrig_interface.vocabulary import InterruptMode

SPIN_SECONDS = 0.0005
"""How long the loop polls after the last work: longer than a guest takes to answer."""
NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""With these errors of accept() the connection stays, and would wake the loop up at once."""
PAUSE_SECONDS = 0.1
"""How long the card then lets connections wait, at most."""


class Watched(NamedTuple):
    """What the loop does for a descriptor: `handle` takes its events and says whether there was work."""

    handle: Callable[[int], bool]
    drop: Callable[[], None] | None


class Server(Protocol):
    """The part of the card behind a listening socket."""

    listener: socket.socket

    def accept(self) -> None:
        """Accept a connection. Raises OSError."""


class Service:
    """A card with its sockets in one folder. Use it as a context manager and call run()."""

    def __init__(
        self, folder: Path, library: Library, kind: type[CardModel], mac: bytes, interrupts: InterruptMode
    ) -> None:
        self._watched: dict[int, Watched] = {}
        self._paused: dict[int, float] = {}
        """Listening sockets that the loop does not watch for now, with the end of their pause."""
        self._stopping = False
        with ExitStack() as parts:  # if one part fails, those before it are closed
            self._epoll = parts.enter_context(select.epoll())
            wire = SocketWire(folder / WIRE_SOCKET, self._watch_peer, self._unwatch_peer, self._want_room)
            self._wire = parts.enter_context(closing(wire))
            vectors = VECTORS if interrupts == "msix" else 1
            self.card = parts.enter_context(closing(Card(kind, mac, vectors, self._wire, self._fire, folder)))
            commands = CardCommands(self.card, interrupts, folder, wire)
            watch = (self._watch_session, self._unwatch_connection)
            monitor = MonitorServer(folder / MONITOR_SOCKET, commands, self.card.trace, *watch)
            self._monitor = parts.enter_context(closing(monitor))
            lost_memory = parts.enter_context(LostMemory())
            for ring in self.card.record_rings:
                lost_memory.add(ring.area)
            function = CardFunction(self.card)
            bars = function.bars()
            loop = Loop(self._watch_client, self._unwatch_connection, self._client_changed)
            endpoint = Endpoint(library, folder / VFIO_SOCKET, function, interrupts, vectors, bars, loop, lost_memory)
            self._endpoint = parts.enter_context(closing(endpoint))
            self._wake_reader, self._wake_writer = socket.socketpair()
            for end in (self._wake_reader, self._wake_writer):
                parts.enter_context(end).setblocking(False)
            self._parts = parts.pop_all()

    def __enter__(self) -> Service:
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.siginterrupt(signal.SIGALRM, True)
        self._watch(self._wake_reader.fileno(), self._drain_wake)
        self._watch_listener(self._wire)
        self._watch_listener(self._monitor)
        self._watch_listener(self._endpoint)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        self._parts.close()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        busy_until = 0.0
        while not self._stopping:
            now = time.monotonic()
            timeout = 0.0
            if now >= busy_until and self._guard(self.card.may_sleep, now):
                timeout = self._sleep_seconds(now)
            if self._turn(timeout):
                busy_until = time.monotonic() + SPIN_SECONDS

    def _sleep_seconds(self, now: float) -> float:
        """How long to block: until something is due, or until a full wire counts as stalled. -1: no limit."""
        stalled = now + STALL_SECONDS if self._wire.full() else None
        parts = (self.card.next_due, self._monitor.due(), self._endpoint.due(), flood.due(now), stalled)
        first = min((due for due in (*parts, *self._paused.values()) if due is not None), default=None)
        return -1.0 if first is None else max(0.0, first - now)

    def _turn(self, timeout: float) -> bool:
        """Wait at most timeout seconds for a descriptor, then work the rings. Returns whether there was work."""
        worked = False
        ready = self._epoll.poll(timeout)
        if self._paused:
            self._end_pauses(time.monotonic())
        self.card.trace.begin()
        for fd, events in ready:
            watched = self._watched.get(fd)
            worked |= watched is not None and self._guard(watched.handle, events, otherwise=watched.drop)
        due = self._endpoint.due()
        if due is not None and due <= time.monotonic():
            worked = True
            self._guard(self._endpoint.work)
        self.card.wake()
        worked |= self._guard(self.card.transmit)
        worked |= self._guard(self._monitor.work)
        self._guard(self.card.interrupt, time.monotonic())
        return worked

    def _guard(
        self, work: Callable[..., bool | None], *given: object, otherwise: Callable[[], None] | None = None
    ) -> bool:
        """Do a piece of work. Returns whether there was any.

        Whatever it raises costs its connection or its batch and a line in the log, never the card. No signal raises
        anything here: SIGTERM and SIGINT only set a flag and wake the loop up.
        """
        try:
            return bool(work(*given))
        except BaseException as error:
            log.error("an error in the card costs a connection or a batch: %s", traced(error), extra=ONCE)
            if otherwise is not None:
                self._guard(otherwise)
            return False

    # -- descriptors --------------------------------------------------------------------------------
    def _watch(
        self,
        fd: int,
        handle: Callable[[int], bool],
        drop: Callable[[], None] | None = None,
        events: int = select.EPOLLIN,
    ) -> None:
        """Call `handle` with the events of a descriptor, and `drop` when that raises anything."""
        self._watched[fd] = Watched(handle, drop)
        self._epoll.register(fd, events)

    def _unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            with suppress(OSError):  # already closed: the kernel has removed it
                self._epoll.unregister(fd)

    def _watch_client(self, connection: socket.socket, serve: Callable[[], None]) -> None:
        """Watch edges: the rest of an incomplete message wakes the loop up, and its beginning does not."""
        self._watch(connection.fileno(), partial(self._serve_connection, serve), events=select.EPOLLIN | select.EPOLLET)

    def _client_changed(self, connected: bool) -> None:
        log.info("client %s", "connected" if connected else "disconnected")
        if connected:  # the next one waits until this one has left
            self._unwatch(self._endpoint.listener.fileno())
        else:
            self._watch_listener(self._endpoint)
        self._monitor.client(connected)

    def _watch_listener(self, server: Server) -> None:
        self._watch(server.listener.fileno(), partial(self._accept, server))

    def _accept(self, server: Server, _: int) -> bool:
        try:
            server.accept()
        except OSError as error:
            log.warning("accept: %s", error)
            if error.errno in NO_ROOM:
                self._epoll.modify(server.listener, 0)
                self._paused[server.listener.fileno()] = time.monotonic() + PAUSE_SECONDS
        return True

    def _end_pauses(self, now: float) -> None:
        for fd in [fd for fd, end in self._paused.items() if end <= now]:
            del self._paused[fd]
            if fd in self._watched:
                self._epoll.modify(fd, select.EPOLLIN)

    def _watch_peer(self, peer: WirePeer) -> None:
        serve, drop = partial(self._serve_peer, peer), partial(self._wire.drop, peer, "an error in the card")
        self._watch(peer.connection.fileno(), serve, drop)

    def _unwatch_peer(self, peer: WirePeer) -> None:
        self._unwatch(peer.connection.fileno())

    def _want_room(self, peer: WirePeer, wanted: bool) -> None:
        """Watch for room in a peer's socket while a batch waits."""
        self._epoll.modify(peer.connection.fileno(), select.EPOLLIN | (select.EPOLLOUT if wanted else 0))

    def _serve_peer(self, peer: WirePeer, events: int) -> bool:
        if events & select.EPOLLOUT:
            self._wire.flush(peer)
        frames = self._wire.receive(peer)
        if frames is None or not len(frames):
            return False
        self._guard(self.card.receive, frames)
        return True

    def _watch_session(self, connection: socket.socket, serve: Callable[[], None]) -> None:
        self._watch(connection.fileno(), partial(self._serve_connection, serve))

    def _serve_connection(self, serve: Callable[[], None], _: int) -> bool:
        serve()
        return True

    def _unwatch_connection(self, connection: socket.socket) -> None:
        self._unwatch(connection.fileno())

    # -- signals and vectors ------------------------------------------------------------------------
    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _drain_wake(self, _: int) -> bool:
        with suppress(BlockingIOError):
            self._wake_reader.recv(256)
        return False

    def _fire(self, vector: int) -> bool:
        return self._endpoint.trigger(vector)
