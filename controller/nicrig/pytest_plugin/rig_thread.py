# SPDX-License-Identifier: GPL-2.0-or-later
"""A rig in a thread of its own, with a loop of its own: the rig is watched between tests, whatever a test does.

When a part of the rig dies, every call into the thread ends at once with the part's last words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import trio
from anyio import abc
from anyio.from_thread import BlockingPortal

from nicrig.errors import ConnectionLostError, PartDeathError, RigError, cause
from nicrig.machine.guest_agent import GuestAgent
from nicrig.machine.guest_interface import DRIVER
from nicrig.session.rig import Rig
from nicrig.session.services import POST_MORTEM_SECONDS
from nicrig.text.printable import printable
from nicrig_interface.answers import RegisterState

TOLD = (RigError, AssertionError)
"""The text of these errors says all. A traceback from the rig's thread would not help a test."""

T = TypeVar("T")
Open = Callable[[], AbstractAsyncContextManager[Rig]]

# Answers each datagram to port 7 with itself (RFC 862). It runs on in the guest; a second one finds the port taken and
# ends.
ECHO_SERVICE = """
socket(my $echo, 2, 2, 17) or die; bind($echo, pack("S n x12", 2, 7)) or exit;
exit if fork; open($_, "+<", "/dev/null") for *STDIN, *STDOUT, *STDERR;
while (defined(my $from = recv($echo, my $datagram, 65535, 0))) { send($echo, $datagram, 0, $from) }
"""


async def start_echo_service(guest: GuestAgent) -> None:
    """Have the guest answer each datagram to port 7 with itself."""
    await guest.run(["perl", "-e", ECHO_SERVICE])


UNLOAD = f"[ ! -d /sys/module/{DRIVER} ] || rmmod {DRIVER}"
FACTS = f"uname -r; modinfo -F version {DRIVER}; modinfo -F srcversion {DRIVER}"


class RigThread:
    """A running rig. `wait` and `call` run a function in its thread. `facts` names kernel, driver and so on."""

    rig: Rig
    facts: dict[str, str]
    registers: dict[tuple[int, int], str]
    """The registers' names, by BAR and offset."""

    def __init__(self, portal: BlockingPortal, open_it: Open) -> None:
        self.clean = True
        """Whether the last test left the rig as it found it."""
        self._portal = portal
        self._open = open_it
        self._death: Exception | None = None
        self.death_is_told = False
        """Whether a test has seen the error. If not, the end of the test raises it."""
        self._calls: set[trio.CancelScope] = set()
        self._enough, self._over = trio.Event(), trio.Event()
        self._task, _ = portal.start_task(self._keep)

    @property
    def alive(self) -> bool:
        return not self._over.is_set() and self._death is None

    def start_soon(self, task: Callable[[], Awaitable[None]]) -> None:
        """Call it in the rig's thread. The task ends with the rig at the latest; if it fails, the rig ends."""
        self._nursery.start_soon(task)

    def wait(self, function: Callable[[], Awaitable[T]]) -> T:
        """The result of `function` in the rig's thread. Raises PartDeathError when the rig dies meanwhile."""
        __tracebackhide__ = True
        future = self._portal.start_task_soon(self._within, function)
        try:
            return future.result()
        except TOLD as error:
            raise error.with_traceback(None) from None
        except KeyboardInterrupt:
            future.cancel()
            raise

    def run(self, function: Callable[[], Awaitable[T]]) -> T:
        """The result of `function` in the rig's thread, whether the rig is alive or not."""
        return self._portal.call(function)

    async def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """As `wait`, from any loop. Cancelling it cancels the function."""
        __tracebackhide__ = True
        try:
            return await self._portal.call_async(self._within, function)
        except TOLD as error:
            raise error.with_traceback(None) from None

    def close(self) -> None:
        """End the rig, if it has not ended by itself."""
        self._portal.call(self._enough.set)
        self._task.result()

    async def _keep(self, *, task_status: abc.TaskStatus[None]) -> None:
        started = False
        try:
            async with self._open() as rig:
                self.rig = rig
                self.facts = await self._prepare()
                started = True
                await self._serve(task_status.started)
        except Exception as death:
            if not started:
                raise
            self._death = death
        finally:
            self._over.set()

    async def _prepare(self) -> dict[str, str]:
        await self.rig.guest.run(["sh", "-c", UNLOAD])
        await start_echo_service(self.rig.guest)
        there = await self.rig.card.monitor.ask("query-registers", list[RegisterState])
        self.registers = {(each.bar, each.offset): f"{each.block}.{each.name}" for each in there}
        said = (await self.rig.guest.run(["sh", "-c", FACTS])).stdout.split()
        kind, accelerator = self.rig.options.kind, self.rig.machine.accelerator.name
        kernel, driver = printable(" ".join(said[:1])), printable(" ".join(said[1:]))
        return {"kernel": kernel, "driver": driver, "kind": kind, "accelerator": accelerator}

    async def _serve(self, ready: Callable[[], None]) -> None:
        try:
            async with trio.open_nursery() as self._nursery:
                ready()
                await self._enough.wait()
                self._nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise cause(group) from None
        finally:
            for scope in self._calls:
                scope.cancel()

    async def _within(self, function: Callable[[], Awaitable[T]]) -> T:
        if self.alive:
            with trio.CancelScope() as scope:
                self._calls.add(scope)
                try:
                    return await function()
                except ConnectionLostError:
                    # Wait for the death that broke the connection: that is what the user wants to read.
                    with trio.move_on_after(2 * POST_MORTEM_SECONDS):
                        await self._over.wait()
                    if self._death is None:
                        raise
                finally:
                    self._calls.discard(scope)
        await self._over.wait()
        self.death_is_told = True
        if self._death is None or isinstance(self._death, RigError):
            raise PartDeathError(str(self._death or "the rig has ended already"))
        raise RuntimeError("the rig's thread has failed") from self._death
