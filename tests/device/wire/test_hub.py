# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nicrig_device.wire import peer
from nicrig_device.wire.hub import PEERS_MAX, SocketWire
from nicrig_device.wire.peer import WirePeer as Connection
from tests.fakes.wire_peer import WirePeer, frame_bytes

BATCH = [bytes([index]) * 1514 for index in range(64)]


class Wired:
    """A wire with a connected peer, and the calls that the wire made to its loop."""

    def __init__(self, folder: Path) -> None:
        self.watched: list[Connection] = []
        self.roomless: set[Connection] = set()
        self.path = folder / "wire"
        self.wire = SocketWire(self.path, self.watched.append, self.watched.remove, self.want_room)
        self.peer = self.connect()

    def want_room(self, connection: Connection, wanted: bool) -> None:
        assert wanted != (connection in self.roomless)
        (self.roomless.add if wanted else self.roomless.remove)(connection)

    def connect(self) -> WirePeer:
        """One more peer. The wire may refuse it."""
        peer = WirePeer(self.path)
        self.wire.accept()
        return peer

    def received(self, which: int = 0) -> list[bytes]:
        frames = self.wire.receive(self.watched[which])
        return frames.tolist() if frames else []

    def send(self, frames: list[bytes]) -> None:
        self.wire.send(np.frombuffer(frame_bytes(frames), np.uint8), len(frames))

    def fill(self, *readers: WirePeer) -> int:
        """Send batches, which the readers take, until another peer takes no more. Returns how many."""
        times = 0
        while not self.wire.full():
            self.send(BATCH)
            times += 1
            for reader in readers:
                reader.receive(len(BATCH))
        return times

    def close(self) -> None:
        self.peer.close()
        self.wire.close()
        assert not self.watched


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    made = Wired(tmp_path)
    yield made
    made.close()


def test_frames_come_as_one_batch(wired: Wired) -> None:
    wired.peer.send([b"a" * 60, b"b" * 1514])
    assert wired.received() == [b"a" * 60, b"b" * 1514]


def test_a_peer_that_breaks_the_framing_is_dropped_and_its_frames_before_that_are_kept(wired: Wired) -> None:
    wired.peer.send_bytes(frame_bytes([b"a" * 60, b"b" * 60]) + bytes.fromhex("00024000") + b"c" * 60)
    assert wired.received() == [b"a" * 60, b"b" * 60]
    assert wired.wire.peers == ()


def test_a_frame_cut_in_two_comes_whole(wired: Wired) -> None:
    stream = frame_bytes([b"first", b"second"])
    wired.peer.send_bytes(stream[:12])
    assert wired.received() == [b"first"]
    wired.peer.send_bytes(stream[12:])
    assert wired.received() == [b"second"]


def test_a_peer_without_framing_is_dropped_and_the_next_one_served(wired: Wired) -> None:
    wired.peer.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
    assert wired.received() == []
    assert not wired.watched
    with wired.connect() as peer:
        peer.send([b"honest"])
        assert wired.received() == [b"honest"]


def test_a_peer_that_leaves_in_mid_frame_leaves_nothing_behind(wired: Wired) -> None:
    wired.peer.send_bytes(frame_bytes([b"x" * 100])[:50])
    assert wired.received() == []
    wired.peer.close()
    assert wired.received() == []
    with wired.connect() as peer:
        peer.send([b"next"])
        assert wired.received() == [b"next"]


def test_every_peer_is_heard_and_gets_all_that_the_card_sends(wired: Wired) -> None:
    with wired.connect() as second, wired.connect() as third:
        wired.peer.send([b"from the first"])
        third.send([b"from the third"])
        assert [wired.received(which) for which in range(3)] == [[b"from the first"], [], [b"from the third"]]
        wired.send([b"to", b"all"])
        assert [peer.receive(2) for peer in (wired.peer, second, third)] == [[b"to", b"all"]] * 3


