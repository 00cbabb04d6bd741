# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets in and out."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether

from nicrig.pytest_plugin.frame_capture import Capture
from nicrig.pytest_plugin.nic import Nic, SyncNic
from nicrig.traffic.generator import mixed


async def test_a_datagram_comes_back(nic: Nic) -> None:
    await nic.inject(Ether(dst=nic.mac) / IP(dst=nic.guest_ip) / UDP(dport=7) / b"hi")
    reply = await nic.expect(UDP, timeout=1)
    assert reply.load == b"hi"
    assert (await nic.verdict()).coherent


def test_a_ping_is_answered(sync_nic: SyncNic) -> None:
    sync_nic.inject(IP() / ICMP(id=7) / b"are you there?")
    sync_nic.expect(IP(src=sync_nic.guest_ip) / ICMP(type="echo-reply", id=7) / b"are you there?")


async def test_the_capture_has_what_ran_over_the_wire(nic: Nic, capture: Capture) -> None:
    await nic.inject(ARP(op="who-has"))
    await nic.expect(ARP(op="is-at", hwsrc=nic.mac))
    assert [frame.way for frame in capture.frames] == ["in", "out"]
    assert capture.packets[0][ARP].pdst == nic.guest_ip


async def test_hundreds_of_frames_go_round(nic: Nic) -> None:
    frames = mixed(300, seed=nic.random.randrange(1000))
    assert await nic.echo(frames) == frames
    assert (await nic.verdict()).coherent


async def test_the_card_drops_a_frame_that_is_too_short(nic: Nic) -> None:
    await nic.inject(bytes(13), IP() / UDP(dport=7) / b"hi")
    await nic.expect(UDP)
    assert not (await nic.verdict()).coherent
    verdict = await nic.verdict(expect_drops=True)
    assert (verdict.coherent, verdict.dropped) == (True, {"rx_too_short": 1})


@pytest.mark.nicrig(kind="subordinate")
async def test_a_card_without_rings_moves_frames_too(nic: Nic) -> None:
    await nic.inject(*[IP() / UDP(dport=7) / bytes([number]) for number in range(20)])
    for number in range(20):
        await nic.expect(IP() / UDP(sport=7) / bytes([number]))
    assert (await nic.verdict()).coherent
