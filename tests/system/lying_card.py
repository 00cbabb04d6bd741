# SPDX-License-Identifier: GPL-2.0-or-later
"""A bus master that lies about the frames that say so: runs as the card's sitecustomize (see test_witnesses.py).

A frame that contains LIE and a word is treated as that word says; what the card records of itself, it records as an
honest card would: it believes what it says.
"""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np

from nicrig_device.dma.frames import Frames
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.models.bus_master.receive import ReceivePath
from nicrig_device.models.queue import Ring
from nicrig_device.recorder import Trace, TraceEvent

LIE = re.compile(rb"LIE:([a-z-]+)!")
LATE_SECONDS = 0.05
Memory = dict[int, bytes]

fetch, write_back, deliver, send = Ring.fetch, Ring.write_back, ReceivePath.deliver, BusMaster.transmit
add_frames, moved = Trace.add_frames, BusMaster.moved
lies: dict[int, str] = {}
"""The batch's frames to lie about, by their place in it."""
before: Memory = {}
"""What lay in their buffers."""
late: list[tuple[float, int, int, bytes]] = []
"""Frames to be written too late: when, ring index, address, bytes."""
addresses: list[int] = []
scribbles: list[int] = []
"""Buffers of sends to be written into when they have been read."""


def lie_of(frame: bytes) -> str:
    found = LIE.search(frame)
    return found[1].decode() if found else ""


def lying_deliver(self: ReceivePath, frames: Frames) -> None:
    """Lose, double and swap; the other lies are told further down."""
    items: list[bytes] = []
    for frame in frames.tolist():
        lie = lie_of(frame)
        if lie == "reordered" and items:
            items.insert(-1, frame)
        elif lie == "duplicated":
            items += [frame, frame]
        elif lie != "lost":
            items.append(frame)
    lies.clear()
    lies.update({place: lie_of(frame) for place, frame in enumerate(items) if lie_of(frame)})
    deliver(self, Frames.of(items))
    for place, lie in lies.items():
        if lie == "written-after-completion":
            index, address = self._ring.head - len(items) + place, int(addresses[place])
            late.append((time.monotonic() + LATE_SECONDS, index & 0xFFFF, address, items[place]))
    lies.clear()


def lying_fetch(self: Ring, count: int) -> Any:
    """A buffer that was posted for later; a length that is too short. What lies in the buffers is kept."""
    descriptors = fetch(self, count)
    if self.transmit:
        for descriptor in descriptors:
            frame = self._memory.view(int(descriptor["address"]), int(descriptor["length"])).tobytes()
            if lie_of(frame) == "cut-on-the-way-out":
                descriptor["length"] -= 16
            elif lie_of(frame) == "scribbled-on":
                scribbles.append(int(descriptor["address"]))
        return descriptors
    addresses[:] = descriptors["address"].tolist()
    for place, lie in lies.items():
        before[place] = self._memory.view(addresses[place], 2048).tobytes()
        if lie == "misdirected":
            assert self._view is not None
            descriptors["address"][place] = self._view["address"][(self.head + 100) % self.size]
    return descriptors


def lying_write_back(self: Ring, status: Any, length: Any = None, flags: Any = None) -> None:
    """Lengths that are none of the frame's, and memory that is not what the card says it is."""
    if self.transmit:
        for address in scribbles:
            self._memory.view(address, 60)[59] ^= 0xFF
        scribbles.clear()
    for place, lie in {} if self.transmit else lies.items():
        memory = self._memory.view(addresses[place], 2048)
        old = np.frombuffer(before[place], np.uint8)
        if lie == "truncated":
            length[place] -= 16
        elif lie == "overrun":
            length[place] += 16
        elif lie == "torn":
            memory[64:128] = old[64:128]
        elif lie in ("stale", "written-after-completion"):
            memory[:] = old
        elif lie == "changed-under-device":
            memory[70] ^= 0xFF
    write_back(self, status, length, flags)


def lying_transmit(self: BusMaster) -> bool:
    """What is late is written now."""
    for item in [item for item in late if item[0] < time.monotonic()]:
        late.remove(item)
        _, index, address, frame = item
        self._receive_path._memory.view(address, len(frame))[:] = np.frombuffer(frame, np.uint8)
        trace = self._receive_path._trace
        add_frames(trace, TraceEvent.FRAME_IN, trace.stamp(), index, np.array([address]), Frames.of([frame]))
    return send(self) or bool(late)


def lying_add_frames(self: Trace, event: TraceEvent, stamp: int, place: Any, address: Any, frames: Frames) -> None:
    """What will be written too late was not written yet."""
    now = np.array([lie_of(frame) != "written-after-completion" for frame in frames.tolist()], bool)
    if event is TraceEvent.FRAME_IN:
        place, address, frames = place[now], address[now], frames.select(now)
    add_frames(self, event, stamp, place, address, frames)


Trace.add_frames = lying_add_frames  # type: ignore[method-assign]
ReceivePath.deliver = lying_deliver  # type: ignore[method-assign]
Ring.fetch = lying_fetch  # type: ignore[method-assign]
Ring.write_back = lying_write_back  # type: ignore[method-assign]
BusMaster.transmit = lying_transmit  # type: ignore[method-assign]
# It does not sleep on what is late.
BusMaster.moved = lambda self: moved(self) or bool(late)  # type: ignore[method-assign]
