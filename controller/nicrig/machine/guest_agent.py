# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest through its agent: commands with exit code and output, and files."""

import base64
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import trio

from nicrig.errors import GuestCommandError
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp

# The agent has no event for the end of a command, so we poll. The first look comes when a short command may have ended.
# Each look costs the guest's only CPU, so they get rarer.
FIRST_LOOK = 0.004
RAREST_LOOK = 0.1
CHUNK = 48 * 1024
"""How many bytes of a file go in one message."""


@dataclass(frozen=True)
class CommandResult:
    """How a command in the guest ended: exit code (128 + the number if a signal ended it) and both outputs, as text."""

    code: int
    stdout: str
    stderr: str


class GuestAgent:
    """Commands and files in the guest."""

    def __init__(self, agent: Qmp, deadlines: Deadlines) -> None:
        self._agent = agent
        self.deadlines = deadlines

    async def ping(self) -> None:
        """Returns when the agent answers."""
        await self._agent.execute("guest-ping")

    async def run(
        self, argv: Sequence[str], *, input: bytes | None = None, check: bool = True, deadline: float | None = None
    ) -> CommandResult:
        """Run a command to its end; `argv[0]` is looked up in the guest's PATH, `input` is its standard input.

        `deadline` is in seconds, before scaling. Raises GuestCommandError when `check` and its code is not 0,
        DeadlineError when it does not end in time (it then goes on in the guest).
        """
        seconds = self.deadlines.command if deadline is None else deadline
        with self.deadlines.limit(seconds, f"`{shlex.join(argv)}` in the guest"):
            result = await self._run(argv, input)
        if check and result.code:
            said = (result.stderr or result.stdout).strip()
            raise GuestCommandError(f"`{shlex.join(argv)}` in the guest ended with code {result.code}: {said}")
        return result

    async def start(self, argv: Sequence[str]) -> int:
        """Start a command and do not wait for it. Returns its process id in the guest."""
        return await self._exec({"path": argv[0], "arg": list(argv[1:])})

    async def put(self, path: str, data: bytes) -> None:
        """Write a file in the guest; an old one is replaced."""
        handle = await self._agent.execute("guest-file-open", {"path": path, "mode": "w"})
        try:
            for at in range(0, len(data), CHUNK):
                chunk = base64.b64encode(data[at : at + CHUNK]).decode()
                await self._agent.execute("guest-file-write", {"handle": handle, "buf-b64": chunk})
        finally:
            await self._agent.execute("guest-file-close", {"handle": handle})

    async def _run(self, argv: Sequence[str], input: bytes | None) -> CommandResult:
        arguments: dict[str, object] = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
        if input is not None:
            arguments["input-data"] = base64.b64encode(input).decode()
        pid = await self._exec(arguments)
        pause = FIRST_LOOK
        while True:
            await trio.sleep(pause)
            status = await self._agent.execute("guest-exec-status", {"pid": pid})
            if status["exited"]:
                return _result(status)
            pause = min(2 * pause, RAREST_LOOK)

    async def _exec(self, arguments: dict[str, object]) -> int:
        started = await self._agent.execute("guest-exec", arguments)
        return int(started["pid"])


def _result(status: dict[str, Any]) -> CommandResult:
    code = 128 + status["signal"] if "signal" in status else status["exitcode"]
    return CommandResult(code, _text(status.get("out-data", "")), _text(status.get("err-data", "")))


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")
