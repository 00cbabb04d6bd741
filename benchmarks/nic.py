# SPDX-License-Identifier: GPL-2.0-or-later
"""The network cards that are compared, all in one guest: nicrig's, and QEMU's own behind the same wire framing.

One sender serves them all, since the card's wire speaks what `-netdev stream` speaks. They share a MAC address, so one
frame is for each of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sender import Sender
from nicrig.errors import RigError
from nicrig.machine.guest_agent import GuestAgent
from nicrig.machine.guest_interface import DRIVER, Interface
from nicrig.session.rig import Rig
from nicrig.traffic.generator import DESTINATION_MAC

OUR_DROPS = tuple(
    f"card_rx_{why}" for why in ("no_buffer", "disabled", "link_down", "too_long", "too_short", "refused")
)

_FIND = """
for net in /sys/class/net/*; do
	driver=$(readlink -f "$net/device/driver") && [ "${driver##*/}" = "$0" ] && echo "${net##*/}"
done
true
"""


@dataclass(frozen=True)
class Peer:
    """A card of QEMU's: its name for `-device`, its driver in the guest, and what `ethtool -S` calls its drops.

    A card without drops makes the wire wait; QEMU keeps what it has read from it in a queue without end.
    """

    model: str
    driver: str
    drops: tuple[str, ...] = ()

    def netdev(self, folder: Path) -> str:
        return f"stream,id={self.model},server=on,addr.type=unix,addr.path={self.wire(folder)}"

    @property
    def device(self) -> str:
        return f"{self.model},netdev={self.model},mac={DESTINATION_MAC},romfile="

    def wire(self, folder: Path) -> Path:
        return folder / f"{self.model}.sock"


PEERS = (
    Peer("virtio-net-pci", "virtio_net"),
    Peer("e1000e", "e1000e"),
    Peer("vmxnet3", "vmxnet3", drops=("pkts rx OOB",)),
)


@dataclass(frozen=True)
class Counts:
    """What the guest knows of a card: frames received by its driver, frames dropped, and all of `ethtool -S`."""

    received: int
    dropped: int
    ethtool: dict[str, int]

    @classmethod
    def parse(cls, text: str, drops: tuple[str, ...]) -> Counts:
        """From the number of received frames on a line of its own, and the output of `ethtool -S` below it."""
        received, *lines = text.splitlines()
        pairs = (line.rpartition(":") for line in lines)
        ethtool = {name.strip(): int(value) for name, _, value in pairs if value.strip().isdigit()}
        return cls(int(received), sum(ethtool[name] for name in drops), ethtool)

    def __sub__(self, earlier: Counts) -> Counts:
        grown = {name: value - earlier.ethtool[name] for name, value in self.ethtool.items()}
        return Counts(self.received - earlier.received, self.dropped - earlier.dropped, grown)


@dataclass(frozen=True)
class Nic:
    """A card that is up in the guest, with the far end of its wire in our hands."""

    name: str
    interface: Interface
    drops: tuple[str, ...]
    sender: Sender

    async def counts(self) -> Counts:
        command = 'cat "/sys/class/net/$0/statistics/rx_packets" && ethtool -S "$0"'
        result = await self.interface.guest.run(["sh", "-c", command, self.interface.name])
        return Counts.parse(result.stdout, self.drops)


@asynccontextmanager
async def bring_up(rig: Rig, folder: Path) -> AsyncIterator[list[Nic]]:
    """Every card up, ours first; `folder` holds the sockets of the peers."""
    # The card takes one client at a time.
    await rig.card.wire.aclose()
    async with AsyncExitStack() as stack:
        nics = [await _bring_up(stack, rig.guest, "nicrig", DRIVER, OUR_DROPS, rig.paths.wire)]
        for peer in PEERS:
            wire = peer.wire(folder)
            nics.append(await _bring_up(stack, rig.guest, peer.model, peer.driver, peer.drops, wire))
        yield nics


async def _bring_up(
    stack: AsyncExitStack, guest: GuestAgent, name: str, driver: str, drops: tuple[str, ...], wire: Path
) -> Nic:
    await guest.run(["modprobe", driver])
    found = (await guest.run(["sh", "-c", _FIND, driver])).stdout.split()
    if len(found) != 1:
        raise RigError(f"the driver {driver} made {len(found)} network interfaces in the guest, not one")
    # QEMU's own cards have a carrier only while somebody is connected.
    sender = Sender(wire)
    stack.callback(sender.close)
    interface = Interface(guest, found[0])
    await interface.up()
    return Nic(name, interface, drops, sender)
