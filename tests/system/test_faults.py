# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults by name: the real driver does what docs/faults.md says, and afterwards traffic goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.session.rig import Rig
from nicrig.verdict.exchange import exchange
from tests.system.conftest import check_echo, copying_kinds, every_kind, udp_frames, wait_counters
from tests.system.test_ndis import kernel_complaints

pytestmark = [pytest.mark.system, pytest.mark.anyio]

INJECTED = udp_frames([60 + 50 * number for number in range(20)])
STRUCK = INJECTED[2:4]
QUIET = 0.2


@asynccontextmanager
async def faulty(rig: Rig, interface: Interface, name: str, *, at: int = 3, count: int = 2) -> AsyncIterator[None]:
    """The card has this fault in the block. After it the fault is over, nothing is broken, and traffic goes on."""
    before = await fired(rig, name)
    await rig.card.monitor.execute("set-fault", {"name": name, "at": at, "count": count})
    yield
    await rig.card.monitor.execute("clear-faults")
    assert await fired(rig, name) > before, f"{name} has not struck"
    assert await kernel_complaints(rig) == "", name
    await check_echo(rig, interface, [60, 1514] * 50)


async def fired(rig: Rig, name: str) -> int:
    faults = await rig.card.monitor.execute("query-faults")
    return sum(int(fault["fired"]) for fault in faults if fault["name"] == name)


async def wait_reset(rig: Rig, before: dict[str, int]) -> None:
    """The driver checks for a hang every two seconds, and resets the card at the second hit."""
    with rig.deadlines.limit(10, "the driver to reset the card"):
        await until(lambda: _reset_since(rig, before))


async def _reset_since(rig: Rig, before: dict[str, int]) -> bool | None:
    return True if (await rig.card.counters())["resets"] > before["resets"] else None


async def failed_sends(nic: Interface) -> int:
    """How many the driver has reported since it was loaded."""
    return int((await nic.guest.run(["cat", f"/sys/class/net/{nic.name}/statistics/tx_errors"])).stdout)


@every_kind
async def test_only_the_frames_that_the_card_spoils_are_lost(rig: Rig, nic: Interface) -> None:
    spoils = {"frame-lost": 18, "frame-corrupted": 20, "frame-truncated": 20}
    if rig.options.kind != "subordinate":  # its driver finds no frame behind a wrong length
        spoils |= {"length-too-short": 18, "length-too-long": 18}
    if rig.options.kind == "bus-master":
        spoils |= {"completion-refused": 18}
    for name, left in spoils.items():
        async with faulty(rig, nic, name):
            echoed = await exchange(rig.card.wire, INJECTED, quiet=QUIET)
            assert [frame for frame in INJECTED if frame not in echoed] == STRUCK, name
            assert len(echoed) == left, name


@every_kind
async def test_interrupts_without_a_reason_lose_no_frame(rig: Rig, nic: Interface) -> None:
    for name in ("interrupt-doubled", "interrupt-storm"):
        async with faulty(rig, nic, name, at=1):
            assert await exchange(rig.card.wire, INJECTED, quiet=QUIET) == INJECTED, name


@copying_kinds
async def test_invalid_lengths_and_counts_cost_no_more_than_their_batch(rig: Rig, nic: Interface) -> None:
    for name in ("count-too-high", "length-too-short", "length-too-long"):
        async with faulty(rig, nic, name, count=8):
            echoed = await exchange(rig.card.wire, INJECTED, quiet=QUIET, window=4)
            with trio.move_on_after(QUIET):  # it waits no more once a frame was lost
                while INJECTED[-1] not in echoed:
                    echoed += await rig.card.wire.receive()
            assert set(INJECTED[12:]) <= set(echoed) <= set(INJECTED), name
            assert len(set(echoed)) == len(echoed), name


async def test_what_a_bus_master_completes_out_of_turn_or_twice_arrives(rig: Rig, nic: Interface) -> None:
    async with faulty(rig, nic, "completion-out-of-order"):
        assert await exchange(rig.card.wire, INJECTED, quiet=QUIET) == INJECTED
    async with faulty(rig, nic, "frame-doubled"):
        twice = sorted(INJECTED + STRUCK)
        assert sorted(await exchange(rig.card.wire, INJECTED, quiet=QUIET, window=4)) == twice


