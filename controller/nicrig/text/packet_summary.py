# SPDX-License-Identifier: GPL-2.0-or-later
"""A frame in one line."""

from scapy.layers.l2 import Ether


def summary(frame: bytes) -> str:
    """scapy's one-line reading of a frame, for people."""
    return str(Ether(frame).summary())
