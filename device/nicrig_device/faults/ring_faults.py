# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of a bus master with descriptors and buffers: what it does at another time, or at another place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from nicrig_device.card import Card
from nicrig_device.dma.frames import Bytes, Frames
from nicrig_device.dma.memory import OutsideMemoryError
from nicrig_device.dma.ring_index import advance
from nicrig_device.faults.fault import Trigger, Wrap
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.models.bus_master.checks import refused_status
from nicrig_device.models.queue import Ring
from nicrig_device.spec.descriptors import Descriptors, Flag, Refusal
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN
from nicrig_device.wire.framing import framed

LATE_SECONDS = 0.01
LINE = 64
"""Bytes of a cache line."""

Fetch: TypeAlias = Callable[[int], Descriptors]
WriteBack: TypeAlias = Callable[..., None]


def rings(card: Card) -> tuple[Ring, Ring]:
    assert isinstance(card.kind, BusMaster)
    return card.kind.rx, card.kind.tx


def memory_of(card: Card, address: int, size: int) -> Bytes:
    """Guest memory as it is mapped now; nothing if it is not."""
    try:
        return card.memory.view(address, size)
    except OutsideMemoryError:
        return np.zeros(0, np.uint8)


def later(trigger: Trigger, ring: Ring, act: Callable[[], None]) -> None:
    """Call it when it is late, unless the ring was switched off meanwhile: no DMA follows that."""
    life = ring.life
    trigger.later(lambda: act() if ring.enabled and ring.life == life else None, LATE_SECONDS)


def data_last(card: Card, trigger: Trigger) -> list[Wrap]:
    """What lay in the buffer before lies there again until it is late."""
    rx, _ = rings(card)
    before: list[tuple[int, Bytes]] = []

    def around_fetch(fetch: Fetch) -> Fetch:
        def fetch_and_keep(count: int) -> Descriptors:
            taken = fetch(count)
            for descriptor in taken[trigger.peek(len(taken))]:
                address, size = int(descriptor["address"]), min(int(descriptor["length"]), FRAME_MAX)
                before.append((address, memory_of(card, address, size).copy()))
            return taken

        return fetch_and_keep

    def around_write_back(write_back: WriteBack) -> WriteBack:
        def write_back_first(status: Any, length: Any, flags: Any) -> None:
            trigger.among(len(status))
            for address, old in before:
                data = memory_of(card, address, old.size).copy()
                put(card, address, old)
                later(trigger, rx, partial(put, card, address, data))
            before.clear()
            write_back(status, length, flags)

        return write_back_first

    return [Wrap(rx, "fetch", around_fetch), Wrap(rx, "write_back", around_write_back)]


def put(card: Card, address: int, data: Bytes) -> None:
    memory = memory_of(card, address, data.size)
    memory[:] = data[: memory.size]


def status_last(card: Card, trigger: Trigger) -> list[Wrap]:
    """The struck descriptors stay the card's until it is late, and HEAD stands before the first of them."""
    rx, _ = rings(card)

    def around(write_back: WriteBack) -> WriteBack:
        def write_back_some(status: Any, length: Any, flags: Any) -> None:
            head, struck = rx.head, trigger.among(len(status))
            told = status.copy()
            told[struck] = 0
            write_back(told, length, flags)
            if struck:
                card.page.words[rx.words.head] = advance(head, struck[0])
                slots = [advance(head, place) % rx.size for place in struck]
                later(trigger, rx, lambda: catch_up(slots, status[struck]))

        return write_back_some

    def catch_up(slots: list[int], status: Any) -> None:
        rx.put_status(slots, status)
        card.page.words[rx.words.head] = rx.head

    return [Wrap(rx, "write_back", around)]


def refuse(*, transmit: bool) -> Callable[[Card, Trigger], list[Wrap]]:
    """The fault that gives good descriptors back with an error."""
    wrong = refused_status(Refusal.ADDRESS)

    def wraps(card: Card, trigger: Trigger) -> list[Wrap]:
        def around(write_back: WriteBack) -> WriteBack:
            def write_back_refused(status: Any, *more: Any) -> None:
                told = status.copy()
                told[trigger.among(len(told))] = wrong
                write_back(told, *more)

            return write_back_refused

        return [Wrap(rings(card)[transmit], "write_back", around)]

    return wraps


def overrun(card: Card, trigger: Trigger) -> list[Wrap]:
    """Changes the bytes behind a buffer when its descriptor is read: the ledger looks there after the frame."""
    rx, _ = rings(card)

    def around(fetch: Fetch) -> Fetch:
        def fetch_and_overrun(count: int) -> Descriptors:
            taken = fetch(count)
            for descriptor in taken[trigger.among(len(taken))]:
                memory_of(card, int(descriptor["address"]) + int(descriptor["length"]), LINE)[:] ^= 0xFF
            return taken

        return fetch_and_overrun

    return [Wrap(rx, "fetch", around)]


def read_late(card: Card, trigger: Trigger) -> list[Wrap]:
    """Sends are given back unread; a while later the card sends what lies there then."""
    _, tx = rings(card)
    taken: list[Descriptors] = []

    def around_fetch(fetch: Fetch) -> Fetch:
        def fetch_and_keep(count: int) -> Descriptors:
            taken[:] = [fetch(count)]
            return taken[0].copy()

        return fetch_and_keep

    def around_hand_over(hand_over: Callable[[Bytes, int], None]) -> Callable[[Bytes, int], None]:
        def hand_over_later(data: Bytes, count: int) -> None:
            if not (taken and trigger.among(count)):
                hand_over(data, count)
                return
            late = taken.pop()
            later(trigger, tx, lambda: send(late))

        def send(descriptors: Descriptors) -> None:
            frames = Frames.of(read_frames(card, descriptors))
            hand_over(framed(frames), len(frames))

        return hand_over_later

    return [Wrap(tx, "fetch", around_fetch), Wrap(card.egress, "hand_over", around_hand_over)]


def read_frames(card: Card, descriptors: Descriptors) -> Iterator[bytes]:
    """What lies where the frames of these descriptors lay; those that are none any more are left out."""
    frame = b""
    for descriptor in descriptors:
        frame += memory_of(card, int(descriptor["address"]), int(descriptor["length"])).tobytes()
        if descriptor["flags"] & Flag.END_OF_FRAME:
            if FRAME_MIN <= len(frame) <= FRAME_MAX:
                yield frame
            frame = b""
