# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames of a test, both ways, and the file that they go to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scapy.layers.l2 import Ether
from scapy.packet import Packet

from nicrig.pytest_plugin.test_session import TestSession
from nicrig.pytest_plugin.traffic import Frame


class Capture:
    """The frames that ran over the wire since the test began."""

    def __init__(self, session: TestSession) -> None:
        self._session = session

    @property
    def frames(self) -> Sequence[Frame]:
        """Every frame: its time, its way ("in" to the guest, "out" of it), its bytes."""
        return tuple(self._session.traffic.frames)

    @property
    def packets(self) -> list[Packet]:
        """The same frames as scapy packets."""
        return [Ether(frame.data) for frame in self.frames]

    @property
    def path(self) -> Path:
        """The pcapng file that has them after the test."""
        return self._session.pcapng
