# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the steps of a leg (legs.py) with a driver that is up and whose guest echoes."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio

from nicrig.errors import RigError
from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.session.rig import Rig
from nicrig.traffic import generator
from nicrig.verdict.echo_run import EchoRun
from nicrig.verdict.guest_trouble import LINK_HIDDEN, NOT_RESET
from nicrig.verdict.legs import DownUp, Echo, Fault, Hang, Idle, Keep, LinkFlap, Overload, Send, Sizes, Step, Unkind
from nicrig_interface.answers import FaultState

SIZES = {"every": generator.EVERY_SIZE, "limits": generator.LIMITS, "short": range(60, 125)}
SENT_SIZES = (60, 1514)
"""The smallest and largest frame that the guest sends by itself."""
LOSING_QUIET = 0.2
"""Seconds without a frame, before scaling, after which frames that may be lost are lost."""
LINK = 10.0
"""Seconds, before scaling, in which the guest must see that the cable was pulled or plugged."""
RESET = 20.0
"""Seconds in which a card that sends nothing must be reset. The guest's timers are not slower when it is emulated."""


REFUSED = "send-refused"
"""The fault with which the card sends a frame and reports it as refused."""


class LegRun:
    """One run through a leg's steps. `unkind` makes the card so."""

    def __init__(
        self, rig: Rig, interface: Interface, run: EchoRun, seed: int, unkind: Callable[[], Awaitable[object]]
    ) -> None:
        self._rig = rig
        self._interface = interface
        self._run = run
        self._seed = seed
        self._unkind = unkind
        self._struck = 0
        """How many frames the faults that are armed may cost."""
        self._dropping = 0
        """How many frames the driver must drop."""
        self._armed = False
        """Whether this leg has armed a fault. Those that the user has armed stay."""

    async def take(self, steps: tuple[Step, ...]) -> None:
        """Take the steps, until a guest lets no frame pass any more. Raises as EchoRun does."""
        await self._run.begin()
        try:
            for step in steps:
                await self._take(step)
                if self._run.stalled:
                    break
        finally:
            with trio.move_on_after(1, shield=True), suppress(RigError):
                await self._disarm()
        await self._run.finish()

    async def _take(self, step: Step) -> None:
        match step:
            case Echo():
                await self._echo(step)
            case Overload():
                await self._overload(2 * await self._run.capacity())
            case Keep():
                await self._keep(step)
            case Send():
                await self._run.send(step.frames, SENT_SIZES, pause=step.pause)
            case Unkind():
                await self._unkind()
            case Idle():
                await trio.sleep(step.seconds)
            case DownUp():
                await self._down_up(step.frames)
            case LinkFlap():
                await self._flap()
            case Fault():
                await self._strike(step)
            case Hang():
                await self._hang(step.frames)

    async def _frames(self, count: int, sizes: Sizes = "every") -> list[bytes]:
        self._seed += 1
        made = partial(generator.mixed, count, seed=self._seed, sizes=SIZES[sizes])
        return await trio.to_thread.run_sync(made)

    async def _echo(self, step: Echo) -> None:
        # The subordinate kind finds no frame behind one that is struck in its transfer.
        each = step.window if self._rig.options.kind == "subordinate" else 1
        losing, self._struck = each * self._struck, 0
        dropping, self._dropping = self._dropping, 0
        frames = await self._frames(step.frames, step.sizes)
        quiet = LOSING_QUIET if losing else 0.0
        await self._run.echo(frames, window=step.window, losing=losing, quiet=quiet, erroneous=dropping)
        await self._disarm()

    async def _overload(self, count: int) -> None:
        frames = await self._frames(count)
        await self._run.echo(frames, window=count, dropping=True, quiet=LOSING_QUIET)

    async def _keep(self, step: Keep) -> None:
        await self._interface.keep()
        await self._run.keep(await self._frames(step.frames), pause=step.pause)
        await self._interface.stop_keeping()

    async def _down_up(self, count: int) -> None:
        async def bounce() -> None:
            await self._interface.down()
            await self._interface.up()

        if count:
            await self._run.echo(await self._frames(count), losing=count, quiet=LOSING_QUIET, meanwhile=bounce)
        else:
            await bounce()

    async def _flap(self) -> None:
        for up in (False, True):
            await self._rig.card.set_link(up)
            with trio.move_on_after(LINK * self._rig.deadlines.scale) as waiting:
                await self._interface.wait_carrier(up)
            if waiting.cancelled_caught:
                self._run.suffered(LINK_HIDDEN)
                await self._rig.card.set_link(True)
                break

    async def _strike(self, fault: Fault) -> None:
        known = await self._rig.card.monitor.ask("query-faults", list[FaultState])
        if fault.name in {each.name for each in known}:
            await self._arm(fault)
            self._struck += fault.losing * fault.count
            self._dropping += fault.dropping * fault.count
            if fault.name == REFUSED:
                self._run.refuses(fault.count)

    async def _arm(self, fault: Fault) -> None:
        self._armed = True
        arguments = {"name": fault.name, "at": fault.at, "count": fault.count}
        await self._rig.card.monitor.execute("set-fault", arguments)

    async def _disarm(self) -> None:
        if self._armed:
            await self._rig.card.monitor.execute("clear-faults")
        self._armed = False

    async def _hang(self, count: int) -> None:
        await self._run.rest()  # a reset has the driver post all buffers again
        resets = (await self._rig.card.counters())["resets"]

        async def reset() -> bool | None:
            return True if (await self._rig.card.counters())["resets"] > resets else None

        async def wait() -> None:
            with trio.move_on_after(RESET) as waiting:
                await until(reset)
            if waiting.cancelled_caught:
                self._run.suffered(NOT_RESET)

        await self._arm(Fault("send-never-done", at=1, count=1))
        await self._run.send(count, SENT_SIZES, losing=count, quiet=LOSING_QUIET, first=wait)
        await self._disarm()
