# SPDX-License-Identifier: GPL-2.0-or-later
"""A card's behaviour as the user's own function, between wire and driver (docs/behaviours.md)."""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from nicrig_device.dma.frames import Frames
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN

FrameList: TypeAlias = list[bytes]
Act: TypeAlias = Callable[[FrameList, FrameList], tuple[FrameList, FrameList]]
"""Takes a batch on its way to the driver and one on its way to the wire, one of them empty; gives what goes there."""
LINE_SECONDS = 1.0
"""At most one line in the log for so long: a behaviour that fails, fails with every batch."""

log = logging.getLogger("nicrig_device")


class BehaviourError(ValueError):
    """There is no such behaviour; the text says why."""


def load_behaviour(source: str) -> Act:
    """The callable NAME of the Python file FILE, from `FILE:NAME`. Runs the file. Raises BehaviourError."""
    file, _, name = source.rpartition(":")
    spec = importlib.util.spec_from_file_location("behaviour", file) if Path(file).is_file() else None
    if spec is None or spec.loader is None:
        raise BehaviourError(f"behaviour {source}: no Python file {file or source}: name it as FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BehaviourError(f"behaviour {source}: {file} does not run: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise BehaviourError(f"behaviour {source}: {file} has no function {name}: define it, with two lists of frames")
    act: Act = found
    return act


class Behaviour:
    """Hands each batch to the user's function, and what that returns to driver and wire.

    It runs on the hot thread. Whatever it does wrong costs its batch and a line in the log.
    """

    def __init__(
        self, act: Act, to_driver: Callable[[Frames], None], to_wire: Callable[[Frames], None], counters: Counters
    ) -> None:
        self._act = act
        self._to_driver = to_driver
        self._to_wire = to_wire
        self._counters = counters
        self._silent_until = 0.0

    def move(self, to_driver: FrameList, to_wire: FrameList) -> None:
        """Take frames off the wire, or of the driver."""
        batch = len(to_driver) + len(to_wire)
        if not batch:
            return
        try:
            to_driver, to_wire = map(_frames, self._act(to_driver, to_wire))
        except Exception as error:
            self._failed(error, batch)
            return
        if to_wire:
            self._to_wire(Frames.of(to_wire))
        if to_driver:
            self._to_driver(Frames.of(to_driver))

    def _failed(self, error: Exception, batch: int) -> None:
        self._counters.add("behaviour_dropped", batch)
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + LINE_SECONDS
            log.warning("behaviour: %s: %s; dropped %d frames", type(error).__name__, error, batch)


def _frames(found: object) -> FrameList:
    """The list, if it is one of frames."""
    if not isinstance(found, list):
        raise TypeError(f"returned {type(found).__name__}, not a list of frames for driver and wire each")
    for frame in found:
        if not isinstance(frame, bytes):
            raise TypeError(f"returned {type(frame).__name__} as a frame, not bytes")
        if not FRAME_MIN <= len(frame) <= FRAME_MAX:
            raise ValueError(f"returned a frame of {len(frame)} bytes, not {FRAME_MIN} to {FRAME_MAX}")
    return found
