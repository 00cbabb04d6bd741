# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of every kind of card in frames on their way to the driver, and in what the card reports about them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nicrig_device.card import Card
from nicrig_device.dma.frames import Frames
from nicrig_device.faults.fault import FaultHook, Trigger
from nicrig_device.spec.registers import FRAME_MIN

TOO_MANY = 1000
"""How many frames too many the card reports."""

Change: TypeAlias = Callable[[Frames, list[int]], Frames]


class ChangedFrames(FaultHook):
    """Gives the kind other frames than those that came. `change` gets the positions of the struck ones."""

    def __init__(self, card: Card, trigger: Trigger, change: Change) -> None:
        super().__init__(card, trigger)
        self._change = change

    def frames_in(self, frames: Frames) -> Frames:
        struck = self.trigger.among(len(frames))
        return self._change(frames, struck) if struck else frames


def lose(frames: Frames, struck: list[int]) -> Frames:
    kept = np.ones(len(frames), bool)
    kept[struck] = False
    return frames.select(kept)


def double(frames: Frames, struck: list[int]) -> Frames:
    times = np.ones(len(frames), np.int64)
    times[struck] = 2
    return replace(frames, offset=np.repeat(frames.offset, times), length=np.repeat(frames.length, times))


def corrupt(frames: Frames, struck: list[int]) -> Frames:
    data = frames.data.copy()
    data[frames.offset[struck] + frames.length[struck] - 1] ^= 0xFF
    return replace(frames, data=data)


def truncate(frames: Frames, struck: list[int]) -> Frames:
    length = frames.length.copy()
    length[struck] = np.maximum(length[struck] // 2, FRAME_MIN)
    return replace(frames, length=length)


class ReorderedFrames(FaultHook):
    """A struck frame waits until the next frame, of this batch or a later one, has passed it."""

    def __init__(self, card: Card, trigger: Trigger) -> None:
        super().__init__(card, trigger)
        self._waiting: bytes | None = None

    def frames_in(self, frames: Frames) -> Frames:
        if self._waiting is None and not self.trigger.peek(len(frames)):
            self.trigger.among(len(frames))
            return frames
        passed: list[bytes] = []
        for frame in frames.tolist():
            if self._waiting is None and self.trigger.peek(1):
                self._waiting = frame
                continue
            passed.append(frame)
            if self._waiting is not None:
                passed.append(self._waiting)
                self._waiting = None
            self.trigger.next()
        return Frames.of(passed)


class ToldLengths(FaultHook):
    """Gives frames these lengths, in turn."""

    def __init__(self, card: Card, trigger: Trigger, lengths: tuple[int, ...]) -> None:
        super().__init__(card, trigger)
        self._lengths: Iterator[int] = itertools.cycle(lengths)

    def told_lengths(self, length: npt.NDArray[np.uint32]) -> None:
        for number in self.trigger.among(len(length)):
            length[number] = next(self._lengths)


class ShiftedLengths(FaultHook):
    """Gives frames a length that is this much too long, or too short."""

    def __init__(self, card: Card, trigger: Trigger, shift: int) -> None:
        super().__init__(card, trigger)
        self._shift = shift

    def told_lengths(self, length: npt.NDArray[np.uint32]) -> None:
        for number in self.trigger.among(len(length)):
            length[number] = int(length[number]) + self._shift


class ToldCount(FaultHook):
    """Tells the driver of more frames than were moved."""

    def told_count(self, count: int, *, transmit: bool) -> int:
        return count + TOO_MANY if not transmit and self.trigger.among(count) else count
