# SPDX-License-Identifier: GPL-2.0-or-later
"""A rig of `nicrig up`, and commands on it: each of its processes, and each command, is killed at a random moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import trio

from nicrig.rundir.paths import RigPaths
from nicrig.session.daemon import description
from nicrig.session.options import Options
from tests.soak.diary import Diary, ViolationError
from tests.soak.invariants import check_capture, check_footprint, eventually, footprint, is_whole, no_orphans, users_of

NICRIG = Path(sys.executable).with_name("nicrig")
STEPS = 15
COMMAND_SECONDS = 240.0
"""How long any command may take on a busy machine."""
FRAME = "Ether()/IP(dst='10.0.0.2')/UDP(dport=9)/'x'"
CLIENTS = (
    ("status", "dev"),
    ("run", "--rig", "dev", "--", "sh", "-c", "head -c 300000 /dev/zero | wc -c"),
    ("inject", "dev", FRAME, "--count", "500"),
    ("demo", "--rig", "dev", "--frames", "300", "--record", "RECORDING"),
    ("capture", "dev", "-w", "CAPTURE", "--seconds", "1"),
    ("top", "dev", "--once"),
    ("faults", "dev"),
    ("registers", "dev"),
    ("recorder", "dev", "--last", "20"),
)


class RigOfCommands:
    """The rig is called dev, in a folder of rigs of its own."""

    def __init__(self, folder: Path, options: Options, diary: Diary) -> None:
        self.folder = folder
        self.options = options
        self.diary = diary
        self.draw = diary.draw
        self.paths = RigPaths(folder / "dev")

    async def up(self) -> None:
        """Whatever lies there from before, a new rig of that name starts."""
        options = self.options
        words = ("--kind", options.kind, "--interrupts", options.interrupts, "--memory", str(options.memory))
        await self.run("up", "--name", "dev", *words, "--ledger", options.ledger)
        self.first = footprint(self.card)

    async def step(self) -> None:
        actions: list[Callable[[], Awaitable[None]]] = [self.client, self.client, self.killed_client, self.killed_part]
        await self.draw.choice([*actions, self.down])()
        await self.run("status", "dev")
        check_footprint(self.first, footprint(self.card))

    # -- actions ------------------------------------------------------------------------------------------
    async def client(self) -> None:
        """A command from its start to its end."""
        words = self.draw.choice(CLIENTS)
        self.diary.note("command", words[0])
        await self.run(*words)
        if words[0] == "demo":
            await self.run("verify", "RECORDING")

    async def killed_client(self) -> None:
        """A command that is killed. What it wrote is not torn, and the next command works."""
        words = self.draw.choice(CLIENTS)
        delay = self.draw.choice([0.3, 1.0, 3.0]) * self.draw.random()
        self.diary.note("kill", f"nicrig {words[0]} after {delay:.2f} s")
        with self._popen(words) as process:
            await trio.sleep(delay)
            process.kill()
            process.communicate()
        await self._check_results()
        await self.run("run", "--rig", "dev", "--", "sh", "-c", "modprobe nicrig; true")
        await self.run("run", "--rig", "dev", "--", "true")

    async def killed_part(self) -> None:
        """The card, QEMU or the daemon is killed: the rig ends whole, its name is free, and it starts again."""
        part = self.draw.choice(["card", "QEMU", "daemon"])
        self.diary.note("kill", part)
        os.kill({"card": self.card, "QEMU": self.qemu, "daemon": self.daemon}[part], signal.SIGKILL)
        await no_orphans(self.folder)
        if part != "daemon":
            await eventually(lambda: not self.paths.folder.exists(), lambda: "the folder of a dead rig is left")
        await self.run("status", "dev", codes=(2, 125))
        if self.draw.random() < 0.3:
            await self.run("down", "dev", codes=(0,) if part == "daemon" else (2,))
        await self.up()

    async def down(self) -> None:
        self.diary.note("down")
        await self.run("down", "dev")
        await no_orphans(self.folder)
        self.check_empty()
        await self.up()

    # -- helpers ------------------------------------------------------------------------------------------
    @property
    def daemon(self) -> int:
        found = description(self.paths)
        assert found is not None
        return found.pid

    @property
    def card(self) -> int:
        return self._part(b"nicrig_device")

    @property
    def qemu(self) -> int:
        return self._part(b"-nodefaults")

    def _part(self, word: bytes) -> int:
        """The process of the rig with this word in its command line."""
        found = users_of(self.folder)
        (pid,) = [pid for pid in found if word in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return pid

    def check_empty(self) -> None:
        """Nothing of the rig is left."""
        if left := [path.name for path in self.folder.iterdir() if path.name.startswith(("dev", "nicrig-run-"))]:
            raise ViolationError(f"left behind: {left}")

    async def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """A command to its end. It has one of these exit codes, and never a traceback."""
        with self._popen(words) as process:
            try:
                with trio.fail_after(COMMAND_SECONDS):
                    out, errors = await trio.to_thread.run_sync(process.communicate, abandon_on_cancel=True)
            except trio.TooSlowError:
                raise ViolationError(f"nicrig {' '.join(words)} did not end in {COMMAND_SECONDS:.0f} s") from None
            finally:
                process.kill()
        if process.returncode not in codes or "Traceback" in errors:
            raise ViolationError(f"nicrig {' '.join(words)} ended with {process.returncode}: {errors}{out[-500:]}")
        return str(out)

    def _popen(self, words: tuple[str, ...]) -> subprocess.Popen[str]:
        places = {"RECORDING": str(self.folder / "recording.json"), "CAPTURE": str(self.folder / "capture.pcapng")}
        environment = {**os.environ, "NICRIG_RIGS": str(self.folder)}
        argv = [str(NICRIG), *(places.get(word, word) for word in words)]
        return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    async def _check_results(self) -> None:
        """A recording without its end is never clean; a capture ends in its last block."""
        recording, capture = self.folder / "recording.json", self.folder / "capture.pcapng"
        if recording.exists():
            await self.run("verify", "RECORDING", codes=(0, 1) if is_whole(recording) else (1, 2))
        check_capture(capture)
        for path in (recording, capture):
            path.unlink(missing_ok=True)


async def commands(options: Options, diary: Diary) -> None:
    """A rig with these options under commands, from `up` to `down`."""
    with tempfile.TemporaryDirectory(prefix="nicrig-soak-") as name:
        rig = RigOfCommands(Path(name), options, diary)
        diary.note("up", f"{options.kind} {options.interrupts} {options.ledger} {options.memory} MiB")
        try:
            await rig.up()
            for _ in range(STEPS):
                if diary.clock.over:
                    break
                await rig.step()
            await rig.run("down", "dev")
            await no_orphans(rig.folder)
            rig.check_empty()
        finally:
            # After a violation, or Ctrl-C: nothing may be left running.
            for pid in users_of(rig.folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
