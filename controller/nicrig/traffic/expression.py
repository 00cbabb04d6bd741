# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds frames from a scapy expression that the user types."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext

import scapy.all
from scapy.layers.l2 import Dot3, Ether
from scapy.packet import Packet, Raw

from nicrig.card.wire import checked
from nicrig.errors import UsageError
from nicrig.traffic.addressing import addressed
from nicrig.traffic.packet_language import described, evaluate, no_lookups, parsed

MOST = 4096
"""Most frames of one expression: scapy expands a network address to every host in it."""
MOST_BYTES = 1 << 26
"""Most bytes of all frames of one expression: MOST frames of 9 KiB fit."""
EXAMPLE = """write a packet like Ether()/IP(dst="10.0.0.2")/UDP()/"hi", or a list of them"""
SHOWN = 200
"""Most characters of the expression in an error."""


def frames_of(expression: str, *, station: str, python: bool = False) -> list[bytes]:
    """The frames of the expression. Raises UsageError, which says what is wrong and where.

    `station` is the destination MAC address of frames that name none. This host's routes and neighbours are not used.
    `python` allows all of Python, with the rights of this process: without it, an expression can only make packets.
    """
    expression = expression.strip()
    try:
        # The expression also decides what happens while its packets are built.
        with nullcontext() if python else no_lookups():
            made = _run(expression) if python else evaluate(expression)
            return _bounded(_frames(made, station))
    except Exception as error:
        found = described(error)
    raise UsageError(
        f"{_shown(expression)}: {found}{'' if EXAMPLE in found or '--python' in found else f': {EXAMPLE}'}"
    )


def _run(expression: str) -> object:
    return eval(compile(parsed(expression), "expression", "eval"), dict(vars(scapy.all)))


def _bounded(made: Iterable[bytes]) -> list[bytes]:
    frames: list[bytes] = []
    size = 0
    for frame in made:
        size += len(frame)
        if len(frames) == MOST or size > MOST_BYTES:
            most = f"{MOST} packets" if len(frames) == MOST else f"{MOST_BYTES} bytes"
            raise UsageError(f"the expression makes more than {most}")
        frames.append(checked(frame))
    if not frames:
        raise UsageError("the expression makes no packets")
    return frames


def _shown(expression: str) -> str:
    """The expression on one line, cut when it is long."""
    line = expression if expression.isprintable() else expression.encode("unicode_escape").decode()
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."


def _frames(made: object, station: str) -> Iterator[bytes]:
    """The frame of each packet. By scapy's rules, a field with several values makes a packet for each value."""
    if isinstance(made, bytes):
        yield made
    elif isinstance(made, Ether | Dot3 | Raw):
        for packet in made:
            yield bytes(addressed(packet, lambda: station))
    elif isinstance(made, Packet):
        raise UsageError(f"{made.name} is not a frame: put Ether()/ before it")
    elif isinstance(made, Iterable) and not isinstance(made, str | dict | type):
        for each in made:
            yield from _frames(each, station)
    else:
        raise UsageError(f"the expression is a {type(made).__name__}, not a packet")
