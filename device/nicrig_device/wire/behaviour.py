# SPDX-License-Identifier: GPL-2.0-or-later
"""Your own function as the card's behaviour, between wire and driver (docs/behaviours.md)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.hooks import Hook
from nicrig_device.log import ONCE, brief, log
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN
from nicrig_device.wire.egress import Egress
from nicrig_device.wire.framing import framed, split

FrameList: TypeAlias = list[bytes]
Act: TypeAlias = Callable[[FrameList, FrameList], tuple[FrameList, FrameList]]
"""Takes a batch for the driver and a batch for the wire, one of them empty; returns what goes there instead."""


class BehaviourError(ValueError):
    """The behaviour cannot be loaded; the text says why."""


def load_behaviour(source: str) -> Act:
    """The callable NAME of the Python file FILE, from `FILE:NAME`. Runs the file. Raises BehaviourError."""
    file, _, name = source.rpartition(":")
    spec = importlib.util.spec_from_file_location("behaviour", file) if Path(file).is_file() else None
    if spec is None or spec.loader is None:
        raise BehaviourError(f"behaviour {source}: no Python file {file or source}: name it as FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BehaviourError(f"behaviour {source}: {file} does not run: {brief(error)}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise BehaviourError(f"behaviour {source}: {file} has no function {name}: define it, with two lists of frames")
    act: Act = found
    return act


class Behaviour(Hook):
    """Calls your function with each batch, and passes on what it returns.

    It runs on the card's one thread. An error in it costs one batch and a line in the log.
    """

    def __init__(self, act: Act, to_driver: Callable[[Frames], None], egress: Egress, counters: Counters) -> None:
        """`to_driver` takes frames that the function returns for the driver when it was given frames for the wire."""
        self._act = act
        self._to_driver = to_driver
        self._egress = egress
        self._counters = counters

    def frames_in(self, frames: Frames) -> Frames:
        to_driver, to_wire = self._call(frames.tolist(), [])
        self._send(to_wire)
        return Frames.of(to_driver)

    def frames_out(self, framed: Bytes, count: int) -> tuple[Bytes, int]:
        to_driver, to_wire = self._call([], split(framed)[0].tolist())
        self._send(to_wire)
        if to_driver:
            self._to_driver(Frames.of(to_driver))
        return framed[:0], 0

    def _call(self, to_driver: FrameList, to_wire: FrameList) -> tuple[FrameList, FrameList]:
        """What the function returns; nothing when it fails."""
        batch = len(to_driver) + len(to_wire)
        if not batch:
            return [], []
        try:
            to_driver, to_wire = map(_frames, self._act(to_driver, to_wire))
        except BaseException as error:  # your code may call sys.exit(): that ends a command, not a card
            self._failed(error, batch)
            return [], []
        return to_driver, to_wire

    def _send(self, frames: FrameList) -> None:
        """A full wire loses the frames: the driver cannot be asked to wait with frames that are not its own."""
        if frames and self._egress.full():
            self._counters.add("behaviour_dropped", len(frames))
        elif frames:
            self._egress.put(framed(Frames.of(frames)), len(frames))

    def _failed(self, error: BaseException, batch: int) -> None:
        self._counters.add("behaviour_dropped", batch)
        log.warning("behaviour: %s; dropped %d frames", brief(error), batch, extra=ONCE)


def _frames(found: object) -> FrameList:
    """The list, if it is one of frames."""
    if not isinstance(found, list):
        raise TypeError(f"returned {type(found).__name__}, not one list of frames for the driver and one for the wire")
    for frame in found:
        if not isinstance(frame, bytes):
            raise TypeError(f"returned {type(frame).__name__} as a frame, not bytes")
        if not FRAME_MIN <= len(frame) <= FRAME_MAX:
            raise ValueError(f"returned a frame of {len(frame)} bytes, not {FRAME_MIN} to {FRAME_MAX}")
    return found
