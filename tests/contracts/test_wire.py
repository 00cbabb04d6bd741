# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire as a hub (docs/sockets.md), on the card's process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.conftest import Bench
from tests.contracts.test_receive import frames_of
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real


@pytest.fixture
def second(real_bench: Bench) -> Iterator[WirePeer]:
    """One more peer besides the bench's own."""
    assert isinstance(real_bench.peer, WirePeer)
    with WirePeer(real_bench.peer.path) as peer:
        yield peer


def test_two_peers_both_send_and_both_get_everything(real_bench: Bench, second: WirePeer) -> None:
    driver = real_bench.driver
    driver.start()
    driver.post_receives()
    one, other = frames_of(60, 61, 62), frames_of(63, 64)
    real_bench.peer.send(one)
    assert driver.receive_exactly(3) == one
    second.send(other)
    assert driver.receive_exactly(2) == other
    driver.send_and_reap(one)
    assert real_bench.peer.receive(3) == second.receive(3) == one


def test_a_peer_that_does_not_read_costs_the_other_a_second_and_no_frame(real_bench: Bench, second: WirePeer) -> None:
    driver = real_bench.driver
    driver.start(tx_size=256)
    frames = frames_of(*(1514,) * 256)
    for _ in range(8):
        driver.send_and_reap(frames)
        assert second.receive(len(frames)) == frames
    counters = real_bench.counters()
    assert (counters["tx_frames"], counters["tx_stalled"]) == (8 * 256, 0)
    # The sleeper finds complete frames in its socket, from the first one on.
    assert real_bench.peer.receive(256) == frames


def test_a_peer_without_framing_is_cut_off_and_the_other_served(real_bench: Bench, second: WirePeer) -> None:
    driver = real_bench.driver
    driver.start()
    driver.post_receives()
    second.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        second.receive(1)
    sent = frames_of(60)
    real_bench.peer.send(sent)
    assert driver.receive_exactly(1) == sent
