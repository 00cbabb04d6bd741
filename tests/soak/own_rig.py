# SPDX-License-Identifier: GPL-2.0-or-later
"""A rig of this process: faults under traffic, reboots, module reloads, hot-plug, a card or a QEMU that is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import trio

from nicrig.card.fault_client import faults_of
from nicrig.errors import DeadlineError, PartDeathError, RigError, cause
from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.provision import Provision
from nicrig.rundir.directories import run_directory
from nicrig.session.options import Options
from nicrig.session.rig import OwnRig, open_rig
from nicrig.traffic.generator import mixed
from nicrig.verdict.exchange import exchange
from tests.soak.diary import Diary, ViolationError
from tests.soak.invariants import accounted, check_footprint, footprint, no_orphans, users_of

STEPS = 25
"""Actions before another rig has its turn."""
QUIET = 1.0


class OwnRigUnderBlows:
    """The driver is loaded, and echoes, before and after each action."""

    interface: Interface

    def __init__(self, rig: OwnRig, diary: Diary) -> None:
        self.rig = rig
        self.draw = diary.draw
        self.diary = diary

    async def begin(self) -> None:
        """Load the driver, and see what a new card needs."""
        await self._up(await self.rig.guest.load_driver())
        self.first = footprint(self.rig.card.pid)

    async def step(self) -> None:
        """One action, then what holds after each."""
        actions: list[Callable[[], Awaitable[None]]] = [self.faults, self.reload, self.reboot, self.flap, self.restack]
        if self.rig.options.hot_plug:
            actions += [self.plug, self.plug, self.crash]
        action = self.draw.choice(actions)
        self.diary.note(action.__name__)
        await action()
        await self.check()

    async def check(self) -> None:
        """Every frame is echoed, the account closes, the card has not grown."""
        sent = mixed(self.draw.randint(1, 400), seed=self.draw.getrandbits(32))
        before = await self.rig.card.counters()
        echoed = await exchange(self.rig.card.wire, sent, quiet=QUIET * self.rig.deadlines.scale)
        # A guest with an address sends frames of its own.
        if missing := [frame for frame in sent if frame not in set(echoed)]:
            raise ViolationError(f"{len(missing)} of {len(sent)} frames were not echoed")
        with self.rig.deadlines.limit(10, f"the card to account for {len(sent)} frames"):
            await until(lambda: self._accounted(before, len(sent)))
        check_footprint(self.first, footprint(self.rig.card.pid))

    # -- actions ------------------------------------------------------------------------------------------
    async def faults(self) -> None:
        """Up to three faults at once, under traffic. Then the driver is loaded anew: it may have lost sends.

        The card sends what a fault held back when the fault is cleared.
        """
        known = await faults_of(self.rig.paths)
        for fault in self.draw.sample(known, self.draw.randint(1, 3)):
            at, count = self.draw.randint(1, 50), self.draw.choice([1, 2, 20, 1000])
            self.diary.note("fault", f"{fault.name} at {at}, {count} times")
            await self.rig.card.monitor.execute("set-fault", {"name": fault.name, "at": at, "count": count})
        await exchange(self.rig.card.wire, mixed(200, seed=self.draw.getrandbits(32)), quiet=0.3)
        await self.rig.card.monitor.execute("clear-faults")
        await self.reload()
        await self._drain()

    async def reload(self) -> None:
        await self.rig.guest.unload_driver()
        await self._up(await self.rig.guest.load_driver())

    async def reboot(self) -> None:
        await self.rig.guest.reboot()
        await self._up(await self.rig.guest.load_driver())

    async def flap(self) -> None:
        """The cable goes out and in, with frames on their way."""
        await self.rig.card.wire.send(mixed(50, seed=self.draw.getrandbits(32)))
        await self.rig.card.set_link(False)
        await self.interface.wait_carrier(False)
        await self.rig.card.set_link(True)
        await self.interface.wait_carrier(True)
        await self._drain()

    async def restack(self) -> None:
        """The interface goes down under traffic, and up."""
        await self.rig.card.wire.send(mixed(100, seed=self.draw.getrandbits(32)))
        await self.interface.down()
        await self.interface.up()
        await self._drain()

    async def plug(self) -> None:
        await self.rig.card.wire.send(mixed(50, seed=self.draw.getrandbits(32)))
        await self.rig.machine.unplug()
        await self.rig.machine.plug()
        await self._up(await self.rig.guest.wait_interface())
        await self._drain()

    async def crash(self) -> None:
        """The card's process is killed; a new one takes its place."""
        await self.rig.card.kill()
        await self.rig.machine.unplug()
        await self.rig.card.restart()
        await self.rig.machine.plug()
        await self._up(await self.rig.guest.wait_interface())
        self.first = footprint(self.rig.card.pid)

    # -- helpers ------------------------------------------------------------------------------------------
    async def _up(self, interface: Interface) -> None:
        self.interface = interface
        await interface.up()
        await interface.start_echo()

    async def _drain(self) -> None:
        """Take what still comes out, so that it is not taken for a later echo; and what came in has been counted."""
        with trio.move_on_after(QUIET) as silence:
            while True:
                await self.rig.card.wire.receive()
                silence.deadline = trio.current_time() + QUIET

    async def _accounted(self, before: dict[str, int], injected: int) -> bool | None:
        return accounted(before, await self.rig.card.counters()) == injected or None


async def blows(provision: Provision, options: Options, diary: Diary) -> None:
    """A rig with these options, from its start to its end: mostly an orderly one, sometimes by a killed QEMU."""
    with run_directory() as paths:
        diary.note("open_rig", f"{options.kind} {options.interrupts} {options.ledger} {options.memory} MiB")
        try:
            async with open_rig(provision, options, paths) as rig:
                under_blows = OwnRigUnderBlows(rig, diary)
                await under_blows.begin()
                for _ in range(STEPS):
                    if diary.clock.over:
                        break
                    await under_blows.step()
                if diary.draw.random() < 0.5:
                    await _kill_qemu(rig, diary)
        except PartDeathError as error:
            if "QEMU ended with code -9" not in str(error):
                raise ViolationError(str(error)) from None
        except (RigError, DeadlineError) as error:
            raise ViolationError(f"{type(error).__name__}: {error}") from error
        except BaseExceptionGroup as group:
            raise cause(group) from None
        await no_orphans(paths.folder)


async def _kill_qemu(rig: OwnRig, diary: Diary) -> None:
    diary.note("kill", "QEMU")
    for pid in users_of(rig.paths.folder):
        if pid != rig.card.pid:
            os.kill(pid, signal.SIGKILL)
    await trio.sleep(30)
    raise ViolationError("the rig did not notice that its QEMU was killed")
