# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames from what a person types: an expression in scapy's language."""

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

"""Who is at this end of the wire, for packets that do not say."""
BROADCAST = "ff:ff:ff:ff:ff:ff"
MOST = 4096
"""Frames of one expression: a network as an address stands for every host in it."""
EXAMPLE = """write a packet like Ether()/IP(dst="10.0.0.2")/UDP()/"hi", or a list of them"""


def frames_of(expression: str, *, station: str) -> list[bytes]:
    """The frames that the expression stands for, built. Raises UsageError, which says what is wrong in it, and where.

    `station` is the destination of those that name none: this host's routes and neighbours have no part in it.
    """
    made = _evaluate(expression)
    try:
        frames = list(islice(_frames(made, station), MOST + 1))
    except Exception as error:
        raise UsageError(f"{expression}: {_said(error)}: {EXAMPLE}") from None
    if not frames or len(frames) > MOST:
        count = f"more than {MOST}" if frames else "no"
        raise UsageError(f"{expression}: this is {count} packets: {EXAMPLE}")
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
        raise UsageError(f"{expression}: {_said(error)}: {EXAMPLE}") from None


def _said(error: Exception) -> str:
    """The error on one line; what scapy says often means nothing without its type."""
    text = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()).rstrip(": ")


def _frames(made: object, station: str) -> Iterator[bytes]:
    """Each packet, by scapy's rules: a field with several values stands for a packet of each."""
    if isinstance(made, bytes):
        yield made
    elif isinstance(made, Ether | Dot3 | Raw):
        for packet in made:
            _address(packet, station)
            yield bytes(packet)
    elif isinstance(made, Packet):
        raise UsageError(f"{made.name} alone is no frame, put Ether()/ before it")
    elif isinstance(made, Iterable) and not isinstance(made, str | dict | type):
        for each in made:
            yield from _frames(each, station)
    else:
        raise UsageError(f"this is of type {type(made).__name__} and no packet")


def _address(packet: Packet, station: str) -> None:
    """Fill in the addresses that are left out: scapy would ask this host's routes, and its network."""
    for layer, fields in {
        IP: {"src": BENCH_IP},
        IPv6: {"src": BENCH_IP6},
        ARP: {"psrc": BENCH_IP, "hwsrc": BENCH_MAC},
        Ether: {"src": BENCH_MAC, "dst": BROADCAST if for_all(packet) else station},
    }.items():
        if layer in packet:
            for name, value in fields.items():
                if packet[layer].fields.get(name) is None:
                    packet[layer].setfieldval(name, value)


def for_all(packet: Packet) -> bool:
    """Whether it goes to more than one: its frame does too, where that says nothing else."""
    if ARP in packet:
        return bool(packet[ARP].op == 1)
    destination = next((packet[layer].dst for layer in (IP, IPv6) if layer in packet), "0.0.0.0")
    return ip_address(destination).is_multicast or destination == "255.255.255.255"
