# SPDX-License-Identifier: GPL-2.0-or-later
"""The card: a child process, `python -m nicrig_device`, and its three sockets."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from nicrig.errors import PartDeathError, RigError, UsageError
from nicrig.process.child import Child
from nicrig.rundir.directories import last_lines
from nicrig.rundir.logs import bounded_logs
from nicrig.rundir.paths import RigPaths
from nicrig_interface.vocabulary import CardKind, InterruptMode, LedgerPolicy

# -P: modules in the user's current folder must not shadow the card's.
PROGRAM = (sys.executable, "-P", "-m", "nicrig_device")


class CardProcess:
    """A card's process. It may be killed and started again on the same sockets."""

    def __init__(
        self,
        paths: RigPaths,
        library: Path,
        interrupts: InterruptMode,
        kind: CardKind,
        ledger: LedgerPolicy = "off",
        *,
        behaviour: str | None = None,
        program: Sequence[str] = PROGRAM,
        **others: str | None,
    ) -> None:
        """`others` are further options of the card by name, like `card_timing`; None for the card's default."""
        self.paths = paths
        where = ["--sockets", str(paths.folder), "--library", str(library)]
        self._argv = [*program, *where, "--interrupts", interrupts, "--kind", kind, "--ledger", ledger]
        for name, value in others.items():
            self._argv += [f"--{name.replace('_', '-')}", value] if value is not None else []
        if behaviour is not None:
            # The card may run in another folder, so make the path absolute.
            file, _, name = behaviour.rpartition(":")
            self._argv += ["--behaviour", f"{Path(file).absolute()}:{name}"]
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises RigError when no card runs."""
        return self._running().pid

    async def start(self) -> None:
        """Start a card; returns when its sockets listen. Raises PartDeathError or UsageError if it ends instead."""
        with self.paths.card_log.open("ab") as log:
            child = self._child = Child(self._argv, stdout=subprocess.PIPE, stderr=log, private=True)
        assert child.stdout is not None
        while True:
            await trio.lowlevel.wait_readable(child.stdout)
            line = child.stdout.readline()
            if line.strip() == b"ready":
                return
            if not line:
                raise self._death(await child.wait())

    async def watch(self) -> None:
        """Returns when we have ended this card; raises PartDeathError if it ended by itself. Keeps the logs small."""
        child = self._running()
        async with bounded_logs(self.paths):
            code = await child.wait()
        if self._child is child:
            raise self._death(code)

    async def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would. The files of its sockets stay."""
        child, self._child = self._running(), None
        await child.close()

    def signal(self, number: signal.Signals) -> None:
        self._running().signal(number)

    async def close(self) -> None:
        """End it in order, if it runs."""
        child, self._child = self._child, None
        if child is not None:
            await child.close(patience=5)

    def _running(self) -> Child:
        if self._child is None:
            raise RigError("no card is running: it was killed, and not started again")
        return self._child

    def _death(self, code: int) -> RigError:
        if code == UsageError.exit_code:
            return UsageError(last_lines(self.paths.card_log, 1).removeprefix("\n  | "))
        return PartDeathError(f"the card's process ended with code {code}:{last_lines(self.paths.card_log)}")
