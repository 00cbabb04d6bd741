# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds frames from a scapy expression that the user types."""

import difflib
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from itertools import islice

import scapy.all
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot3, Ether
from scapy.packet import Packet, Raw

from nicrig.errors import UsageError
from nicrig.machine.addresses import BENCH_IP, BENCH_IP6, BENCH_MAC

BROADCAST = "ff:ff:ff:ff:ff:ff"
MOST = 4096
"""Most frames of one expression: scapy expands a network address to every host in it."""
EXAMPLE = """write a packet like Ether()/IP(dst="10.0.0.2")/UDP()/"hi", or a list of them"""


def frames_of(expression: str, *, station: str) -> list[bytes]:
    """The frames of the expression. Raises UsageError, which says what is wrong and where.

    `station` is the destination MAC address of frames that name none. This host's routes and neighbours are not used.
    """
    made = _evaluate(expression)
    try:
        frames = list(islice(_frames(made, station), MOST + 1))
    except Exception as error:
        raise UsageError(f"{expression}: {_one_line(error)}: {EXAMPLE}") from None
    if not frames or len(frames) > MOST:
        count = f"more than {MOST}" if frames else "no"
        raise UsageError(f"{expression}: the expression makes {count} packets: {EXAMPLE}")
    return frames


def _evaluate(expression: str) -> object:
    names = {name: value for name, value in vars(scapy.all).items() if not name.startswith("__")}
    try:
        return eval(compile(expression.strip(), "expression", "eval"), names)
    except SyntaxError as error:
        raise UsageError(f"{expression}: column {error.offset}: {error.msg}: {EXAMPLE}") from None
    except NameError as error:
        close = difflib.get_close_matches(error.name or "", names, 1)
        hint = f"did you mean {close[0]}?" if close else EXAMPLE
        raise UsageError(f"{expression}: {error}: {hint}") from None
    except Exception as error:
        raise UsageError(f"{expression}: {_one_line(error)}: {EXAMPLE}") from None


def _one_line(error: Exception) -> str:
    """The error on one line. scapy's messages often mean nothing without the type of the error."""
    text = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()).rstrip(": ")


def _frames(made: object, station: str) -> Iterator[bytes]:
    """The frame of each packet. By scapy's rules, a field with several values makes a packet for each value."""
    if isinstance(made, bytes):
        yield made
    elif isinstance(made, Ether | Dot3 | Raw):
        for packet in made:
            _address(packet, station)
            yield bytes(packet)
    elif isinstance(made, Packet):
        raise UsageError(f"{made.name} is not a frame: put Ether()/ before it")
    elif isinstance(made, Iterable) and not isinstance(made, str | dict | type):
        for each in made:
            yield from _frames(each, station)
    else:
        raise UsageError(f"the expression is a {type(made).__name__}, not a packet")


def _address(packet: Packet, station: str) -> None:
    """Fill in missing addresses. scapy would take them from this host's routes and network."""
    for layer, fields in {
        IP: {"src": BENCH_IP},
        IPv6: {"src": BENCH_IP6},
        ARP: {"psrc": BENCH_IP, "hwsrc": BENCH_MAC},
        Ether: {"src": BENCH_MAC, "dst": BROADCAST if to_many(packet) else station},
    }.items():
        if layer in packet:
            for name, value in fields.items():
                if packet[layer].fields.get(name) is None:
                    packet[layer].setfieldval(name, value)


def to_many(packet: Packet) -> bool:
    """Whether the packet is for more than one host. Its frame is then a broadcast, unless it names a destination."""
    if ARP in packet:
        return bool(packet[ARP].op == 1)
    destination = next((packet[layer].dst for layer in (IP, IPv6) if layer in packet), "0.0.0.0")
    return ip_address(destination).is_multicast or destination == "255.255.255.255"
