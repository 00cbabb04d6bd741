# SPDX-License-Identifier: GPL-2.0-or-later
"""Generates the frames that are injected: six protocols, all sizes of the datasheet, no two frames alike.

scapy takes half a millisecond for a frame. So it builds one template for each protocol, and this file fills in
lengths, numbers, payload and checksums. Sizes are in bytes, without the Ethernet CRC.
"""

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from nicrig.machine.addresses import BENCH_IP, BENCH_MAC, GUEST_IP

FRAME_MIN, FRAME_MAX = 14, 1522
"""The limits of the datasheet (section 2, LIMIT): FRAME_MAX is a full frame with two VLAN tags."""
EVERY_SIZE = range(FRAME_MIN, FRAME_MAX + 1)
LIMITS = (*range(FRAME_MIN, FRAME_MIN + 4), 59, 60, 61, *range(FRAME_MAX - 4, FRAME_MAX + 1))
"""Sizes where drivers go wrong: near the limits, and near Ethernet's smallest frame."""
DESTINATION_MAC = "52:54:00:6e:69:63"
_SEQUENCE = struct.Struct(">I")
_EXPERIMENT = 0x88B5
"""The type that IEEE keeps for local experiments."""
_ETHERNET = 14
_VLAN = 4
_IPV4 = 20
_IPV6 = 40


@dataclass(frozen=True)
class Template:
    """A protocol's headers. `finish(sequence, frame)` fills in lengths, numbers and checksums in place.

    `numbered`: the payload begins with the sequence number (4 bytes, big endian).
    """

    name: str
    headers: bytes
    finish: Callable[[int, bytearray], None]
    numbered: bool = True

    @property
    def smallest(self) -> int:
        """The size of its smallest frame."""
        return len(self.headers) + _SEQUENCE.size * self.numbered

    def build(self, sequence: int, size: int, payload: bytes) -> bytes:
        """A frame of `size` bytes, whose payload is cut to fit. It is longer if `size` is less than `smallest`."""
        size = max(size, self.smallest)
        body = _SEQUENCE.pack(sequence) * self.numbered + payload
        frame = bytearray(self.headers + body[: size - len(self.headers)])
        self.finish(sequence, frame)
        return bytes(frame)


def mixed(count: int, *, seed: int, sizes: Sequence[int] = EVERY_SIZE) -> list[bytes]:
    """`count` frames: the protocols in turn, with random sizes from `sizes`, which rise.

    The same seed gives the same frames. A sequence number makes each frame unique. The first two frames have the
    smallest and the largest size. A frame that is too small for its protocol has only an Ethernet header.
    """
    draw = random.Random(seed)
    noise = draw.randbytes(2 * FRAME_MAX)
    drawn = _sizes(draw, sizes)
    frames = []
    for sequence in range(count):
        template, size = templates()[sequence % len(templates())], next(drawn)
        offset = draw.randrange(FRAME_MAX)
        template = template if size >= template.smallest else bare()
        frames.append(template.build(sequence, size, noise[offset : offset + FRAME_MAX]))
    return frames


def _sizes(draw: random.Random, sizes: Sequence[int]) -> Iterator[int]:
    yield from (sizes[0], sizes[-1])
    while True:
        yield draw.choice(sizes)


@cache
def templates() -> tuple[Template, ...]:
    """One template for each protocol. scapy builds them on the first call."""
    ethernet = Ether(src=BENCH_MAC, dst=DESTINATION_MAC)
    ip = IP(src=BENCH_IP, dst=GUEST_IP)
    ip6 = IPv6(src="fd00::1", dst="fd00::2")
    udp = UDP(sport=1024, dport=7)
    # scapy would take missing addresses from this host's own interface.
    arp = ARP(op="who-has", hwsrc=BENCH_MAC, psrc=BENCH_IP, pdst=GUEST_IP)
    return (
        Template("ARP", bytes(ethernet / arp), _nothing),
        Template("ICMP", bytes(ethernet / ip / ICMP(type="echo-request", id=1)), _icmp),
        Template("UDP", bytes(ethernet / ip / udp), _udp),
        Template("TCP", bytes(ethernet / ip / TCP(sport=1024, dport=80, flags="S", window=8192)), _tcp),
        Template("VLAN", bytes(ethernet / Dot1Q(vlan=5) / ip / udp), _vlan_udp),
        Template("IPv6", bytes(ethernet / ip6 / udp), _ipv6_udp),
    )


