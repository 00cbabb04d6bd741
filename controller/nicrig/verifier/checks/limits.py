# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.8: time limits, by the guest's own clock."""

from __future__ import annotations

from nicrig.verifier.model.world import World
from nicrig.verifier.records import (
    LeaveMiniportQueryInformation,
    LeaveMiniportSetInformation,
    MiniportCheckForHang,
    MiniportQueryInformation,
    MiniportSetInformation,
    NdisMSendComplete,
    NdisStallExecution,
)
from nicrig.verifier.registry import Check, Handlers, ReportViolation

on: Handlers[Check] = Handlers()

SECOND = 1_000_000_000
SEND_LIMIT = 30 * SECOND
HANG_LIMIT = 22 * SECOND
REQUEST_LIMIT = 12 * SECOND
STALL_LIMIT = 50
"""Microseconds."""

Request = MiniportQueryInformation | MiniportSetInformation


@on
def send_is_completed_in_time(world: World, event: NdisMSendComplete, report: ReportViolation) -> None:
    send = world.sends.get(event.packet)
    if send is not None and event.time - send.made.time > SEND_LIMIT:
        waited = (event.time - send.made.time) / SECOND
        report("R130", f"packet {event.packet:#x} completed after {waited:.1f} s", send.made, event)


@on
def no_send_hangs(world: World, event: MiniportCheckForHang, report: ReportViolation) -> None:
    """R130 for the oldest pending send, once."""
    send = next(iter(world.sends.values()), None)
    if not send or send.overdue or not world.adapter or not world.adapter.deserialized:
        return
    if event.time - send.made.time > HANG_LIMIT:
        send.overdue = True
        waited = (event.time - send.made.time) / SECOND
        report("R130", f"packet {send.packet:#x} pending for {waited:.1f} s", send.made, event)


@on
def request_is_answered_in_time(
    world: World, event: LeaveMiniportQueryInformation | LeaveMiniportSetInformation, report: ReportViolation
) -> None:
    entered = world.entry(event)
    if isinstance(entered, Request) and event.time - entered.time > REQUEST_LIMIT:
        waited = (event.time - entered.time) / SECOND
        report("R131", f"{event.function} of object {entered.oid:#x} took {waited:.1f} s", entered, event)


@on
def requests_come_one_by_one(world: World, event: Request, report: ReportViolation) -> None:
    if not world.frames:
        return
    for before in world.entered.values():
        if isinstance(before, Request):
            text = f"{event.function} of object {event.oid:#x} before that of {before.oid:#x} was answered"
            report("R131", text, before, event)


@on
def stall_is_short(world: World, event: NdisStallExecution, report: ReportViolation) -> None:
    if event.microseconds > STALL_LIMIT:
        report("R132", f"NdisStallExecution of {event.microseconds} us, over {STALL_LIMIT} us", event)
