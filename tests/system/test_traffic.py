# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames through the real rig: every size, and what happens when ring, FIFO or slots are full.

The frames of test_verifier.py go round them seventy times.
"""

from __future__ import annotations

import pytest

from nicrig.machine.guest_interface import Interface
from nicrig.session.rig import Rig
from nicrig.traffic import generator
from nicrig.verdict.echo_run import echo_and_judge
from tests.system.conftest import check_echo, every_kind, udp_frames, wait_account

pytestmark = [pytest.mark.system, pytest.mark.anyio]

HOLDS = {"bus-master": 1024, "subordinate": 1024, "non-dma": 64}
"""Most incoming frames that card and driver hold, by kind: in the ring, the FIFO or the slots (datasheet)."""


@every_kind
async def test_frames_of_every_size_come_back(rig: Rig, nic: Interface) -> None:
    await check_echo(rig, nic, list(range(60, 1515)))


@every_kind
async def test_the_mixed_set_of_the_demo_comes_back_in_order(rig: Rig, nic: Interface) -> None:
    verdict = await echo_and_judge(rig, nic, generator.mixed(3000, seed=7))
    assert verdict.coherent, verdict


@every_kind
async def test_a_full_ring_fifo_or_slots_lose_only_counted_frames(rig: Rig, nic: Interface) -> None:
    holds = HOLDS[rig.options.kind]
    injected = udp_frames([60] * (holds + 500))
    before, seen = await rig.card.counters(), await nic.received()
    await rig.machine.monitor.execute("stop")  # the guest stops posting buffers and taking frames
    await rig.card.wire.send(injected)
    # Frames in the FIFO are counted as delivered only when the guest takes them.
    await wait_account(rig, before, 500 if rig.options.kind == "subordinate" else len(injected))
    await rig.machine.monitor.execute("cont")
    after = await wait_account(rig, before, len(injected))
    delivered = after["rx_frames"] - before["rx_frames"]
    assert after["rx_no_buffer"] - before["rx_no_buffer"] == len(injected) - delivered > 0
    assert 0 < delivered <= holds
    assert await receive(rig, delivered) == injected[:delivered]
    assert await nic.received() - seen == delivered
    await check_echo(rig, nic, [60] * 100)


async def receive(rig: Rig, count: int) -> list[bytes]:
    """The next `count` frames from the wire."""
    got: list[bytes] = []
    with rig.deadlines.limit(10, f"{count} frames to come back"):
        while len(got) < count:
            got += await rig.card.wire.receive()
    return got


async def test_a_guest_that_drops_frames_gives_an_incoherent_verdict(rig: Rig, nic: Interface) -> None:
    drop = f"tc filter add dev {nic.name} ingress prio 1 protocol arp matchall action drop".split()
    await rig.guest.run(["modprobe", "act_gact"])
    await rig.guest.run(["/usr/bin/tc", *drop[1:]])
    injected = generator.mixed(60, seed=1)
    dropped = sum(frame[12:14] == b"\x08\x06" for frame in injected)
    verdict = await echo_and_judge(rig, nic, injected)
    assert verdict.word == "incoherent"
    assert dropped > 5
    assert (verdict.echoed, verdict.counts) == (60 - dropped, {"lost": dropped})
