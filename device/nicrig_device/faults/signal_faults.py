# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of every kind with what tells the driver something: interrupts, link, registers, ends of sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nicrig_device.card import Card
from nicrig_device.dma.frames import Frames
from nicrig_device.faults.fault import Trigger, Wrap
from nicrig_device.faults.frame_faults import Receive
from nicrig_device.spec import registers

STORM_MESSAGES, STORM_SECONDS = 1000, 0.0001
"""How many messages a storm has, and how long after one comes the next."""
FLAP_SECONDS = 0.01
ALL_ONES = 0xFFFFFFFF
STATUS_OFFSET = registers.CARD_BLOCK.address(registers.STATUS)
READY = registers.STATUS.field("READY").mask

Fire: TypeAlias = Callable[[int], bool]
Read: TypeAlias = Callable[[int, int], int]
Look: TypeAlias = Callable[[], bool]


def lose_interrupt(card: Card, trigger: Trigger) -> list[Wrap]:
    def around(fire: Fire) -> Fire:
        return lambda vector: trigger.next() or fire(vector)

    return [Wrap(card, "fire_vector", around)]


def double_interrupt(card: Card, trigger: Trigger) -> list[Wrap]:
    def around(fire: Fire) -> Fire:
        return lambda vector: all(fire(vector) for _ in range(1 + trigger.next()))

    return [Wrap(card, "fire_vector", around)]


def storm(card: Card, trigger: Trigger) -> list[Wrap]:
    """The messages come one by one: those that nobody has taken yet become one."""

    def go_on(fire: Fire, vector: int, left: int) -> None:
        if left and card.interrupts.unmasked:
            fire(vector)
            trigger.later(lambda: go_on(fire, vector, left - 1), STORM_SECONDS)

    def around(fire: Fire) -> Fire:
        def fire_on(vector: int) -> bool:
            if trigger.next():
                trigger.later(lambda: go_on(fire, vector, STORM_MESSAGES), STORM_SECONDS)
            return fire(vector)

        return fire_on

    return [Wrap(card, "fire_vector", around)]


def flap_link(card: Card, trigger: Trigger) -> list[Wrap]:
    def around(receive: Receive) -> Receive:
        def receive_and_flap(frames: Frames) -> None:
            receive(frames)
            if trigger.among(len(frames)):
                card.set_link(False)
                trigger.later(lambda: card.set_link(True), FLAP_SECONDS)

        return receive_and_flap

    return [Wrap(card.kind, "receive", around)]


def stick_registers(card: Card, trigger: Trigger) -> list[Wrap]:
    def around(read: Read) -> Read:
        return lambda offset, size: ALL_ONES if trigger.next() else read(offset, size)

    return [Wrap(card.control, "read", around)]


def deny_ready(card: Card, trigger: Trigger) -> list[Wrap]:
    def around(read: Read) -> Read:
        def read_not_ready(offset: int, size: int) -> int:
            value = read(offset, size)
            return value & ~READY if offset == STATUS_OFFSET and trigger.next() else value

        return read_not_ready

    return [Wrap(card.control, "read", around)]


def hold_sends(card: Card, trigger: Trigger) -> list[Wrap]:
    """Once it has begun, only a reset ends it."""

    def around_transmit(transmit: Look) -> Look:
        def transmit_or_hold() -> bool:
            worked = not trigger.reached and transmit()
            trigger.passed += worked
            return worked

        return transmit_or_hold

    def around_moved(moved: Look) -> Look:
        return lambda: not trigger.reached and moved()

    def around_reset(reset: Callable[[], None]) -> Callable[[], None]:
        def reset_and_count() -> None:
            reset()
            if trigger.reached:
                trigger.strike()

        return reset_and_count

    wraps: dict[str, Callable[[Any], Any]] = {"transmit": around_transmit, "moved": around_moved, "reset": around_reset}
    return [Wrap(card.kind, name, around) for name, around in wraps.items()]
