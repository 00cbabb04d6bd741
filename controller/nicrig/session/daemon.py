# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemons: what `up`, `serve` and `machine` run, and the file that describes a rig."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import trio

from nicrig.card.monitor import card_monitor, card_state
from nicrig.machine import qemu
from nicrig.machine.accelerator import pick
from nicrig.process.deadlines import Deadlines
from nicrig.provision import provide, provide_library
from nicrig.rundir.directories import named_directory
from nicrig.rundir.own_files import read_end
from nicrig.rundir.paths import RigPaths
from nicrig.session.ending import Daemon, ends_with_card
from nicrig.session.options import Options, card_of, machine_of
from nicrig.session.rig import open_machine, open_rig
from nicrig_interface.answers import TimingState

DESCRIPTION_BYTES = 64 << 10

Say = Callable[[str], None]


class Description(msgspec.Struct, frozen=True):
    """The file rig.json of a rig: its daemon (`pid`), since when it runs, and its guest's interface."""

    pid: int
    started: float
    """Seconds since 1970."""
    kind: str
    interrupts: str
    accelerator: str | None = None
    """None when only a card runs."""
    interface: str | None = None


def describe(paths: RigPaths, description: Description) -> None:
    """Write the description, whole or not at all."""
    fresh = paths.description.with_suffix(".new")
    # A file of its own: whatever has this name now is not written to.
    fresh.unlink(missing_ok=True)
    with fresh.open("xb") as file:
        file.write(msgspec.json.encode(description))
    fresh.rename(paths.description)


def description(paths: RigPaths) -> Description | None:
    """The description of the rig at `paths`, or None."""
    try:
        return msgspec.json.decode(read_end(paths.description, DESCRIPTION_BYTES), type=Description)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors, and so is one of UTF-8
        return None


async def serve_rig(name: str, options: Options, say: Say, report: Say) -> None:
    """Run card, machine and driver until cancelled or asked to end.

    `say` gets one line when all is ready, `report` gets progress.
    """
    provision = (await provide(report)).kept()
    with named_directory(name) as paths:
        async with Daemon(paths).serving(), open_rig(provision, options, paths) as rig:
            interface = await rig.guest.bring_up()
            await rig.release()
            described = Description(
                os.getpid(), time.time(), options.kind, options.interrupts, rig.machine.accelerator.name, interface.name
            )
            describe(paths, described)
            timing = (await rig.card.monitor.ask("query-timing", TimingState)).timing
            how = "; ".join((options.kind, rig.machine.accelerator.name, *([] if timing == "kind" else [timing])))
            say(f"ready: {name} ({how}) at {paths.folder}")
            await trio.sleep_forever()


async def serve_card(paths: RigPaths, options: Options, say: Say) -> None:
    """Run a card alone until cancelled or asked to end; `say` gets its lines when the card's sockets listen."""
    library = await provide_library(lambda _: None)
    card, daemon = card_of(paths, library, options), Daemon(paths)
    async with daemon.serving():
        try:
            deadlines = Deadlines()
            with deadlines.limit(deadlines.card_ready, "the card to be ready"):
                await card.start()
            describe(paths, Description(os.getpid(), time.time(), options.kind, options.interrupts))
            say("ready")
            say(qemu.paste_line(paths, hot_plug=options.hot_plug))
            if options.timing != "kind":
                async with card_monitor(paths) as monitor:
                    say(f"card timing: {(await monitor.ask('query-timing', TimingState)).timing}")
            await card.watch()
        finally:
            # QEMU may fail when it loses its card.
            await daemon.end_machines()
            paths.description.unlink(missing_ok=True)
            with trio.CancelScope(shield=True):
                await card.close()


async def qemu_options(paths: RigPaths, memory: int) -> str:
    """The options that connect your own QEMU to the card that runs at `paths`; `memory` in MiB."""
    async with card_monitor(paths) as monitor:
        card = await card_state(monitor)
    return qemu.paste_line(paths, memory=memory, hot_plug=card.interrupts == "msi")


async def whole_line(paths: RigPaths, options: Options) -> str:
    """The command line of QEMU that `up` starts at `paths`, or that `machine` starts for a card that runs there."""
    provision = (await provide(lambda _: None)).kept()
    if paths.monitor.is_socket():
        async with card_monitor(paths) as monitor:
            options = replace(options, interrupts=(await card_state(monitor)).interrupts)
    machine = machine_of(options, provision, pick(options.accelerator))
    return qemu.whole_line(qemu.program(provision), machine, paths, hot_plug=options.hot_plug)


async def serve_machine(paths: RigPaths, options: Options, say: Say) -> None:
    """Run a virtual machine for the card at `paths` until cancelled, or until the card's daemon ends.

    `say` gets a line when the guest is up.
    """
    provision = (await provide(lambda _: None)).kept()
    async with card_monitor(paths) as monitor:
        card = await card_state(monitor)
    options = replace(options, kind=card.kind, interrupts=card.interrupts)
    async with ends_with_card(paths), open_machine(provision, options, paths) as machine:
        with guest_described(paths, machine.accelerator.name):
            say(f"ready: a guest for {paths.folder} ({options.kind}; {machine.accelerator.name})")
            await trio.sleep_forever()


@contextmanager
def guest_described(paths: RigPaths, accelerator: str) -> Iterator[None]:
    """Add the guest to the description of a card alone: a process that waits for the guest looks there."""
    alone = description(paths)
    if alone is not None:
        describe(paths, msgspec.structs.replace(alone, accelerator=accelerator))
    try:
        yield
    finally:
        if alone is not None and paths.description.exists():
            describe(paths, alone)
