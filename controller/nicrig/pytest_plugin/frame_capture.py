# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames of a test, both ways, and the files that it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scapy.layers.l2 import Ether
from scapy.packet import Packet

from nicrig.pytest_plugin.test_session import TestSession
from nicrig.pytest_plugin.traffic import Frame


class Capture:
    """What has run over the wire since the test began."""

    def __init__(self, session: TestSession) -> None:
        self._session = session

    @property
    def frames(self) -> Sequence[Frame]:
        """Every frame: when, which way ("in" to the guest, "out" of it), its bytes."""
        return tuple(self._session.traffic.frames)

    @property
    def packets(self) -> list[Packet]:
        """The same as scapy has it."""
        return [Ether(frame.data) for frame in self.frames]

    @property
    def path(self) -> Path:
        """The file that has them when the test is over."""
        return self._session.pcapng
