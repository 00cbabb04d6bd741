# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from device import wire_socket
from device.wire_socket import SocketWire
from tests.fakes.wire_peer import WirePeer, frame_bytes


class Wired:
    """A wire with a connected peer, and what the wire told its watcher."""

    def __init__(self, folder: Path) -> None:
        self.watched: list[socket.socket | None] = []
        self.path = folder / "wire"
        self.wire = SocketWire(self.path, self.watched.append)
        self.peer = WirePeer(self.path)
        self.wire.accept()

    def received(self) -> list[bytes]:
        frames = self.wire.receive()
        return frames.tolist() if frames else []

    def close(self) -> None:
        self.peer.close()
        self.wire.close()


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    made = Wired(tmp_path)
    yield made
    made.close()


def test_frames_come_as_one_batch(wired: Wired) -> None:
    wired.peer.send([b"a" * 60, b"b" * 1514])
    assert wired.received() == [b"a" * 60, b"b" * 1514]


def test_a_frame_cut_in_two_comes_whole(wired: Wired) -> None:
    stream = frame_bytes([b"first", b"second"])
    wired.peer.send_bytes(stream[:12])
    assert wired.received() == [b"first"]
    wired.peer.send_bytes(stream[12:])
    assert wired.received() == [b"second"]


def test_a_peer_without_framing_is_dropped_and_the_next_one_served(wired: Wired) -> None:
    wired.peer.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
    assert wired.received() == []
    assert wired.watched[-1] is None
    with WirePeer(wired.path) as peer:
        wired.wire.accept()
        peer.send([b"honest"])
        assert wired.received() == [b"honest"]


def test_a_peer_that_leaves_in_mid_frame_leaves_nothing_behind(wired: Wired) -> None:
    wired.peer.send_bytes(frame_bytes([b"x" * 100])[:50])
    assert wired.received() == []
    wired.peer.close()
    assert wired.received() == []
    with WirePeer(wired.path) as peer:
        wired.wire.accept()
        peer.send([b"next"])
        assert wired.received() == [b"next"]


def test_a_second_peer_is_turned_away(wired: Wired) -> None:
    with WirePeer(wired.path) as second:
        wired.wire.accept()
        with pytest.raises(ConnectionResetError):
            second.receive(1)
    wired.peer.send([b"still here"])
    assert wired.received() == [b"still here"]


def test_without_a_peer_frames_are_dropped_under_their_counter(wired: Wired) -> None:
    wired.wire.drop_peer("")
    assert wired.wire.refusal() == "tx_no_peer"


def test_a_peer_that_does_not_read_fills_the_wire_and_gets_all_once_it_does(wired: Wired) -> None:
    frames = [bytes([index]) * 1514 for index in range(64)]
    batch = np.frombuffer(frame_bytes(frames), np.uint8)
    sent = 0
    while not wired.wire.full():
        wired.wire.send(batch)
        sent += len(frames)
    got: list[bytes] = []
    while len(got) < sent:
        got += wired.peer.receive(32)
        wired.wire.flush()
    assert got == frames * (sent // len(frames))
    assert not wired.wire.full()


def test_a_stalled_peer_loses_frames_instead_of_stopping_the_transmitter(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = np.frombuffer(frame_bytes([b"x" * 1514] * 64), np.uint8)
    while not wired.wire.full():
        wired.wire.send(batch)
    assert wired.wire.refusal() is None
    monkeypatch.setattr(wire_socket, "STALL_SECONDS", 0.0)
    assert not wired.wire.full()
    assert wired.wire.refusal() == "tx_stalled"
