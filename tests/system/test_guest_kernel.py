# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest's kernel does to the driver besides traffic: netpoll, resets of the function, sleep."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import trio
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from nicrig.card import wire
from nicrig.errors import DeadlineError
from nicrig.machine.addresses import BENCH_IP, BENCH_MAC, GUEST_IP
from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import OwnRig, Rig, open_rig
from nicrig.verifier.records import MiniportSetInformation
from nicrig_interface.vocabulary import CardKind
from tests.system.conftest import every_kind, wait_counters
from tests.system.test_ndis import kernel_complaints

pytestmark = [pytest.mark.system, pytest.mark.anyio]


@pytest.fixture
async def answering(rig: Rig) -> AsyncIterator[Interface]:
    """The card's interface in a guest that answers pings."""
    interface = await rig.guest.bring_up("recorder=2")
    yield interface
    await rig.guest.unload_driver()
    # What the guest sent, and nothing read, is not for the next test.
    await rig.card.wire.aclose()
    rig.card.wire = await wire.connect(rig.paths.wire)


async def station(interface: Interface) -> str:
    return (await interface.station()).hex(":")


def pings(to: str, count: int) -> list[bytes]:
    address = Ether(dst=to, src=BENCH_MAC) / IP(src=BENCH_IP, dst=GUEST_IP)
    return [bytes(address / ICMP(id=7, seq=number) / bytes(200)) for number in range(count)]


def is_answer(packet: Ether) -> bool:
    return ICMP in packet and packet[ICMP].type == 0


PACKET_FILTER, MULTICAST_LIST = 0x0001010E, 0x01010103
LINES = 300
PINGS = 2000
OUTSTANDING = 50
NETCONSOLE = f"""
modprobe netconsole netconsole=6665@{GUEST_IP}/$0,6666@{BENCH_IP}/{BENCH_MAC}
echo 8 > /proc/sys/kernel/printk
"""
PRINT = f"i=0; while [ $i -lt {LINES} ]; do echo line $i. > /dev/kmsg; i=$((i+1)); done"
NO_NETCONSOLE = 'echo "$0" > /proc/sys/kernel/printk; rmmod netconsole'


@every_kind
async def test_the_kernel_s_log_goes_over_the_wire_while_pings_are_answered(rig: OwnRig, answering: Interface) -> None:
    """Netpoll sends with interrupts off, in the middle of what the driver does."""
    level = (await rig.guest.run(["cat", "/proc/sys/kernel/printk"])).stdout
    sent = pings(await station(answering), PINGS)
    # At most OUTSTANDING pings without an answer: however slow the machine is, the card has no reason to drop one.
    window = trio.Semaphore(OUTSTANDING)
    answers, lines = 0, set[str]()

    async def ask() -> None:
        for ping in sent:
            await window.acquire()
            await rig.card.wire.send([ping])

    async def read() -> None:
        nonlocal answers
        while answers < PINGS or len(lines) < LINES:
            for packet in map(Ether, await rig.card.wire.receive()):
                if is_answer(packet):
                    answers += 1
                    window.release()
                elif UDP in packet and packet[UDP].dport == 6666:
                    lines.update(re.findall(r"line \d+\.", bytes(packet[UDP].payload).decode()))

    try:
        with rig.deadlines.limit(60, "the kernel's log and the answers on the wire"):
            async with trio.open_nursery() as nursery:
                # Netconsole begins with the whole log: the wire is read before it comes.
                nursery.start_soon(read)
                await rig.guest.run(["sh", "-ec", NETCONSOLE, answering.name])
                nursery.start_soon(rig.guest.run, ["sh", "-ec", PRINT])
                nursery.start_soon(ask)
    except DeadlineError:
        pytest.fail(f"{answers} answers of {PINGS}, {len(lines)} lines of {LINES}; {await rig.card.counters()}")
    await rig.guest.run(["sh", "-ec", NO_NETCONSOLE, level])
    assert await kernel_complaints(rig) == ""


