# SPDX-License-Identifier: GPL-2.0-or-later
"""Several cards on one machine, all with traffic at once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import trio

from nicrig.card.monitor import card_monitor, counters
from nicrig.card.wire import Wire, connect
from nicrig.machine.guest_interface import FIND, Interface
from nicrig.machine.qemu import card_device
from nicrig.process.polling import until
from nicrig.provision import Provision
from nicrig.rundir.paths import RigPaths
from nicrig.session.options import Options, card_of
from nicrig.session.rig import OwnRig, open_rig
from nicrig.traffic.generator import mixed
from nicrig.verdict.exchange import exchange
from tests.soak.diary import Diary, ViolationError
from tests.soak.invariants import accounted, no_orphans

ROUNDS = 10


@contextmanager
def open_folder() -> Iterator[RigPaths]:
    """A folder that QEMU can enter: root's QEMU has a user of its own, which is given only the card of its rig."""
    with tempfile.TemporaryDirectory(prefix="nicrig-soak-") as name:
        Path(name).chmod(0o711)
        yield RigPaths(Path(name))


async def many_cards(provision: Provision, options: Options, diary: Diary, cards: int) -> None:
    """A machine with so many cards: the rig's own, and others whose processes and wires are held here."""
    diary.note("many cards", f"{cards} {options.kind} {options.memory} MiB")
    async with AsyncExitStack() as stack:
        others = [stack.enter_context(open_folder()) for _ in range(cards - 1)]
        for number, paths in enumerate(others, 1):
            card = card_of(paths, provision.libvfio_user, replace(options, mac=f"52:54:00:6e:69:{number:02x}"))
            stack.push_async_callback(card.close)
            await card.start()
            paths.vfio_user.chmod(0o666)
        devices = tuple(
            json.dumps({**card_device(paths.vfio_user, hot_plug=False), "id": f"card{number}"})
            for number, paths in enumerate(others, 1)
        )
        rig = await stack.enter_async_context(open_rig(provision, replace(options, devices=devices)))
        await rig.guest.load_driver()
        names = (await rig.guest.run(["sh", "-c", FIND])).stdout.split()
        if len(names) != cards:
            raise ViolationError(f"{cards} cards, but the driver made the interfaces {names}")
        for name in names:
            await Interface(rig.guest, name).up()
            await Interface(rig.guest, name).start_echo()
        wires = [rig.card.wire, *[await connect(paths.wire) for paths in others]]
        for _ in range(ROUNDS):
            if diary.clock.over:
                break
            await _all_echo(rig, [rig.paths, *others], wires, diary)
        for wire in wires[1:]:
            await wire.aclose()
    for paths in others:
        await no_orphans(paths.folder)


async def _all_echo(rig: OwnRig, cards: list[RigPaths], wires: list[Wire], diary: Diary) -> None:
    diary.note("traffic on all cards")
    async with trio.open_nursery() as nursery:
        for paths, wire in zip(cards, wires, strict=True):
            nursery.start_soon(_echo, rig, paths, wire, diary.draw.getrandbits(32))


async def _echo(rig: OwnRig, paths: RigPaths, wire: Wire, seed: int) -> None:
    sent = mixed(100, seed=seed)
    async with card_monitor(paths) as monitor:
        before = await counters(monitor)
        echoed = await exchange(wire, sent, quiet=5 * rig.deadlines.scale)
        if missing := set(sent) - set(echoed):
            raise ViolationError(f"{len(missing)} of {len(sent)} frames were not echoed by the card at {paths.folder}")

        async def account_closes() -> bool | None:
            return accounted(before, await counters(monitor)) == len(sent) or None

        with rig.deadlines.limit(10, f"the card at {paths.folder} to account for {len(sent)} frames"):
            await until(account_closes)