def test_frames_that_two_peers_send_in_pieces_do_not_mix(wired: Wired) -> None:
    streams = [frame_bytes([bytes([65 + which]) * 9] * 2) for which in range(2)]
    with wired.connect() as second:
        for cut in range(0, len(streams[0]), 5):
            for which, peer in enumerate((wired.peer, second)):
                peer.send_bytes(streams[which][cut : cut + 5])
                assert set(wired.received(which)) <= {bytes([65 + which]) * 9}


def test_one_peer_too_many_is_turned_away(wired: Wired) -> None:
    more = [wired.connect() for _ in range(PEERS_MAX - 1)]
    with wired.connect() as ninth, pytest.raises(ConnectionResetError):
        ninth.receive(1)
    wired.send([b"still here"])
    for each in more:
        assert each.receive(1) == [b"still here"]
        each.close()
    for connection in wired.watched[1:]:
        wired.wire.receive(connection)
    with wired.connect() as peer:
        wired.send([b"room again"])
        assert peer.receive(1) == [b"room again"]


def test_what_one_peer_does_wrong_costs_the_others_nothing(wired: Wired) -> None:
    with wired.connect() as second:
        second.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
        assert wired.received(1) == []
        assert len(wired.watched) == 1
    wired.peer.send([b"honest"])
    assert wired.received() == [b"honest"]


def test_without_a_peer_frames_are_dropped_under_their_counter(wired: Wired) -> None:
    assert wired.wire.refusal() is None
    wired.wire.drop(wired.watched[0])
    assert wired.wire.refusal() == "tx_no_peer"


def test_a_peer_that_only_sends_holds_nothing_up_and_is_no_end_of_the_wire(wired: Wired) -> None:
    wired.peer.stop_receiving()
    wired.send([b"into the void"])
    assert not wired.wire.full()
    assert wired.wire.refusal() == "tx_no_peer"
    wired.peer.send([b"heard all the same"])
    assert wired.received() == [b"heard all the same"]
    with wired.connect() as second:
        assert wired.wire.refusal() is None
        wired.send([b"taken"])
        assert second.receive(1) == [b"taken"]


def test_a_peer_that_does_not_read_fills_the_wire_and_gets_all_once_it_does(wired: Wired) -> None:
    times = wired.fill()
    assert wired.roomless == set(wired.watched)
    got: list[bytes] = []
    while len(got) < times * len(BATCH):
        got += wired.peer.receive(32)
        wired.wire.flush(wired.watched[0])
    assert got == BATCH * times
    assert not wired.wire.full()
    assert not wired.roomless


def test_a_stalled_peer_loses_frames_instead_of_stopping_the_transmitter(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired.fill()
    assert wired.wire.refusal() == "tx_stalled"
    monkeypatch.setattr(peer, "STALL_SECONDS", 0.0)
    assert not wired.wire.full()
    assert wired.wire.refusal() == "tx_stalled"


def test_a_stalled_peer_loses_whole_frames_and_the_others_none(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    with wired.connect() as reader:
        times = wired.fill(reader)
        monkeypatch.setattr(peer, "STALL_SECONDS", 0.0)
        assert not wired.wire.full()
        assert wired.wire.refusal() is None
        wired.send([b"missed"] * 3)
        assert reader.receive(3) == [b"missed"] * 3
    assert wired.watched[0].lost == 3
    assert wired.peer.receive(1) == BATCH[:1]
    got = 1
    while wired.roomless:
        wired.wire.flush(wired.watched[0])
        got += len(wired.peer.receive(1))
    wired.send([b"seen again"])
    assert wired.peer.receive(times * len(BATCH) - got) == (BATCH * times)[got:]
    assert wired.peer.receive(1) == [b"seen again"]


def test_a_peer_that_goes_with_a_batch_half_taken_leaves_the_wire_to_the_others(wired: Wired) -> None:
    with wired.connect() as reader:
        wired.fill(reader)
        wired.peer.close()
        wired.wire.flush(wired.watched[0])
        assert not wired.wire.full()
        wired.received()
        assert len(wired.watched) == 1
        wired.send([b"on it goes"])
        assert reader.receive(1) == [b"on it goes"]