async def answered(rig: Rig, interface: Interface) -> None:
    """Pings are answered again, without anything that the guest sends first."""
    (ping,) = pings(await station(interface), 1)

    async def ask() -> None:
        while True:
            await rig.card.wire.send([ping])
            await trio.sleep(0.2)

    with rig.deadlines.limit(15, "a ping to be answered after a reset"):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            while not any(is_answer(Ether(frame)) for frame in await rig.card.wire.receive()):
                pass
            nursery.cancel_scope.cancel()
    assert await kernel_complaints(rig) == ""


FUNCTION = 'cd /sys/class/net/"$0"/device; echo 1 > reset'


@every_kind
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
async def test_the_function_is_reset_under_the_driver(rig: OwnRig, answering: Interface, up: bool) -> None:
    if not up:
        await answering.down()
    await rig.guest.run(["sh", "-ec", FUNCTION, answering.name])
    if not up:
        await answering.up()
        await answering.address()
    await answered(rig, answering)


@every_kind
async def test_a_card_that_was_reset_is_noticed(rig: OwnRig, answering: Interface) -> None:
    await rig.card.monitor.execute("reset")
    await answered(rig, answering)


@pytest.mark.parametrize(
    "kind", ["bus-master", *(pytest.param(kind, marks=pytest.mark.soak) for kind in ("subordinate", "non-dma"))]
)
async def test_the_system_sleeps_and_wakes(provision: Provision, kind: CardKind) -> None:
    async with open_rig(provision.kept(), Options(kind=kind)) as rig:
        interface = await rig.guest.bring_up("recorder=2")
        with rig.machine.monitor.listening("SUSPEND") as events:
            await rig.guest.start(["sh", "-c", "sleep 0.2; echo mem > /sys/power/state"])
            with rig.deadlines.limit(30, "the guest to sleep"):
                await events.wait()
        await rig.machine.monitor.execute("system_wakeup")
        await answered(rig, interface)


async def statistic(interface: Interface, name: str) -> int:
    path = f"/sys/class/net/{interface.name}/statistics/{name}"
    return int((await interface.guest.run(["cat", path])).stdout)


@every_kind
async def test_the_interface_counts_what_the_card_dropped(rig: OwnRig, answering: Interface) -> None:
    """As `ip -s link` and /proc/net/dev show it, since the driver was loaded."""
    assert await statistic(answering, "rx_missed_errors") == 0
    before = await rig.card.counters()
    burst = pings(await station(answering), 1)[0]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_drain, rig)
        while (await rig.card.counters())["rx_no_buffer"] == before["rx_no_buffer"]:
            await rig.card.wire.send([burst] * 5000)
        await rig.card.wire.send([bytes(1523), bytes(1600), bytes(13)])
        after = await wait_counters(rig, {"rx_too_short": before["rx_too_short"] + 1})
        nursery.cancel_scope.cancel()

    async def length_errors() -> int | None:
        """The driver reads the card's counters ten times a second at most."""
        return await statistic(answering, "rx_length_errors") or None

    with rig.deadlines.limit(5, "the interface to count errors"):
        assert await until(length_errors) == 3
    assert await statistic(answering, "rx_errors") == 3
    assert await statistic(answering, "rx_missed_errors") == after["rx_no_buffer"] - before["rx_no_buffer"] > 0


async def test_the_address_changes_while_the_interface_is_up(rig: OwnRig, answering: Interface) -> None:
    address = "02:00:00:00:00:99"
    await rig.guest.run(["ip", "link", "set", "dev", answering.name, "address", address])
    assert await station(answering) == address
    await answering.address()  # Linux forgets the neighbours of an address that changes.
    await answered(rig, answering)


BOND = """
modprobe bonding max_bonds=0
/usr/bin/ip link add bond0 type bond mode active-backup
/usr/bin/ip link set "$0" down
/usr/bin/ip link set "$0" master bond0
/usr/bin/ip link set bond0 up
/usr/bin/ip link set bond0 address "$1"
"""


