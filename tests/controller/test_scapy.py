# SPDX-License-Identifier: GPL-2.0-or-later
"""scapy on a rig's wire. A class here plays the card; tests/system tests the answers of a guest."""

from __future__ import annotations

import fcntl
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.config import conf
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet
from scapy.sendrecv import AsyncSniffer, sendp, sniff, srp1

from nicrig import scapy
from nicrig.card.wire import Deframer, pack
from nicrig.errors import RigError, UsageError
from nicrig.rundir.directories import named_directory
from nicrig.rundir.paths import RigPaths

IFACE = "nicrig-dev"
GUEST = Ether(src="52:54:00:6e:69:63", dst="02:00:00:00:00:01") / IP(src="10.0.0.2", dst="10.0.0.1")
PING, DATAGRAM = GUEST / ICMP(seq=1), GUEST / UDP(sport=7, dport=1024) / b"hi"
TO_GUEST = Ether(src="02:00:00:00:00:01", dst="52:54:00:6e:69:63") / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP()


class PlayedCard:
    """The card's end of the wire."""

    def __init__(self, paths: RigPaths) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(paths.wire))
        self.listener.listen()
        self.listener.settimeout(5)
        self.peers: list[socket.socket] = []

    def sends(self, *packets: Packet) -> None:
        """Send these to the next peer that connects."""
        peer, _ = self.listener.accept()
        self.peers.append(peer)
        peer.sendall(pack(map(bytes, packets)))

    def received(self) -> list[bytes]:
        """All frames of the next peer that connects. Waits until it disconnects."""
        peer, _ = self.listener.accept()
        with peer, peer.makefile("rb") as stream:
            return Deframer().feed(stream.read())

    def close(self) -> None:
        for each in (self.listener, *self.peers):
            each.close()


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedCard]:
    """A rig called dev."""
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path))
    with named_directory("dev") as paths:
        made = PlayedCard(paths)
        conf.ifaces.reload()
        yield made
        made.close()
    conf.ifaces.reload()


def test_a_running_rig_is_an_interface(card: PlayedCard) -> None:
    interface = conf.ifaces[IFACE]
    assert (interface.name, interface.mac, interface.ip) == (IFACE, "02:00:00:00:00:01", "10.0.0.1")
    assert IFACE in str(conf.ifaces.show(print_result=False))
    assert conf.route.route("10.0.0.2")[:2] == (IFACE, "10.0.0.1")


def test_a_rig_that_no_longer_runs_is_no_interface(
    card: PlayedCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path / "nowhere"))
    conf.ifaces.reload()
    assert IFACE not in conf.ifaces
    assert conf.route.route("10.0.0.2", verbose=0)[0] != IFACE


def test_sendp_puts_frames_on_the_wire(card: PlayedCard) -> None:
    sendp([TO_GUEST, TO_GUEST / b"more"], iface=IFACE, verbose=0)
    assert card.received() == [bytes(TO_GUEST), bytes(TO_GUEST / b"more")]


def test_a_frame_that_no_wire_takes_is_an_error_and_the_socket_goes_on(card: PlayedCard) -> None:
    with conf.ifaces[IFACE].l2socket()(iface=IFACE) as sending:
        with pytest.raises(UsageError, match="a frame of 140014 bytes is longer"):
            sending.send(Ether(src="02:00:00:00:00:01", dst="52:54:00:6e:69:63") / bytes(140_000))
        sending.send(TO_GUEST)
    assert card.received() == [bytes(TO_GUEST)]


def test_a_broadcast_needs_no_address(card: PlayedCard) -> None:
    sendp(Ether() / ARP(pdst="10.0.0.2"), iface=IFACE, verbose=0)
    (frame,) = card.received()
    asked = Ether(frame)
    assert (asked.dst, asked.src, asked[ARP].psrc) == ("ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", "10.0.0.1")


