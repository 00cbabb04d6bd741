# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test may ask of the card and of the guest."""

from scapy.layers.inet import IP, UDP

from nicrig.pytest_plugin.nic import Guest, Monitor, Nic, SyncGuest, SyncNic


async def test_nothing_comes_through_a_cable_that_is_out(nic: Nic, guest: Guest) -> None:
    await nic.set_link(False)
    assert (await guest.run(["cat", f"/sys/class/net/{nic.name}/operstate"])).stdout == "down\n"
    await nic.inject(IP() / UDP(dport=7) / b"hi")
    await nic.expect_none(UDP, timeout=0.1)
    assert (await nic.counters())["rx_link_down"] == 1


def test_ethtool_counts_the_datagram(sync_nic: SyncNic, sync_guest: SyncGuest) -> None:
    before = sync_guest.run(["ethtool", "-S", str(sync_nic.name)]).stdout
    sync_nic.inject(IP() / UDP(dport=7) / b"hi")
    sync_nic.expect(UDP)
    after = sync_guest.run(["ethtool", "-S", str(sync_nic.name)]).stdout
    assert before != after


async def test_a_card_that_corrupts_a_frame_is_caught(nic: Nic, monitor: Monitor) -> None:
    await monitor.execute("set-fault", {"name": "frame-corrupted"})
    await nic.inject(IP() / UDP(dport=7) / b"hi")
    assert (await nic.verdict()).faults == {"corrupted": 1}
