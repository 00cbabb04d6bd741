# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as a test writes them: addresses filled in, compared layer by layer, and their difference as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scapy.layers.l2 import Dot3, Ether
from scapy.packet import Packet, Padding, Raw

from nicrig.machine.addresses import BENCH_IP, BENCH_MAC, GUEST_IP
from nicrig.text.packet_summary import one_line
from nicrig.text.printable import printable
from nicrig.traffic.addressing import addressed, layers

Wanted = type[Packet] | Packet | bytes
"""A layer that must be there; a packet whose given fields must be equal; or the bytes of a whole frame."""


@dataclass(frozen=True)
class Addresses:
    """Both ends of the wire."""

    mac: str
    guest_ip: str = GUEST_IP
    bench_mac: str = BENCH_MAC
    bench_ip: str = BENCH_IP

    def frame(self, packet: Packet | bytes) -> bytes:
        """The frame to inject, with the addresses that the packet leaves open (`nicrig.traffic.addressing`)."""
        if isinstance(packet, bytes):
            return packet
        framed = packet if isinstance(packet, Ether | Dot3) else Ether() / packet.copy()
        return bytes(addressed(framed, lambda: self.mac))


class Difference(NamedTuple):
    """A field that differs from the wanted one."""

    layer: str
    field: str
    wanted: object
    got: object

    def __str__(self) -> str:
        return f"{self.layer:<10} {self.field:<10} expected {self.wanted!s:<24} got {self.got}"


def like(got: Packet, wanted: Wanted) -> bool:
    """Whether the packet is as wanted."""
    return not differences(got, wanted)


def differences(got: Packet, wanted: Wanted) -> list[Difference]:
    """All differences between the packet and the wanted one, in the order of the layers."""
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
    """How far off a packet is. A missing layer counts more than any number of fields."""
    return sum(not difference.field for difference in found), len(found)


def text(wanted: Wanted) -> str:
    """The wanted packet, in a line."""
    if isinstance(wanted, bytes):
        return f"a frame of {len(wanted)} bytes"
    return wanted.__name__ if isinstance(wanted, type) else str(wanted.summary())


def nearest(seen: Sequence[Packet], wanted: Wanted) -> list[str]:
    """The packet that is most like the wanted one, with a line for each field that differs."""
    if not seen:
        return ["no frame came out of the guest"]
    found = [differences(packet, wanted) for packet in seen]
    best = min(range(len(seen)), key=lambda number: _distance(found[number]))
    head = f"of {len(seen)} frames out of the guest, number {best + 1} is most like it: {one_line(seen[best])}"
    return [head, *(printable(f"  {difference}") for difference in found[best])]