async def test_the_address_changes_through_a_bond(rig: OwnRig, answering: Interface) -> None:
    before, address = await station(answering), "02:00:00:00:00:77"
    await rig.guest.run(["sh", "-ec", BOND, answering.name, address])
    assert await station(answering) == address
    await rig.guest.run(["sh", "-ec", "/usr/bin/ip link del bond0; rmmod bonding"])
    assert await station(answering) == before
    assert await kernel_complaints(rig) == ""


@every_kind
async def test_the_miniport_gets_the_multicast_list_and_every_mode(rig: OwnRig, answering: Interface) -> None:
    recorder = rig.card.recorder()

    async def sets(command: str) -> list[tuple[int, int]]:
        """What MiniportSetInformation was asked to set by then: identifier and length."""
        await rig.guest.run(["sh", "-ec", command, answering.name])
        found = [event for batch in recorder.read(to_end=True) for event in recorder.events(batch.records)]
        return [(event.oid, event.length) for event in found if isinstance(event, MiniportSetInformation)]

    # IPv6 joins groups by itself, some time after the link is up.
    quiet = await sets('echo 1 > "/proc/sys/net/ipv6/conf/$0/disable_ipv6"')
    before = [length for oid, length in quiet if oid == MULTICAST_LIST][-1]
    added = await sets('/usr/bin/ip maddr add 01:00:5e:00:00:fb dev "$0"')
    assert added == [(MULTICAST_LIST, before + 6), (PACKET_FILTER, 4)]
    assert (PACKET_FILTER, 4) in await sets('/usr/bin/ip link set "$0" promisc on')
    # With all groups, no list of them is set; before its flags change, the kernel sets the old mode once more.
    assert (await sets('/usr/bin/ip link set "$0" allmulticast on'))[-2:] == [(PACKET_FILTER, 4)] * 2
    await sets('/usr/bin/ip link set "$0" allmulticast off')
    many = await sets('for n in $(seq 10 50); do /usr/bin/ip maddr add 01:00:5e:00:01:$n dev "$0"; done')
    assert max(length for _, length in many) == 32 * 6
    assert many[-2:] == [(PACKET_FILTER, 4)] * 2
    await answered(rig, answering)


VLAN_IN_VLAN = """
modprobe 8021q
for vlan in "$0 5 10.5.0.2" "$0.5 6 10.6.0.2"; do
	set -- $vlan
	/usr/bin/ip link add link "$1" name "$1.$2" type vlan id "$2"
	/usr/bin/ip addr add "$3/24" dev "$1.$2"
	/usr/bin/ip link set "$1.$2" up
	/usr/bin/ip neigh add "${3%2}1" lladdr $MAC dev "$1.$2"
done
cat "/sys/class/net/$1.$2/mtu"
"""


@every_kind
async def test_a_vlan_in_a_vlan_carries_what_its_mtu_offers(rig: OwnRig, answering: Interface) -> None:
    made = await rig.guest.run(["sh", "-ec", f"MAC={BENCH_MAC}{VLAN_IN_VLAN}", answering.name])
    assert made.stdout == "1500\n"
    tagged = Ether(dst=await station(answering), src=BENCH_MAC) / Dot1Q(vlan=5) / Dot1Q(vlan=6)
    ping = bytes(tagged / IP(src="10.6.0.1", dst="10.6.0.2") / ICMP(id=7) / bytes(1472))
    assert len(ping) == 1522
    await rig.card.wire.send([ping])
    with rig.deadlines.limit(5, "the guest to answer in both VLANs"):
        while not any(len(frame) == 1522 and is_answer(Ether(frame)) for frame in await rig.card.wire.receive()):
            pass


async def _drain(rig: Rig) -> None:
    while True:
        await rig.card.wire.receive()
