# SPDX-License-Identifier: GPL-2.0-or-later
"""The rigs of a run of tests: which exist, which start, and which end to make room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from types import TracebackType

from anyio.from_thread import start_blocking_portal

from nicrig.errors import RigError, UsageError
from nicrig.machine.guest_interface import Interface
from nicrig.provision import Provision, provide
from nicrig.pytest_plugin.rig_thread import Open, RigThread
from nicrig.rundir.paths import paths_of
from nicrig.session.options import Options
from nicrig.session.rig import Rig, attach_rig, open_rig


class Rigs:
    """The rigs of a run: one for each combination of options, at most `most`. The one unused for longest ends first."""

    def __init__(self, most: int, attach_to: str = "") -> None:
        self._most = most
        self._attach_to = attach_to
        self._stack = ExitStack()
        self._threads: dict[Options, RigThread] = {}
        self._failed: dict[Options, RigError] = {}
        self._provision: Provision | None = None

    def __enter__(self) -> Rigs:
        self._portal = self._stack.enter_context(start_blocking_portal("trio", name="nicrig"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack:
            self.close_all()
            self._portal.call(self._portal.stop, True)

    def take(self, options: Options, *, fresh: bool = False) -> RigThread:
        """A rig with these options, started if there is none. Raises RigError when it cannot start."""
        if options in self._failed:
            raise self._failed[options]
        thread = self._threads.pop(options, None)
        if thread is not None and (fresh or not thread.clean or not thread.alive):
            thread.close()
            thread = None
        while thread is None and len(self._threads) >= self._most:
            self.close(next(iter(self._threads)))
        # Keep the order of use: the last one used is last.
        self._threads[options] = thread = thread or self._start(options, fresh=fresh)
        return thread

    def close(self, options: Options) -> None:
        """End the rig with these options."""
        self._threads.pop(options).close()

    def close_all(self) -> None:
        """End all rigs."""
        for options in list(self._threads):
            self.close(options)

    def _start(self, options: Options, *, fresh: bool) -> RigThread:
        try:
            return self._rig_thread(options, fresh=fresh)
        except RigError as error:
            self._failed[options] = error.with_traceback(None)
            raise

    def _rig_thread(self, options: Options, *, fresh: bool) -> RigThread:
        return RigThread(self._portal, self._opener(options, fresh=fresh))

    def _opener(self, options: Options, *, fresh: bool) -> Open:
        if self._attach_to:
            return partial(_attached, self._attach_to, options, fresh=fresh)
        if self._provision is None:
            self._provision = self._portal.call(provide, lambda _: None)
        return partial(open_rig, self._provision, options)


@asynccontextmanager
async def _attached(name: str, options: Options, *, fresh: bool) -> AsyncIterator[Rig]:
    """Attach to a running rig. If it had a driver loaded, load one again at the end."""
    if fresh:
        raise UsageError(f"this test needs a fresh machine, and the rig {name} runs already: leave --nicrig-rig out")
    async with attach_rig(paths_of(name), options) as rig:
        if rig.options.kind != options.kind:
            has = rig.options.kind
            raise UsageError(f"this test needs a {options.kind} card, and the rig {name} has a {has} card")
        had_driver = await Interface.find(rig.guest) is not None
        yield rig
        if had_driver:
            await rig.guest.bring_up()
