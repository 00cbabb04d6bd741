# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as a test writes them."""

from __future__ import annotations

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, LLC, STP, Dot3, Ether
from scapy.packet import Packet

from nicrig.pytest_plugin.expected_packets import Addresses, Wanted, differences, like, nearest

HERE = Addresses("52:54:00:6e:69:63", "10.0.0.2", "02:00:00:00:00:01", "10.0.0.1")


def received(packet: Packet) -> Packet:
    """As it comes from the wire."""
    return Ether(bytes(packet))


def test_addresses_that_are_left_open_are_filled_in() -> None:
    made = Ether(HERE.frame(IP() / UDP(dport=7) / b"hi"))
    assert (made.src, made.dst) == (HERE.bench_mac, HERE.mac)
    assert (made[IP].src, made[IP].dst) == (HERE.bench_ip, HERE.guest_ip)
    asked = Ether(HERE.frame(ARP()))[ARP]
    assert (asked.hwsrc, asked.psrc, asked.pdst) == (HERE.bench_mac, HERE.bench_ip, HERE.guest_ip)


@pytest.mark.parametrize(
    ("packet", "destination"),
    [
        (IP(dst="224.0.0.251") / UDP(), "01:00:5e:00:00:fb"),
        (ARP(op="who-has"), "ff:ff:ff:ff:ff:ff"),
        (Ether() / IP(dst="10.0.0.255") / UDP(), "ff:ff:ff:ff:ff:ff"),
        (Dot3() / LLC() / STP(), HERE.mac),
    ],
)
def test_a_frame_to_many_hosts_goes_to_them(packet: Packet, destination: str) -> None:
    assert Dot3(HERE.frame(packet)).dst == destination


def test_addresses_that_are_given_stay_and_the_packet_is_not_changed() -> None:
    packet = Ether(dst="ff:ff:ff:ff:ff:ff") / IP(src="192.0.2.1", dst="192.0.2.2") / ICMP()
    made = Ether(HERE.frame(packet))
    assert (made.dst, made[IP].src, made[IP].dst) == ("ff:ff:ff:ff:ff:ff", "192.0.2.1", "192.0.2.2")
    assert "src" not in packet.fields


def test_bytes_are_a_frame_as_it_is() -> None:
    assert HERE.frame(b"whatever") == b"whatever"


GOT = received(Ether() / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=7, dport=53) / b"hi" / b"")
PADDED = Ether(bytes(Ether() / IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=7, dport=9) / b"hi") + bytes(16))


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (GOT, UDP),
        (GOT, UDP(sport=7)),
        (GOT, IP(src="10.0.0.2") / UDP()),
        (GOT, bytes(GOT)),
        (PADDED, UDP() / b"hi"),
        (received(IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=1) / DNS(id=7)).__class__() / GOT[IP], IP),
    ],
)
def test_what_is_wanted_is_found(got: Packet, wanted: Wanted) -> None:
    assert like(got, wanted)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (TCP, "TCP"),
        (UDP(sport=8), "sport"),
        (IP(src="10.0.0.3") / UDP(sport=7), "src"),
        (UDP() / b"ho", "payload"),
        (b"ho", "frame"),
    ],
)
def test_a_difference_is_named_by_layer_and_field(wanted: Wanted, told: str) -> None:
    found = differences(PADDED, wanted)
    assert len(found) == 1
    assert told in str(found[0])


def test_a_payload_counts_whatever_scapy_takes_it_for() -> None:
    """Port 53 is DNS for scapy, and two bytes are none."""
    assert like(GOT, UDP() / b"hi")
    assert not like(GOT, UDP() / b"ho")


def test_the_nearest_frame_is_shown() -> None:
    seen = [received(Ether() / ARP()), PADDED]
    head, *rest = nearest(seen, IP(src="10.0.0.2") / UDP(dport=8))
    assert head.startswith("of 2 frames out of the guest, number 2 ")
    assert [line.split() for line in rest] == [["UDP", "dport", "expected", "8", "got", "9"]]


def test_the_error_says_that_no_frame_came() -> None:
    assert nearest([], UDP) == ["no frame came out of the guest"]
