# SPDX-License-Identifier: GPL-2.0-or-later
"""Rigs that stay: what `up`, `serve` and `machine` keep running, what describes it, and how it is ended."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import trio

from controller import qemu
from controller.accelerator import pick
from controller.deadlines import Deadlines
from controller.errors import RigError
from controller.monitor import card_monitor
from controller.options import Options, card_of, machine_of
from controller.place import Place, log_of
from controller.provision import provide, provide_library
from controller.rig import open_machine, open_rig
from controller.run_directory import named_directory, remove_if_dead

END_SECONDS = 20.0

Say = Callable[[str], None]


class Description(msgspec.Struct, frozen=True):
    """The file rig.json of a place: who keeps the rig (`pid`), since when, and how its guest is reached."""

    pid: int
    started: float
    """Seconds since 1970."""
    kind: str
    interrupts: str
    accelerator: str | None = None
    """None where only a card runs."""
    interface: str | None = None


def describe(place: Place, description: Description) -> None:
    """Write it, whole or not at all."""
    fresh = place.description.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(description))
    fresh.rename(place.description)


def description(place: Place) -> Description | None:
    """What is written there, or None."""
    try:
        return msgspec.json.decode(place.description.read_bytes(), type=Description)
    except (OSError, msgspec.DecodeError):
        return None


async def keep_rig(name: str, options: Options, say: Say, report: Say) -> None:
    """Card, machine and driver until cancelled; `say` tells once that all can be used, `report` of progress."""
    provision = await provide(report)
    with named_directory(name) as place:
        async with open_rig(provision, options, place) as rig:
            interface = await rig.bring_up()
            await rig.release()
            described = Description(
                os.getpid(), time.time(), options.kind, options.interrupts, rig.accelerator.name, interface.name
            )
            describe(place, described)
            say(f"ready: {name} ({options.kind}; {rig.accelerator.name}) at {place.folder}")
            await trio.sleep_forever()


async def keep_card(place: Place, options: Options, say: Say) -> None:
    """A card alone until cancelled; `say` is called when its sockets listen."""
    library = await provide_library(lambda _: None)
    card = card_of(place, library, options)
    try:
        deadlines = Deadlines()
        with deadlines.limit(deadlines.card_ready, "the card to be ready"):
            await card.start()
        describe(place, Description(os.getpid(), time.time(), options.kind, options.interrupts))
        say("ready")
        say(qemu.paste_line(place, hot_plug=options.interrupts == "msi"))
        await card.watch()
    finally:
        place.description.unlink(missing_ok=True)
        with trio.CancelScope(shield=True):
            await card.close()


async def qemu_options(place: Place, memory: int) -> str:
    """What one's own QEMU needs to reach the card that runs at `place`; `memory` in MiB."""
    async with card_monitor(place) as monitor:
        card = await monitor.execute("query-card")
    return qemu.paste_line(place, memory=memory, hot_plug=card["interrupts"] == "msi")


async def whole_line(place: Place, options: Options) -> str:
    """The command line of QEMU that `up` starts there; where a card runs already, what `machine` starts for it."""
    provision = await provide(lambda _: None)
    if place.monitor.is_socket():
        async with card_monitor(place) as monitor:
            options = replace(options, interrupts=(await monitor.execute("query-card"))["interrupts"])
    machine = machine_of(options, provision, pick(options.accelerator))
    return qemu.whole_line(qemu.program(provision), machine, place, hot_plug=options.interrupts == "msi")


async def keep_machine(place: Place, options: Options, say: Say) -> None:
    """The virtual machine alone, for the card at `place`, until cancelled; `say` is called when the guest is up."""
    provision = await provide(lambda _: None)
    async with card_monitor(place) as monitor:
        card = await monitor.execute("query-card")
    options = replace(options, kind=card["kind"], interrupts=card["interrupts"])
    async with open_machine(provision, options, place) as rig:
        with guest_described(place, rig.accelerator.name):
            say(f"ready: a guest for {place.folder} ({options.kind}; {rig.accelerator.name})")
            await trio.sleep_forever()


@contextmanager
def guest_described(place: Place, accelerator: str) -> Iterator[None]:
    """The description of a card alone tells of its guest too, while it has one: who waits for it looks there."""
    alone = description(place)
    if alone is not None:
        describe(place, msgspec.structs.replace(alone, accelerator=accelerator))
    try:
        yield
    finally:
        if alone is not None and place.description.exists():
            describe(place, alone)


async def end_rig(place: Place) -> None:
    """Have whoever keeps it take it down, and wait until it is gone. Raises RigError, DeadlineError."""
    if remove_if_dead(place):
        return
    kept = description(place)
    if kept is None:
        raise RigError(f"{place.folder} is being started: wait for it, or end the command that starts it")
    ended = os.pidfd_open(kept.pid)
    try:
        signal.pidfd_send_signal(ended, signal.SIGTERM)
        with Deadlines().limit(END_SECONDS, f"process {kept.pid} to take {place.folder} down"):
            await trio.lowlevel.wait_readable(ended)
    finally:
        os.close(ended)
    log_of(place.folder.name).unlink(missing_ok=True)
