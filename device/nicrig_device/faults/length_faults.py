# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults with what the card tells of received frames: lengths and counts that are none."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from nicrig_device.card import Card
from nicrig_device.dma.frames import Bytes
from nicrig_device.dma.ring_index import advance
from nicrig_device.faults.fault import Trigger, Wrap
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.models.non_dma.non_dma import LENGTH, NonDma
from nicrig_device.models.subordinate.packing import unpack
from nicrig_device.models.subordinate.subordinate import Moved, Subordinate, Transfer
from nicrig_device.spec.registers import PACK_PREFIX, SLOTS

Wraps: TypeAlias = Callable[[Card, Trigger], list[Wrap]]
Fill: TypeAlias = Callable[[Transfer, Bytes], Moved]
Advance: TypeAlias = Callable[[int], None]
Lies: TypeAlias = Iterator[int]

COUNT_MAX, TOO_FAR = 0xFFFF, 1000


def tell_lengths(*lies: int) -> Wraps:
    """The fault that gives frames these lengths, in turn."""

    def wraps(card: Card, trigger: Trigger) -> list[Wrap]:
        turn = itertools.cycle(lies)
        if isinstance(card.kind, BusMaster):
            return [Wrap(card.kind.rx, "write_back", lambda honest: _in_ring(honest, trigger, turn))]
        if isinstance(card.kind, Subordinate):
            return [Wrap(card.kind, "fill", lambda honest: _in_transfer(honest, trigger, turn))]
        assert isinstance(card.kind, NonDma)
        kind = card.kind
        return [Wrap(kind.rx, "advance", lambda honest: _in_slots(honest, trigger, kind, turn))]

    return wraps


def _in_ring(write_back: Callable[..., None], trigger: Trigger, lies: Lies) -> Callable[..., None]:
    def write_back_lie(status: Any, length: Any, flags: Any) -> None:
        told = length.copy()
        for place in trigger.among(len(told)):
            told[place] = next(lies)
        write_back(status, told, flags)

    return write_back_lie


def _in_transfer(fill: Fill, trigger: Trigger, lies: Lies) -> Fill:
    def fill_with_lie(transfer: Transfer, buffer: Bytes) -> Moved:
        moved = fill(transfer, buffer)
        frames = unpack(buffer[: moved.size])[0]
        for start in frames.offset[trigger.among(moved.frames)].tolist():
            buffer[start - PACK_PREFIX : start] = list(next(lies).to_bytes(PACK_PREFIX, "little"))
        return moved

    return fill_with_lie


def _in_slots(honest: Advance, trigger: Trigger, kind: NonDma, lies: Lies) -> Advance:
    def lie_and_advance(count: int) -> None:
        for place in trigger.among(count):
            kind.rx_slots.words[(kind.rx.head + place) % SLOTS, LENGTH] = next(lies)
        honest(count)

    return lie_and_advance


def tell_count(card: Card, trigger: Trigger) -> list[Wrap]:
    """More frames than were moved: of a transfer, or by RX_HEAD until the next honest one."""
    if isinstance(card.kind, Subordinate):
        return [Wrap(card.kind, "fill", lambda honest: _count_of_transfer(honest, trigger))]
    assert isinstance(card.kind, NonDma)
    kind = card.kind
    return [Wrap(kind.rx, "advance", lambda honest: _count_of_slots(honest, trigger, card, kind))]


def _count_of_transfer(fill: Fill, trigger: Trigger) -> Fill:
    def fill_and_lie(transfer: Transfer, buffer: Bytes) -> Moved:
        moved = fill(transfer, buffer)
        return Moved(COUNT_MAX, moved.size) if trigger.among(moved.frames) else moved

    return fill_and_lie


def _count_of_slots(honest: Advance, trigger: Trigger, card: Card, kind: NonDma) -> Advance:
    def advance_and_lie(count: int) -> None:
        honest(count)
        if trigger.among(count):
            card.page.words[kind.rx.words.head] = advance(kind.rx.head, TOO_FAR)

    return advance_and_lie
