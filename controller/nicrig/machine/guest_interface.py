# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's network interface in the guest: up and down, its counters, and the echo of the guest's stack."""

from dataclasses import dataclass

from nicrig.errors import RigError
from nicrig.machine.addresses import BENCH_IP, BENCH_MAC, GUEST_IP, NETWORK_BITS
from nicrig.machine.guest_agent import GuestAgent, number
from nicrig.process.polling import until
from nicrig.text.printable import printable

DRIVER = "nicrig"
NAME_MAX = 15
"""The longest name of an interface in Linux."""

FIND = f'for net in /sys/bus/pci/drivers/{DRIVER}/*/net/*; do [ -e "$net" ] && echo "${{net##*/}}"; done; true'

# From the stack's first step after the driver (tc's ingress hook) out through the same interface: no protocol of the
# guest sees the frame or changes it. GRO is off: it would make one frame of several. One queue replaces fq_codel, which
# lets flows overtake each other. The queue has room for more than a ring can hold, as the stack drops frames when it is
# full. tc is called by its path: the shell's own, busybox's, has no filters.
ECHO = """
ethtool -K "$0" gro off
modprobe -a sch_ingress cls_matchall act_mirred
/usr/bin/tc qdisc replace dev "$0" root pfifo limit 10000
/usr/bin/tc qdisc add dev "$0" clsact
/usr/bin/tc filter add dev "$0" ingress matchall action mirred egress redirect dev "$0"
"""

# ip is called by its path too: busybox's has no neigh.
ADDRESS = f"""
/usr/bin/ip addr replace {GUEST_IP}/{NETWORK_BITS} dev "$0"
/usr/bin/ip neigh replace {BENCH_IP} lladdr {BENCH_MAC} nud permanent dev "$0"
/usr/bin/ip route replace default via {BENCH_IP} dev "$0"
"""


# Before the echo's filter, which the kernel gave a higher number.
KEEP = """
modprobe act_gact
/usr/bin/tc filter add dev "$0" ingress prio 1 matchall action drop
"""
NO_KEEP = '/usr/bin/tc filter del dev "$0" ingress prio 1'

# The kernel's own generator, through the queue: it hands over many frames at once. Their sizes rise from the first to
# the second, again and again, and each has a number.
SEND = r"""
modprobe pktgen
[ -e "/proc/net/pktgen/$0" ] || echo "add_device $0" > /proc/net/pktgen/kpktgend_0
for line in "xmit_mode queue_xmit" "count $1" "min_pkt_size $2" "max_pkt_size $3" "src_mac $4" "dst_mac $5" \
	"delay $6"; do
	echo "$line" > "/proc/net/pktgen/$0"
done
echo start > /proc/net/pktgen/pgctrl
"""

NO_ECHO = '/usr/bin/tc qdisc del dev "$0" clsact'


@dataclass(frozen=True)
class Interface:
    """The interface `name` in `guest`."""

    guest: GuestAgent
    name: str

    @classmethod
    async def find(cls, guest: GuestAgent) -> "Interface | None":
        """The interface that the driver made, or None."""
        names = (await guest.run(["sh", "-c", FIND])).stdout.split()
        if not names:
            return None
        if not names[0].isprintable() or len(names[0]) > NAME_MAX:
            raise RigError(f"the guest calls its interface {printable(names[0])}, which is no name of an interface")
        return cls(guest, names[0])

    async def up(self) -> None:
        """Bring it up; returns when it has a carrier."""
        await self.guest.run(["ip", "link", "set", "dev", self.name, "up"])
        await self.wait_carrier(True)

    async def down(self) -> None:
        await self.guest.run(["ip", "link", "set", "dev", self.name, "down"])

    async def wait_carrier(self, up: bool) -> None:
        """Returns when the guest sees the carrier come or go. Raises DeadlineError when it does not in time."""

        async def look() -> str | None:
            seen = await self._read("carrier", check=False)
            return seen if seen == str(int(up)) else None

        deadlines = self.guest.deadlines
        with deadlines.limit(deadlines.command, f"{self.name}'s carrier to {'come' if up else 'go'}"):
            await until(look)

    async def address(self) -> None:
        """Give it GUEST_IP. All that the guest sends off its network goes to BENCH_MAC."""
        await self.guest.run(["sh", "-ec", ADDRESS, self.name])

    async def start_echo(self) -> None:
        """Have the guest's stack send back, byte for byte, each frame that it gets from the driver."""
        await self.guest.run(["sh", "-ec", ECHO, self.name])

    async def stop_echo(self) -> None:
        """Have the guest's stack process frames itself again."""
        await self.guest.run(["sh", "-ec", NO_ECHO, self.name])

    async def keep(self) -> None:
        """Have the guest's stack drop each frame that it gets from the driver, instead of sending it back."""
        await self.guest.run(["sh", "-ec", KEEP, self.name])

    async def stop_keeping(self) -> None:
        """Have it send them back again."""
        await self.guest.run(["sh", "-ec", NO_KEEP, self.name])

    async def send(self, count: int, sizes: tuple[int, int], pause: float = 0.0) -> None:
        """Have the guest send so many UDP frames from BENCH_MAC, of the sizes from the first to the second, in turn.

        They go `pause` seconds apart.
        """
        smallest, largest = map(str, sizes)
        argv = ["sh", "-ec", SEND, self.name, str(count), smallest, largest, BENCH_MAC, BENCH_MAC, f"{pause * 1e9:.0f}"]
        await self.guest.run(argv)

    async def station(self) -> bytes:
        """Its station address, 6 bytes."""
        said = await self._read("address")
        try:
            return bytes.fromhex(said.replace(":", ""))
        except ValueError:
            raise RigError(f"the guest calls {self.name}'s address {printable(said)}, which is none") from None

    async def received(self) -> int:
        """How many frames the driver has received since it was loaded: what the CPU saw."""
        return number(await self._read("statistics/rx_packets"), f"{self.name}'s count of received frames")

    async def statistics(self) -> dict[str, int]:
        """The rows of `ethtool -S`."""
        rows = (await self.guest.run(["ethtool", "-S", self.name])).stdout.splitlines()
        pairs = (row.partition(":") for row in rows[1:])
        return {name.strip(): number(value, f"{self.name}'s {printable(name.strip())}") for name, _, value in pairs}

    async def _read(self, attribute: str, *, check: bool = True) -> str:
        path = f"/sys/class/net/{self.name}/{attribute}"
        return (await self.guest.run(["cat", path], check=check)).stdout.strip()
