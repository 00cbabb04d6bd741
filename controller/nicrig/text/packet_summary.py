# SPDX-License-Identifier: GPL-2.0-or-later
"""Describes a frame in one line."""

from scapy.layers.l2 import Ether
from scapy.packet import Packet

from nicrig.text.printable import printable


def summary(frame: bytes) -> str:
    """scapy's one-line description of the frame."""
    return one_line(Ether(frame))


def one_line(packet: Packet) -> str:
    """scapy's one-line description of the packet. It may quote what the guest sent, such as a name."""
    return printable(str(packet.summary()))
