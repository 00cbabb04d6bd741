# SPDX-License-Identifier: GPL-2.0-or-later
"""Describes a frame in one line."""

from scapy.layers.l2 import Ether


def summary(frame: bytes) -> str:
    """scapy's one-line description of the frame."""
    return str(Ether(frame).summary())