@cache
def bare() -> Template:
    """Only an Ethernet header and a payload: the one frame of FRAME_MIN bytes. Its destination has the number."""
    return Template("Ethernet", bytes(Ether(src=BENCH_MAC, dst=DESTINATION_MAC, type=_EXPERIMENT)), _address, False)


def checksum(data: bytes | bytearray, start: int = 0) -> int:
    """The Internet checksum (RFC 1071) of `data` plus `start`, 16 bits."""
    # 2**16 is 1 modulo 0xffff. So the sum of all words, with carries added back, is the whole number modulo 0xffff.
    # Such a sum never returns to 0 once a word was not 0: it is then 0xffff, the other form of zero.
    number = int.from_bytes(data + bytes(len(data) % 2), "big") + start
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


def _nothing(sequence: int, frame: bytearray) -> None:
    """ARP has no length and no checksum. The bytes after it are padding."""


def _address(sequence: int, frame: bytearray) -> None:
    """Bytes 2 to 5 of the destination are the sequence number; the first two make it a local station's."""
    _SEQUENCE.pack_into(frame, 2, sequence)


def _ipv4(sequence: int, frame: bytearray, at: int, protocol: int) -> int:
    """Fill in the IPv4 header at offset `at`. Returns the sum of the pseudo header for the layer above."""
    length = len(frame) - at
    struct.pack_into(">HH", frame, at + 2, length, sequence & 0xFFFF)
    struct.pack_into(">H", frame, at + 10, 0)
    struct.pack_into(">H", frame, at + 10, checksum(frame[at : at + _IPV4]))
    return int.from_bytes(frame[at + 12 : at + 20], "big") + protocol + length - _IPV4


def _fill_checksum(frame: bytearray, at: int, offset: int, pseudo: int = 0) -> None:
    struct.pack_into(">H", frame, at + offset, 0)
    struct.pack_into(">H", frame, at + offset, checksum(frame[at:], pseudo))


def _fill_udp(frame: bytearray, at: int, pseudo: int) -> None:
    struct.pack_into(">H", frame, at + 4, len(frame) - at)
    _fill_checksum(frame, at, 6, pseudo)
    # 0 would mean "no checksum" (RFC 768). In ones' complement 0xffff is the same sum.
    if frame[at + 6 : at + 8] == b"\0\0":
        frame[at + 6 : at + 8] = b"\xff\xff"


def _icmp(sequence: int, frame: bytearray) -> None:
    _ipv4(sequence, frame, _ETHERNET, 1)
    at = _ETHERNET + _IPV4
    struct.pack_into(">H", frame, at + 6, sequence & 0xFFFF)
    _fill_checksum(frame, at, 2)


def _udp(sequence: int, frame: bytearray, at: int = _ETHERNET) -> None:
    _fill_udp(frame, at + _IPV4, _ipv4(sequence, frame, at, 17))


def _vlan_udp(sequence: int, frame: bytearray) -> None:
    _udp(sequence, frame, _ETHERNET + _VLAN)


def _tcp(sequence: int, frame: bytearray) -> None:
    pseudo = _ipv4(sequence, frame, _ETHERNET, 6)
    at = _ETHERNET + _IPV4
    struct.pack_into(">I", frame, at + 4, sequence)
    _fill_checksum(frame, at, 16, pseudo)


def _ipv6_udp(sequence: int, frame: bytearray) -> None:
    length = len(frame) - _ETHERNET - _IPV6
    struct.pack_into(">H", frame, _ETHERNET + 4, length)
    addresses = frame[_ETHERNET + 8 : _ETHERNET + _IPV6]
    _fill_udp(frame, _ETHERNET + _IPV6, int.from_bytes(addresses, "big") + 17 + length)
