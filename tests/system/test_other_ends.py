# SPDX-License-Identifier: GPL-2.0-or-later
"""Other peers at the card's wire: a card of QEMU, and a second card of ours.

One guest has all three cards, each in its own network namespace, so frames between them must pass the wire.
test_guides.py runs docs/wire.md, where passt is the peer.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from nicrig.process.child import Child
from nicrig.provision import Provision
from nicrig.rundir.directories import run_directory
from nicrig.session.options import Options
from nicrig.session.rig import Rig, open_rig
from tests.fakes.card_process import CardProcess
from tests.pages import ROOT
from tests.system.test_demo import NICRIG, SECONDS

pytestmark = [pytest.mark.system, pytest.mark.anyio, pytest.mark.xdist_group("other_ends")]

SECOND_SLOT = "1e"
APART = f"""
modprobe -a nicrig e1000e
for net in /sys/bus/pci/devices/*/net/*; do
    device=${{net%/net/*}} name=ours
    case $(readlink $device/driver) in */e1000e) name=theirs;; esac
    case $device in */0000:00:{SECOND_SLOT}.0) name=second;; esac
    /usr/bin/ip netns add $name
    /usr/bin/ip link set ${{net##*/}} netns $name name eth0
done
"""
# Sets the MAC address too, because our cards all start with the same one.
SET_UP = 'ip link set eth0 address "$0"; ip addr add "$1/24" dev eth0; ip link set eth0 up'
MACS = {"ours": "52:54:00:6e:69:63", "theirs": "52:54:00:6e:69:64", "second": "52:54:00:6e:69:65"}
ADDRESSES = {"ours": "10.9.0.1", "theirs": "10.9.0.2", "second": "10.9.0.3"}


@pytest.fixture(scope="module")
def second_card() -> Iterator[CardProcess]:
    with run_directory() as place, CardProcess(place.folder) as card:
        yield card


@pytest.fixture(scope="module")
async def rig(provision: Provision, second_card: CardProcess) -> AsyncIterator[Rig]:
    """A guest with an e1000e at the wire of our card, and a second card of ours."""
    socket = {"path": str(second_card.vfio_user), "type": "unix"}
    second = json.dumps({"driver": "vfio-user-pci", "addr": SECOND_SLOT, "socket": socket})
    with run_directory() as place:
        netdev, e1000e = options_of_the_page(str(place.folder))
        async with open_rig(provision, Options(netdevs=(netdev,), devices=(e1000e, second)), place) as rig:
            await rig.card.wire.aclose()  # no test here reads it
            await rig.guest.run(["sh", "-ec", APART])
            for name, address in ADDRESSES.items():
                await rig.guest.run(["/usr/bin/ip", "netns", "exec", name, "sh", "-ec", SET_UP, MACS[name], address])
            yield rig


def options_of_the_page(folder: str) -> tuple[str, str]:
    """The values of -netdev and -device that docs/wire.md gives for another QEMU."""
    found = re.search(r"-netdev (\S+) -device (e1000e\S+)", (ROOT / "docs" / "wire.md").read_text())
    assert found is not None
    return found[1].replace("/tmp/card", folder), found[2]


async def check_pings(rig: Rig, name: str, other: str) -> None:
    """Wait for ten large echo replies from the other card. More are sent until its link is up."""
    ping = ["ping", "-c", "10", "-A", "-s", "1400", "-W", "5", ADDRESSES[other]]
    ping_result = await rig.guest.run(["/usr/bin/ip", "netns", "exec", name, *ping])
    assert " 10 packets received" in ping_result.stdout


async def test_a_card_of_qemu_is_reachable_over_the_wire(rig: Rig) -> None:
    before = await rig.card.counters()
    await check_pings(rig, "ours", "theirs")
    await check_pings(rig, "theirs", "ours")
    after = await rig.card.counters()
    assert after["tx_frames"] - before["tx_frames"] >= 20
    assert after["rx_frames"] - before["rx_frames"] >= 20


async def test_joined_cards_reach_each_other(rig: Rig, second_card: CardProcess) -> None:
    ends = [str(rig.paths.folder), str(second_card.wire)]
    join = Child([str(NICRIG), "join", *ends], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert join.stdout is not None
        with rig.deadlines.limit(SECONDS, "the two to be joined"):
            await trio.lowlevel.wait_readable(join.stdout)
        assert join.stdout.readline().decode() == f"joined {ends[0]} and {ends[1]}\n"
        await check_pings(rig, "ours", "second")
        await check_pings(rig, "second", "ours")
    finally:
        join.signal(signal.SIGINT)
        with trio.fail_after(SECONDS):
            assert await join.wait() == 130
        await join.close()
