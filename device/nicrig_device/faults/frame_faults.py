# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of every kind with frames on their way to the driver, before they are moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from nicrig_device.card import Card
from nicrig_device.dma.frames import Frames
from nicrig_device.faults.fault import Trigger, Wrap
from nicrig_device.spec.registers import FRAME_MIN

Receive: TypeAlias = Callable[[Frames], None]


def around_receive(change: Callable[[Frames, list[int]], Frames]) -> Callable[[Card, Trigger], list[Wrap]]:
    """The fault that gives the kind other frames than those that came; `change` gets the places of the struck ones."""

    def wraps(card: Card, trigger: Trigger) -> list[Wrap]:
        def around(receive: Receive) -> Receive:
            def receive_changed(frames: Frames) -> None:
                struck = trigger.among(len(frames))
                receive(change(frames, struck) if struck else frames)

            return receive_changed

        return [Wrap(card.kind, "receive", around)]

    return wraps


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
