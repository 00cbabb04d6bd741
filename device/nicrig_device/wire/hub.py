# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire as a unix socket: a hub for several peers. It waits for none, and none disturbs another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.log import log
from nicrig_device.wire.framing import FramingError
from nicrig_device.wire.listener import listen, unlisten
from nicrig_device.wire.peer import WirePeer

PEERS_MAX = 8


class SocketWire:
    """Frames from any peer go to the card; frames from the card go to every peer.

    It calls `watch(peer)` for a new peer and `unwatch(peer)` for one that goes, and `want_room(peer, True)` while
    bytes wait for room in the peer's socket.
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
        """Accept the next peer, or close its connection when there are PEERS_MAX."""
        connection, _ = self.listener.accept()
        if len(self.peers) >= PEERS_MAX:
            log.warning("wire: connection refused: %d peers are connected, the most there may be", PEERS_MAX)
            connection.close()
            return
        peer = WirePeer(connection)
        self.peers += (peer,)
        self._watch(peer)

    def receive(self, peer: WirePeer) -> Frames | None:
        """The frames that a peer has sent, or None. Valid until the next call."""
        try:
            return peer.receive()
        except EOFError:
            self.drop(peer)
        except OSError as error:
            self.drop(peer, str(error))
        except FramingError as error:
            self.drop(peer, str(error))
            return error.frames
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
        """Write to a peer whose socket has room again."""
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
        """Close one peer's connection."""
        if peer not in self.peers:
            return
        if why:
            log.warning("wire: disconnecting a peer: %s", why)
        self._unwatch(peer)
        peer.connection.close()
        self._behind.discard(peer)
        self.peers = tuple(other for other in self.peers if other is not peer)

    def close(self) -> None:
        for peer in self.peers:
            self.drop(peer)
        unlisten(self.listener)
