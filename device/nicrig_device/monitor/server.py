# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's socket and its sessions, in the card's loop."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from nicrig_device.log import ONCE, log, traced
from nicrig_device.monitor.announcements import Announcements, ClientChanged
from nicrig_device.monitor.commands import CardCommands
from nicrig_device.monitor.session import Session
from nicrig_device.recorder import Trace
from nicrig_device.wire.listener import listen, unlisten

CLIENTS_MAX = 8


class MonitorServer:
    """The listening socket and its sessions; `watch` and `unwatch` put their sockets into the loop."""

    def __init__(
        self,
        path: Path,
        commands: CardCommands,
        trace: Trace,
        watch: Callable[[socket.socket, Callable[[], None]], None],
        unwatch: Callable[[socket.socket], None],
    ) -> None:
        self.listener = listen(path)
        self._commands = commands
        self._captures = trace.captures
        self._announcements = Announcements(trace)
        self.due = self._announcements.due
        self._watch = watch
        self._unwatch = unwatch
        self._sessions: list[Session] = []

    def accept(self) -> None:
        connection, _ = self.listener.accept()
        if len(self._sessions) >= CLIENTS_MAX and not self._make_room():
            log.warning("monitor: connection refused: %d clients are connected, the most there may be", CLIENTS_MAX)
            connection.close()
            return
        connection.setblocking(False)
        session = Session(connection, self._commands.table)
        self._sessions.append(session)
        self._watch(connection, lambda: self._serve(session))
        session.greet()

    def _make_room(self) -> bool:
        """End an idle session: one without negotiation, else the one that has been idle longest."""
        now = time.monotonic()
        idle = [session for session in self._sessions if session.idle(now) and session not in self._captures]
        if not idle:
            return False
        log.warning("monitor: disconnecting an idle client: another one needs its place")
        self._end(min(idle, key=lambda session: (session.negotiated, session.active_at)))
        return True

    def client(self, connected: bool) -> None:
        """QEMU has connected or disconnected."""
        self._commands.client = connected
        self._announcements.note(ClientChanged(connected))

    def work(self) -> bool:
        """Answer one message of each session that has read ahead, and send events. Returns whether there were any."""
        ahead = [session for session in self._sessions if session.waiting]
        for session in ahead:
            self._serve(session)
        sent = self._announcements.due() is not None and self._announce()
        return bool(ahead) or sent

    def _announce(self) -> bool:
        messages = self._announcements.take(time.monotonic())
        for session in [session for session in self._sessions if session.negotiated]:
            if not all(session.send(message) for message in messages):
                self._end(session)
        return bool(messages)

    def _serve(self, session: Session) -> None:
        try:
            goes_on = session.serve()
        except BaseException as error:
            log.error("monitor: disconnecting a client after an error in the card: %s", traced(error), extra=ONCE)
            goes_on = False
        if not goes_on:
            self._end(session)

    def _end(self, session: Session) -> None:
        self._sessions.remove(session)
        self._commands.forget(session)
        self._unwatch(session.connection)
        session.connection.close()

    def close(self) -> None:
        for session in list(self._sessions):
            self._end(session)
        unlisten(self.listener)
