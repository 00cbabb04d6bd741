# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as a test writes them: addresses filled in, compared layer by layer, and their difference as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scapy.layers.inet import IP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import NoPayload, Packet, Padding, Raw

Wanted = type[Packet] | Packet | bytes
"""A layer that is to be there; a packet whose fields, as far as they were given, are to be equal; or a whole frame."""


@dataclass(frozen=True)
class Addresses:
    """Both ends of the wire."""

    mac: str
    guest_ip: str
    bench_mac: str
    bench_ip: str

    def frame(self, packet: Packet | bytes) -> bytes:
        """The frame to inject: addresses that the packet leaves open are those of a frame from the bench to the card.

        scapy would take this host's own instead, and ask its network for them.
        """
        if isinstance(packet, bytes):
            return packet
        made = packet.copy() if isinstance(packet, Ether) else Ether() / packet.copy()
        open_fields = {
            Ether: {"src": self.bench_mac, "dst": self.mac},
            IP: {"src": self.bench_ip, "dst": self.guest_ip},
            ARP: {"hwsrc": self.bench_mac, "psrc": self.bench_ip, "pdst": self.guest_ip},
        }
        for layer in layers(made):
            for name, value in open_fields.get(type(layer), {}).items():
                if name not in layer.fields:
                    setattr(layer, name, value)
        return bytes(made)


class Difference(NamedTuple):
    """A field that is not as wanted."""

    layer: str
    field: str
    wanted: object
    got: object

    def __str__(self) -> str:
        return f"{self.layer:<10} {self.field:<10} expected {self.wanted!s:<24} got {self.got}"


def layers(packet: Packet) -> Iterator[Packet]:
    """Every layer, from the outermost."""
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def like(got: Packet, wanted: Wanted) -> bool:
    """Whether the packet is as wanted."""
    return not differences(got, wanted)


def differences(got: Packet, wanted: Wanted) -> list[Difference]:
    """All that keeps the packet from being as wanted, in the order of its layers."""
    if isinstance(wanted, bytes):
        return [] if bytes(got) == wanted else [Difference("frame", "", wanted.hex(), bytes(got).hex())]
    if isinstance(wanted, type):
        return [] if wanted in got else [_missing(wanted)]
    found: list[Difference] = []
    rest: Packet = got
    for layer in layers(wanted):
        if isinstance(layer, Raw):
            return found + _payload(layer.load, rest)
        there = rest.getlayer(type(layer))
        if there is None:
            return found + [_missing(type(missing)) for missing in layers(layer)]
        found += _fields(layer, there)
        rest = there.payload
    return found


def _fields(wanted: Packet, got: Packet) -> Iterator[Difference]:
    for name in wanted.fields:
        one, other = getattr(wanted, name), getattr(got, name)
        if one != other:
            yield Difference(type(wanted).__name__, name, one, other)


def _payload(wanted: bytes, rest: Packet) -> list[Difference]:
    got = b"".join(layer.self_build() for layer in layers(rest) if not isinstance(layer, Padding))
    return [] if got == wanted else [Difference("payload", "", wanted, got)]


def _missing(layer: type[Packet]) -> Difference:
    return Difference(layer.__name__, "", "this layer", "none")


def _distance(found: list[Difference]) -> tuple[int, int]:
    """A layer that is missing is farther off than any field."""
    return sum(not difference.field for difference in found), len(found)


def text(wanted: Wanted) -> str:
    """What is wanted, in a line."""
    if isinstance(wanted, bytes):
        return f"a frame of {len(wanted)} bytes"
    return wanted.__name__ if isinstance(wanted, type) else str(wanted.summary())


def nearest(seen: Sequence[Packet], wanted: Wanted) -> list[str]:
    """Where the packet that is most like the wanted one differs from it, one line a field."""
    if not seen:
        return ["no frame came out of the guest"]
    found = [differences(packet, wanted) for packet in seen]
    best = min(range(len(seen)), key=lambda number: _distance(found[number]))
    head = f"of {len(seen)} frames out of the guest number {best + 1} is most like it: {seen[best].summary()}"
    return [head, *(f"  {difference}" for difference in found[best])]
