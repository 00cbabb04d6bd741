# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test may do to its machine."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP

from nicrig.pytest_plugin.nic import Machine, Nic, SyncMachine, SyncNic


@pytest.mark.nicrig(interrupts="msi")
async def test_an_unplugged_card_comes_back(nic: Nic, machine: Machine) -> None:
    await machine.unplug()
    assert nic.name is None
    await machine.plug()
    await nic.inject(IP() / UDP(dport=7) / b"hi")
    await nic.expect(UDP)
    assert (await nic.verdict()).coherent


@pytest.mark.nicrig(interrupts="msi")
async def test_a_dead_card_is_replaced(nic: Nic, machine: Machine) -> None:
    await machine.kill_card()
    await machine.unplug()
    await machine.restart_card()
    await machine.plug()
    await nic.inject(IP() / UDP(dport=7) / b"hi")
    await nic.expect(UDP)
    assert (await nic.verdict()).coherent


def test_a_rebooted_guest_answers(sync_nic: SyncNic, sync_machine: SyncMachine) -> None:
    sync_machine.reboot()
    sync_nic.inject(IP() / ICMP(id=7))
    sync_nic.expect(ICMP(type="echo-reply", id=7))
    assert sync_nic.verdict().coherent
