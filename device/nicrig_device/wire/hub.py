# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire as a unix socket: a hub for several peers, none of which is waited for, or harms another."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.wire.framing import FramingError
from nicrig_device.wire.listener import listen, unlisten
from nicrig_device.wire.peer import WirePeer

PEERS_MAX = 8

log = logging.getLogger("nicrig_device")


class SocketWire:
    """What any peer sends goes to the card, what the card sends goes to every peer.

    `watch(peer)` and `unwatch(peer)` are told who comes and goes, `want_room(peer, whether)` who has bytes that wait
    for room in its socket.
    """

    def __init__(
        self,
        path: Path,
        watch: Callable[[WirePeer], None],
        unwatch: Callable[[WirePeer], None],
        want_room: Callable[[WirePeer, bool], None],
    ) -> None:
        self.listener = listen(path)
        self.peers: tuple[WirePeer, ...] = ()
        self._watch = watch
        self._unwatch = unwatch
        self._want_room = want_room
        self._behind: set[WirePeer] = set()

    def full(self) -> bool:
        """Whether a peer that reads has not taken the last batch yet."""
        return bool(self._behind) and any(not peer.stalled() for peer in self._behind)

    def refusal(self) -> str | None:
        for peer in self.peers:
            if peer.listening and peer not in self._behind:
                return None
        return "tx_stalled" if self._behind else "tx_no_peer"

    def accept(self) -> None:
        """Take the next peer; one too many is turned away."""
        connection, _ = self.listener.accept()
        if len(self.peers) >= PEERS_MAX:
            log.warning("wire: %d peers are connected, another is turned away", PEERS_MAX)
            connection.close()
            return
        peer = WirePeer(connection)
        self.peers += (peer,)
        self._watch(peer)

    def receive(self, peer: WirePeer) -> Frames | None:
        """The frames that have come from a peer, or None; valid until its next call."""
        try:
            return peer.receive()
        except EOFError:
            self.drop(peer)
        except (OSError, FramingError) as error:
            self.drop(peer, str(error))
        return None

    def send(self, framed: Bytes, frames: int) -> None:
        for peer in self.peers:
            try:
                peer.send(framed.data, frames)
            except OSError as error:
                self.drop(peer, str(error))
            else:
                self._note(peer)

    def flush(self, peer: WirePeer) -> None:
        """There is room in a peer's socket again."""
        try:
            peer.flush()
        except OSError as error:
            self.drop(peer, str(error))
        else:
            self._note(peer)

    def _note(self, peer: WirePeer) -> None:
        behind = bool(peer.unsent)
        if behind != (peer in self._behind):
            (self._behind.add if behind else self._behind.remove)(peer)
            self._want_room(peer, behind)

    def drop(self, peer: WirePeer, why: str = "") -> None:
        """Close a connection; the others do not notice."""
        if peer not in self.peers:
            return
        if why:
            log.warning("wire: peer dropped: %s", why)
        self._unwatch(peer)
        peer.connection.close()
        self._behind.discard(peer)
        self.peers = tuple(other for other in self.peers if other is not peer)

    def close(self) -> None:
        for peer in self.peers:
            self.drop(peer)
        unlisten(self.listener)