def test_a_multicast_goes_to_its_group_and_inner_headers_ask_no_network(card: PlayedCard) -> None:
    inner = Ether(dst="52:54:00:6e:69:63") / IP(dst="192.168.7.9") / ICMP()
    sendp(Ether() / IP(dst="224.0.0.251") / UDP(dport=4789) / VXLAN() / inner, iface=IFACE, verbose=0)
    outer = Ether(card.received()[0])
    within = outer[VXLAN].payload
    assert outer.dst == "01:00:5e:00:00:fb"
    assert (within.src, within[IP].src) == ("02:00:00:00:00:01", "10.0.0.1")


def test_a_sniffer_gets_the_frames_that_match_its_filter(card: PlayedCard) -> None:
    found = sniff(
        iface=IFACE, filter="icmp", count=2, timeout=5, started_callback=lambda: card.sends(PING, DATAGRAM, PING)
    )
    assert [bytes(packet) for packet in found] == [bytes(PING), bytes(PING)]
    assert found[0].sniffed_on == IFACE


def test_a_sniffer_in_a_thread_returns_its_frames(card: PlayedCard) -> None:
    sniffer = AsyncSniffer(iface=IFACE, count=1, started_callback=lambda: card.sends(DATAGRAM))
    sniffer.start()
    sniffer.join(timeout=5)
    assert [bytes(packet) for packet in sniffer.results or ()] == [bytes(DATAGRAM)]


def test_an_invalid_filter_is_an_error(card: PlayedCard) -> None:
    for expression, message in (("iccmp", "'iccmp' is not valid"), ("outbound", "'outbound' needs more than")):
        with pytest.raises(UsageError, match=message):
            sniff(iface=IFACE, filter=expression, timeout=1)
    sniffer = AsyncSniffer(iface=IFACE, filter="iccmp")
    sniffer.start()
    with pytest.raises(UsageError, match="'iccmp' is not valid"):
        sniffer.join(timeout=5)


def test_a_sockets_sniff_method_applies_the_filter(card: PlayedCard) -> None:
    """scapy ignores filter= together with opened_socket=, which the socket's method passes."""
    with conf.ifaces[IFACE].l2listen()(iface=IFACE) as listening:
        card.sends(DATAGRAM, PING)
        (found,) = listening.sniff(filter="icmp", count=1, timeout=5)
    assert bytes(found) == bytes(PING)


def test_srp1_returns_none_when_no_answer_comes(card: PlayedCard) -> None:
    started = time.monotonic()
    assert srp1(TO_GUEST, iface=IFACE, timeout=0.2, verbose=0) is None
    assert time.monotonic() - started < 5


def test_the_end_of_the_card_ends_the_sniffer(card: PlayedCard) -> None:
    def send_and_disconnect() -> None:
        card.sends(PING)
        card.peers[0].close()

    assert len(sniff(iface=IFACE, started_callback=send_and_disconnect)) == 1


def test_a_card_that_reads_nothing_is_an_error_after_a_deadline(
    card: PlayedCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scapy, "PATIENCE", 0.1)
    with pytest.raises(TimeoutError):
        sendp([TO_GUEST / bytes(1400)] * 1000, iface=IFACE, verbose=0)


def test_a_dead_socket_is_an_error_with_its_path(card: PlayedCard) -> None:
    card.listener.close()
    with pytest.raises(RigError, match=r"no card listens at .*/dev/wire\.sock: Connection refused"):
        sendp(TO_GUEST, iface=IFACE, verbose=0)


def test_a_listening_socket_cannot_send(card: PlayedCard) -> None:
    with conf.ifaces[IFACE].l2listen()(iface=IFACE) as listening, pytest.raises(RigError, match="sendp"):
        listening.send(TO_GUEST)


def test_file_descriptors_above_1023_work(card: PlayedCard) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1100), hard))
    with conf.ifaces[IFACE].l2socket()(iface=IFACE) as low:
        low.ins = low.outs = socket.socket(fileno=fcntl.fcntl(low.ins.detach(), fcntl.F_DUPFD_CLOEXEC, 1024))
        card.sends(PING)
        assert low.fileno() >= 1024
        assert [bytes(packet) for packet in low.sniff(count=1, timeout=5)] == [bytes(PING)]