async def test_ndis_finds_what_was_written_behind_a_buffer_when_it_is_freed(rig: Rig, nic: Interface) -> None:
    async with faulty(rig, nic, "buffer-overrun"):
        assert await exchange(rig.card.wire, INJECTED, quiet=QUIET) == INJECTED
    await rig.guest.unload_driver()
    assert "shared_release" in await kernel_complaints(rig)
    await rig.guest.run(["sh", "-c", "dmesg -c > /dev/null"])
    await rig.guest.load_driver()


@pytest.mark.parametrize("name", ["completion-before-data", "send-read-late"])
async def test_what_the_card_does_too_late_spoils_no_other_frame(rig: Rig, nic: Interface, name: str) -> None:
    async with faulty(rig, nic, name, at=9):
        echoed = await exchange(rig.card.wire, INJECTED, quiet=QUIET, window=4)
        assert set(INJECTED[:8] + INJECTED[12:]) <= set(echoed)


async def test_a_send_that_is_refused_is_reported_as_failed_once(rig: Rig, nic: Interface) -> None:
    async with faulty(rig, nic, "send-refused"):
        assert await exchange(rig.card.wire, INJECTED, quiet=QUIET) == INJECTED
        assert await failed_sends(nic) == 2


async def test_a_link_that_flaps_comes_back(rig: Rig, nic: Interface) -> None:
    async with faulty(rig, nic, "link-flap", count=1):
        await exchange(rig.card.wire, INJECTED, quiet=QUIET)
        with rig.deadlines.limit(10, "the link and the carrier"):
            await nic.wait_carrier(True)


async def test_a_card_that_says_that_it_is_not_ready_is_reset(rig: Rig, nic: Interface) -> None:
    before = await rig.card.counters()
    async with faulty(rig, nic, "card-not-ready", at=1, count=1):
        await wait_reset(rig, before)


async def test_a_driver_whose_interrupt_was_lost_finds_the_frames_by_itself(rig: Rig, nic: Interface) -> None:
    before = await rig.card.counters()
    async with faulty(rig, nic, "interrupt-lost", at=1, count=1):
        await rig.card.wire.send(INJECTED)
        await wait_counters(rig, {"rx_frames": before["rx_frames"] + len(INJECTED)})
        await wait_reset(rig, before)


async def test_sends_that_never_end_are_taken_back_by_a_reset(rig: Rig, nic: Interface) -> None:
    before = await rig.card.counters()
    async with faulty(rig, nic, "send-never-done", at=1, count=1):
        await rig.card.wire.send(INJECTED)
        await wait_reset(rig, before)
        failed = await failed_sends(nic)
        assert failed
        echoed: list[bytes] = []  # what waited behind those that the card had
        with rig.deadlines.limit(5, "the sends that had not begun"):
            while len(echoed) < len(INJECTED) - failed:
                echoed += await rig.card.wire.receive()
        assert echoed == INJECTED[failed:]


@pytest.mark.parametrize("rig", ["subordinate"], indirect=True)
async def test_a_receive_that_never_ends_is_taken_back_by_a_reset(rig: Rig, nic: Interface) -> None:
    before = await rig.card.counters()
    async with faulty(rig, nic, "send-never-done", at=1, count=1):
        await rig.card.wire.send(INJECTED)
        await wait_reset(rig, before)


async def test_a_card_whose_registers_are_stuck_is_taken_for_gone_and_unloads(rig: Rig) -> None:
    interface = await rig.guest.load_driver()
    await interface.up()
    await rig.card.monitor.execute("set-fault", {"name": "registers-stuck", "count": 1 << 30})
    await interface.wait_carrier(False)
    await rig.guest.unload_driver()
    await rig.card.monitor.execute("clear-faults")
    assert await kernel_complaints(rig) == ""
    interface = await rig.guest.load_driver()
    await interface.up()
    await interface.start_echo()
    await check_echo(rig, interface, [60, 1514] * 50)
    await rig.guest.unload_driver()
