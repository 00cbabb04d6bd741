# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test expects of the guest, and the error when it does not come."""

from __future__ import annotations

import trio
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from nicrig.pytest_plugin.expected_packets import Wanted, like, nearest, text
from nicrig.pytest_plugin.traffic import Traffic
from nicrig.text.packet_summary import one_line


class ExpectationError(AssertionError):
    """The guest did not do what the test expects."""


class Expectations:
    """The frames out of the guest that no expect() has taken yet."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._open: list[Packet] = []
        self._looked_at = 0

    async def take(self, wanted: Wanted, seconds: float) -> Packet:
        """Take the first frame that is as wanted. Raises ExpectationError when none comes in time."""
        with trio.move_on_after(seconds):
            while (found := self._find(wanted)) is None:
                await self._traffic.arrival()
            return found
        raise ExpectationError("\n".join([f"no {text(wanted)} within {seconds:g} s", *nearest(self._open, wanted)]))

    async def take_none(self, unwanted: Wanted, seconds: float) -> None:
        """Returns after `seconds`. Raises ExpectationError when such a frame comes."""
        try:
            found = await self.take(unwanted, seconds)
        except ExpectationError:
            return
        raise ExpectationError(f"the guest sent what it should not: {one_line(found)}")

    def skip(self) -> None:
        """Drop all frames that have come by now."""
        self._look()
        self._open.clear()

    def _find(self, wanted: Wanted) -> Packet | None:
        self._look()
        for place, packet in enumerate(self._open):
            if like(packet, wanted):
                return self._open.pop(place)
        return None

    def _look(self) -> None:
        """Dissect each frame once: scapy is slow."""
        fresh = self._traffic.data("out")[self._looked_at :]
        self._looked_at += len(fresh)
        self._open += map(Ether, fresh)
