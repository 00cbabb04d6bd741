# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's way from one's own QEMU: run a card, paste the line that it prints, and frames go round."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from controller import qemu, wire
from controller.accelerator import pick
from controller.child import Child
from controller.deadlines import Deadlines
from controller.demo import exchange
from controller.place import Place
from controller.polling import until
from controller.provision import Provision
from tests.fakes.card_process import CardProcess
from tests.system.conftest import udp_frames

pytestmark = [pytest.mark.system, pytest.mark.anyio]

SHELL = "mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; modprobe nicrig; ip link set eth0 up; "
ECHO = (
    "ethtool -K eth0 gro off; modprobe -a sch_ingress cls_matchall act_mirred; /usr/bin/tc qdisc add dev eth0 clsact; "
    "/usr/bin/tc filter add dev eth0 ingress matchall action mirred egress redirect dev eth0; "
)
READY = "the guest echoes"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


@pytest.fixture
def card(folder: Path) -> Iterator[CardProcess]:
    """A card alone, started as the README does."""
    with CardProcess(folder, None) as process:
        yield process


async def test_a_qemu_with_that_line_gets_a_card_that_works(
    card: CardProcess, folder: Path, provision: Provision
) -> None:
    accelerator = pick("auto")
    deadlines = Deadlines(accelerator.scale)
    program, serial = qemu.program(provision), folder / "serial.log"
    guest = f'console=ttyS0 quiet ipv6.disable=1 rdinit=/bin/busybox -- sh -c "{SHELL}{ECHO}echo {READY}; sleep 1000"'
    machine = ["-nodefaults", "-display", "none", "-accel", accelerator.name, "-serial", f"file:{serial}"]
    kernel = ["-kernel", str(provision.kernel), "-initrd", str(provision.image), "-append", guest]
    argv = [*program.argv, *machine, *kernel, *shlex.split(qemu.paste_line(Place(folder)))]
    own = Child(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=program.environment)
    try:

        async def ready() -> bool | None:
            assert own.alive, "QEMU ended"
            return (serial.exists() and READY in serial.read_text(errors="replace")) or None

        with deadlines.limit(deadlines.boot, "the guest to echo"):
            await until(ready)
        connection = await wire.connect(card.wire)
        injected = udp_frames([60, 1514, 300])
        assert await exchange(connection, injected, quiet=deadlines.quiet * deadlines.scale) == injected
        await connection.aclose()
    finally:
        with trio.CancelScope(shield=True):
            await own.close()
