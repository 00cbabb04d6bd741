# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that are left out are those of the wire, in every header, and this host is never asked for one."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.config import conf
from scapy.layers.hsrp import HSRP
from scapy.layers.inet import ICMP, IP, UDP, IPerror, UDPerror
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6ND_NS,
    ICMPv6NDOptSrcLLAddr,
    IPerror6,
    IPv6,
)
from scapy.layers.l2 import ARP, GRE, LLC, STP, Dot1Q, Dot3, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from nicrig.traffic.addressing import BROADCAST, addressed, layers

STATION, BENCH = "52:54:00:6e:69:63", "02:00:00:00:00:01"


@pytest.fixture(autouse=True)
def no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question about this host's routes, interfaces and neighbours is an error."""

    def asked(*arguments: Any, **settings: Any) -> None:
        raise AssertionError("scapy asked this host for an address")

    for name in ("route", "route6"):
        monkeypatch.setattr(getattr(conf, name), "route", asked)
    monkeypatch.setattr(conf.neighbor, "resolve", asked)


def built(packet: Packet) -> Packet:
    """The packet after its way over the wire."""
    frame = bytes(addressed(packet, lambda: STATION))
    return Dot3(frame) if isinstance(packet, Dot3) else Ether(frame)


@pytest.mark.parametrize(
    ("packet", "destination"),
    [
        (IP(dst="224.0.0.251") / UDP(dport=5353), "01:00:5e:00:00:fb"),
        (IP(dst="239.129.2.3") / UDP(), "01:00:5e:01:02:03"),
        (IPv6(dst="ff02::1:ff00:2") / ICMPv6ND_NS(tgt="fd00::2"), "33:33:ff:00:00:02"),
        (Dot1Q(vlan=5) / IP(dst="224.0.0.1") / UDP(), "01:00:5e:00:00:01"),
        (IP() / UDP() / HSRP(), "01:00:5e:00:00:02"),
        (IP(dst="255.255.255.255") / UDP(), BROADCAST),
        (IP(dst="10.0.0.255") / UDP(), BROADCAST),
        (ARP(), BROADCAST),
        (ARP(op="who-has", pdst="10.0.0.2"), BROADCAST),
        (ARP(op="is-at"), STATION),
        (IP(dst="10.0.0.2") / UDP(), STATION),
        (IP(dst="10.0.1.255") / UDP(), STATION),
        (IPv6(dst="fd00::2") / UDP(), STATION),
        (IP() / UDP(), STATION),
        (Raw(b"payload"), STATION),
    ],
)
def test_a_frame_goes_to_its_group_to_all_or_to_the_card(packet: Packet, destination: str) -> None:
    frame = built(Ether() / packet)
    assert (frame.dst, frame.src) == (destination, BENCH)


ERROR = IPerror(dst="8.8.8.8") / UDPerror()


@pytest.mark.parametrize(
    ("packet", "inner"),
    [
        (UDP(dport=4789) / VXLAN(vni=5) / Ether() / IP(dst="192.168.7.9") / ICMP(), "192.168.7.9"),
        (GRE() / IP(dst="192.168.7.9") / ICMP(), "192.168.7.9"),
        (IP(dst="192.168.7.9") / ICMP(), "192.168.7.9"),
        (ICMP(type=3) / ERROR, "8.8.8.8"),
        (GRE(proto=0x6558) / Ether() / IP() / UDP(), "10.0.0.2"),
    ],
)
def test_an_inner_header_has_addresses_of_the_wire(packet: Packet, inner: str) -> None:
    frame = built(Ether() / IP(dst="10.0.0.2") / packet)
    outer, within = [layer for layer in layers(frame) if isinstance(layer, IP)]
    assert (outer.src, outer.dst, within.src, within.dst) == ("10.0.0.1", "10.0.0.2", "10.0.0.1", inner)
    for each in layers(frame):
        if isinstance(each, Ether):
            assert (each.src, each.dst) == (BENCH, STATION)


def test_an_inner_frame_to_a_group_leaves_the_outer_one_alone() -> None:
    frame = built(Ether() / IP() / UDP() / VXLAN() / Ether() / IP(dst="224.0.0.5") / ICMP())
    assert frame.dst == STATION
    assert frame[VXLAN][Ether].dst == "01:00:5e:00:00:05"


def test_an_ipv6_error_and_a_link_layer_option_have_addresses_of_the_wire() -> None:
    frame = built(Ether() / IPv6() / ICMPv6DestUnreach() / IPerror6(dst="fd00::9") / UDPerror())
    assert (frame[IPv6].src, frame[IPv6].dst) == ("fd00::1", "fd00::2")
    assert (frame[IPerror6].src, frame[IPerror6].dst) == ("fd00::1", "fd00::9")
    assert (
        built(Ether() / IPv6(dst="ff02::1") / ICMPv6ND_NS() / ICMPv6NDOptSrcLLAddr())[ICMPv6NDOptSrcLLAddr].lladdr
        == BENCH
    )


def test_an_802_3_frame_asks_no_network() -> None:
    frame = built(Dot3() / LLC() / STP())
    assert (frame.dst, frame.src) == (STATION, BENCH)


def test_given_addresses_and_the_packet_itself_stay_as_they_are() -> None:
    packet = Ether(dst="02:00:00:00:00:09") / IP(src="192.0.2.1", dst="224.0.0.1") / UDP()
    frame = built(packet)
    assert (frame.dst, frame[IP].src) == ("02:00:00:00:00:09", "192.0.2.1")
    assert "src" not in packet.fields
