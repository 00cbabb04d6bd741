# SPDX-License-Identifier: GPL-2.0-or-later
"""Running rigs as scapy's own interfaces: `import nicrig.scapy`, then iface="nicrig-NAME".

sendp, srp, srp1, sniff and AsyncSniffer work on the wire of the card. So do send and sr, by the route that is added. A
sniffer sees what the guest sends; `nicrig capture` shows both ways. All of it is synchronous, as scapy is.

Mind these habits of scapy 2.8: sniff(opened_socket=) ignores filter=, so give the filter to the socket or to its
own sniff(). AsyncSniffer takes its time limit in join(). A socket closes itself when it is collected, so keep a
reference to it.
"""

import json
import select
import socket
import struct
import time
from pathlib import Path
from typing import Any, NoReturn

from scapy.config import conf
from scapy.data import ARPHRD_ETHER, ETH_P_ALL
from scapy.interfaces import InterfaceProvider, NetworkInterface, resolve_iface
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.supersocket import SuperSocket

from nicrig.captures.filter import capture_filter
from nicrig.card.wire import pack
from nicrig.errors import RigError
from nicrig.machine.addresses import BENCH_IP, BENCH_MAC, NETWORK_BITS
from nicrig.rundir.paths import RigPaths, names, paths_of
from nicrig.traffic.addressing import addressed

PREFIX = "nicrig-"
LENGTH = struct.Struct(">I")
PATIENCE = 5.0
"""How many seconds the card may take for any step before it counts as dead."""


def connect(path: Path) -> socket.socket:
    """Connect to a socket of a running card. Raises RigError when no card listens."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(PATIENCE)
    try:
        made.connect(str(path))
    except OSError as error:
        made.close()
        raise RigError(f"no card listens at {path}: {error.strerror}") from None
    return made


def ask(paths: RigPaths, command: str) -> dict[str, Any]:
    """What the card's monitor returns for a command."""
    with connect(paths.monitor) as monitor, monitor.makefile("rw") as stream:
        for each in ("qmp_capabilities", command):
            stream.write(json.dumps({"execute": each, "id": each}) + "\n")
        stream.flush()
        answers = (json.loads(line) for line in stream)
        found: dict[str, Any] = next(answer["return"] for answer in answers if answer.get("id") == command)
    return found


class WireSocket(SuperSocket):
    """The wire of a card, as scapy's layer 2 socket. Raises UsageError for a filter that it cannot apply."""

    desc = "Ethernet frames on the wire of a nicrig card"

    def __init__(
        self,
        iface: Any = None,
        type: int = ETH_P_ALL,
        promisc: object = None,
        filter: str | None = None,
        nofilter: int = 0,
        monitor: object = None,
    ) -> None:
        self.iface = resolve_iface(iface or conf.iface)
        self._type = type
        self._passes = capture_filter(filter or "")
        self._paths = paths_of(str(self.iface.name).removeprefix(PREFIX))
        self.ins = self.outs = connect(self._paths.wire)

    def send(self, x: Packet) -> int:
        """Send a packet. Raises TimeoutError when the card does not take it, UsageError when it is too long."""
        # scapy would look for addresses that are left out on this host's own network.
        frame = bytes(addressed(x, self._station) if isinstance(x, Packet) else x)
        x.sent_time = time.time()
        self.ins.sendall(pack([frame]))
        return len(frame)

    def _station(self) -> str:
        """The card's MAC address."""
        return str(ask(self._paths, "query-card")["mac"])

    def recv_raw(self, x: int = 0) -> tuple[Any, bytes | None, float | None]:
        """The next frame; nothing when the filter drops it. EOFError ends a sniffer whose card is gone."""
        # Take exactly one frame from the socket: then select says whether there is another.
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        frame = self._exactly(length)
        wanted = self._type in (ETH_P_ALL, int.from_bytes(frame[12:14], "big")) and self._passes(frame)
        return (Ether, frame, time.time()) if wanted else (None, None, None)

    def _exactly(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            part = self.ins.recv(length - len(data))
            if not part:
                raise EOFError("the card closed its wire")
            data += part
        return bytes(data)

    def sniff(self, *args: Any, filter: str | None = None, **settings: Any) -> Any:
        """As scapy's, but a filter given here works."""
        if filter:
            self._passes = capture_filter(filter)
        return super().sniff(*args, **settings)

    @staticmethod
    def select(sockets: list[Any], remain: float | None = conf.recv_poll_rate) -> list[Any]:
        """The sockets that have data. scapy's own select fails on descriptors from 1024 on."""
        closed = [each for each in sockets if each.closed]
        if closed:
            return closed
        poll, by_number = select.poll(), {each.fileno(): each for each in sockets}
        for number in by_number:
            poll.register(number, select.POLLIN)
        return [by_number[number] for number, _ in poll.poll(None if remain is None else remain * 1000)]


class ListeningSocket(WireSocket):
    """A socket that only receives. A sniffer opens it."""

    def send(self, x: Packet) -> NoReturn:
        raise RigError("this socket only listens: send with sendp, or with conf.ifaces[...].l2socket()")


class NetworkSocket(WireSocket):
    """Packets without their Ethernet header, for send and sr."""

    desc = "IP packets on the wire of a nicrig card"

    def send(self, x: Packet) -> int:
        """Send a packet in a frame."""
        sent = super().send(Ether(src=BENCH_MAC) / x)
        x.sent_time = time.time()
        return sent

    def recv(self, x: int = 0, **settings: Any) -> Packet | None:
        """The packet in the next frame."""
        packet = super().recv(x, **settings)
        if packet is None:
            return None
        packet.payload.time = packet.time
        return packet.payload


class RigProvider(InterfaceProvider):
    """All rigs that have a name at the moment when scapy looks."""

    name = "nicrig"

    def load(self) -> dict[str, NetworkInterface]:
        """The rigs. Each has the bench's address on the guests' network."""
        found = {PREFIX + name: self._interface(PREFIX + name) for name in names()}
        for route in [*conf.route.routes]:
            if route[3].startswith(PREFIX):
                conf.route.ifdel(route[3])
        for name in found:
            conf.route.ifadd(name, f"{BENCH_IP}/{NETWORK_BITS}")
        return found

    def _interface(self, name: str) -> NetworkInterface:
        known = {"name": name, "network_name": name, "description": name, "index": -1}
        return NetworkInterface(self, {**known, "mac": BENCH_MAC, "ips": [BENCH_IP], "type": ARPHRD_ETHER})

    def _is_valid(self, dev: NetworkInterface) -> bool:
        return True

    def _l2socket(self, dev: NetworkInterface) -> type[WireSocket]:
        return WireSocket

    def _l2listen(self, dev: NetworkInterface) -> type[WireSocket]:
        return ListeningSocket

    def _l3socket(self, dev: NetworkInterface, ipv6: bool) -> type[WireSocket]:
        return NetworkSocket


conf.ifaces.register_provider(RigProvider)
