# SPDX-License-Identifier: GPL-2.0-or-later
"""Fills in the addresses that a packet leaves out: those of the wire's two ends.

scapy would take them from this host's routes and interfaces, and ask this host's network for the rest.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_address, ip_network

from scapy.fields import ConditionalField, Emph, SourceIP6Field, SourceIPField
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, DestMACField, Dot3, Ether, SourceMACField
from scapy.packet import NoPayload, Packet

from nicrig.machine.addresses import BENCH_IP, BENCH_IP6, BENCH_MAC, GUEST_IP, GUEST_IP6, NETWORK_BITS

BROADCAST = "ff:ff:ff:ff:ff:ff"
SOURCES = ((SourceMACField, BENCH_MAC), (SourceIPField, BENCH_IP), (SourceIP6Field, BENCH_IP6))
"""The fields that scapy would fill with an address of this host."""
LOOPBACK = ("127.0.0.1", "::1")
"""scapy's destinations for a packet that has none, and whose payload implies none."""
REQUESTS = (1, 3)
"""The operations of ARP that ask all hosts: who-has, and that of RARP."""
_BROADCASTS = (IPv4Address("255.255.255.255"), ip_network(f"{GUEST_IP}/{NETWORK_BITS}", strict=False).broadcast_address)


def addressed(packet: Packet, station: Callable[[], str]) -> Packet:
    """A copy of the packet with all addresses, also those of headers inside a tunnel or an ICMP error.

    A source is the bench. A destination is the guest: its IP address, and the MAC address that `station` returns. A
    frame to a multicast group or to all hosts goes to the MAC address of that (RFC 1112, RFC 2464).
    """
    made = packet.copy()
    # From the inside out: a frame's destination depends on that of the packet in it.
    for layer in reversed([*layers(made)]):
        for name, value in _missing(layer, station):
            layer.setfieldval(name, value)
    return made


def layers(packet: Packet) -> Iterator[Packet]:
    """Every layer, from the outermost."""
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def _missing(layer: Packet, station: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """The fields of one layer that have no address, and the address that they get."""
    if isinstance(layer, ARP):
        values = {"hwsrc": BENCH_MAC, "psrc": BENCH_IP, "pdst": GUEST_IP}
        yield from ((name, value) for name, value in values.items() if layer.getfieldval(name) is None)
    elif isinstance(layer, IP | IPv6) and layer.getfieldval("dst") is None and layer.dst in LOOPBACK:
        yield "dst", GUEST_IP6 if isinstance(layer, IPv6) else GUEST_IP
    for described in layer.fields_desc:
        field = described.fld if isinstance(described, ConditionalField | Emph) else described
        if layer.getfieldval(field.name) is not None:
            continue
        if isinstance(field, DestMACField):
            yield field.name, _group(layer) or station()
        yield from ((field.name, address) for kind, address in SOURCES if isinstance(field, kind))


def _group(frame: Packet) -> str:
    """The MAC address of the hosts that a frame is for; nothing when it is for one."""
    for layer in layers(frame.payload):
        if isinstance(layer, Ether | Dot3):
            break
        if isinstance(layer, ARP):
            return BROADCAST if layer.op in REQUESTS else ""
        if isinstance(layer, IP | IPv6):
            return _group_of(str(layer.dst))
    return ""


def _group_of(destination: str) -> str:
    try:
        address = ip_address(destination)
    except ValueError:
        return ""  # several addresses, or the name of a host
    if address in _BROADCASTS:
        return BROADCAST
    if not address.is_multicast:
        return ""
    if isinstance(address, IPv4Address):
        return (0x01005E000000 | int(address) & 0x7FFFFF).to_bytes(6, "big").hex(":")
    return (0x333300000000 | int(address) & 0xFFFFFFFF).to_bytes(6, "big").hex(":")
