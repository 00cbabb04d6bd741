# SPDX-License-Identifier: GPL-2.0-or-later
"""The network cards that are compared: nicrig's and QEMU's, all in one guest.

The card's wire has the framing of `-netdev stream`, so the same code sends to all of them. They share a MAC address,
so the same frame reaches each of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.blocking_wire import BlockingWire
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
    """A card of QEMU: its name for `-device`, its driver in the guest, and its drop counters in `ethtool -S`.

    A card that never drops lets frames wait: QEMU queues without limit what it has read from the wire.
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
    """The guest's counters for a card: frames that its driver received, frames dropped, and all of `ethtool -S`."""

    received: int
    dropped: int
    ethtool: dict[str, int]

    @classmethod
    def parse(cls, text: str, drops: tuple[str, ...]) -> Counts:
        """Parse one line with the number of received frames, then the output of `ethtool -S`."""
        received, *lines = text.splitlines()
        pairs = (line.rpartition(":") for line in lines)
        ethtool = {name.strip(): int(value) for name, _, value in pairs if value.strip().isdigit()}
        return cls(int(received), sum(ethtool[name] for name in drops), ethtool)

    def __sub__(self, earlier: Counts) -> Counts:
        grown = {name: value - earlier.ethtool[name] for name, value in self.ethtool.items()}
        return Counts(self.received - earlier.received, self.dropped - earlier.dropped, grown)


@dataclass(frozen=True)
class GuestNic:
    """A card that is up in the guest, and our end of its wire."""

    name: str
    interface: Interface
    drops: tuple[str, ...]
    wire: BlockingWire

    async def counts(self) -> Counts:
        command = 'cat "/sys/class/net/$0/statistics/rx_packets" && ethtool -S "$0"'
        result = await self.interface.guest.run(["sh", "-c", command, self.interface.name])
        return Counts.parse(result.stdout, self.drops)


@asynccontextmanager
async def bring_up(rig: Rig, folder: Path) -> AsyncIterator[list[GuestNic]]:
    """Bring every card up, ours first. `folder` holds the sockets of the peers."""
    # We connect to the card's wire ourselves below.
    await rig.card.wire.aclose()
    async with AsyncExitStack() as stack:
        nics = [await _bring_up(stack, rig.guest, "nicrig", DRIVER, OUR_DROPS, rig.paths.wire)]
        for peer in PEERS:
            path = peer.wire(folder)
            nics.append(await _bring_up(stack, rig.guest, peer.model, peer.driver, peer.drops, path))
        yield nics


async def _bring_up(
    stack: AsyncExitStack, guest: GuestAgent, name: str, driver: str, drops: tuple[str, ...], path: Path
) -> GuestNic:
    await guest.run(["modprobe", driver])
    found = (await guest.run(["sh", "-c", _FIND, driver])).stdout.split()
    if len(found) != 1:
        raise RigError(f"driver {driver} made {len(found)} network interfaces in the guest instead of 1")
    # QEMU's cards have a carrier only while a peer is connected.
    wire = BlockingWire(path)
    stack.callback(wire.close)
    interface = Interface(guest, found[0])
    await interface.up()
    return GuestNic(name, interface, drops, wire)
