# SPDX-License-Identifier: GPL-2.0-or-later
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from nicrig.text.packet_summary import one_line, summary


class Rude(Packet):
    """A packet whose description quotes what it has."""

    def mysummary(self) -> str:
        return "\x1b[2J" + "x" * 1_200_000


def test_a_frame_of_a_guest_is_one_printable_line() -> None:
    query = DNS(qd=DNSQR(qname=b"\x1b[2J\x9b.example"))
    assert summary(bytes(Ether() / IP(dst="10.0.0.2") / UDP() / query)).isprintable()


def test_whatever_scapy_says_is_printable_and_bounded() -> None:
    shown = one_line(Rude())
    assert shown.isprintable()
    assert len(shown) < 5000
