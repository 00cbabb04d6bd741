# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest through its agent: commands with exit code and output, and files.

The guest may answer anything. Each answer is decoded into a type here, and what does not fit is a RigError.
"""

import base64
import json
import secrets
import shlex
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import trio

from nicrig.errors import ConnectionLostError, GuestCommandError, RigError, cause
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp, answer_of
from nicrig.text.printable import printable, printable_lines

T = TypeVar("T")

# The agent has no event for the end of a command, so we poll. The first look comes when a short command may have ended.
# Each look costs the guest's only CPU, so they get rarer.
FIRST_LOOK = 0.004
RAREST_LOOK = 0.1
CHUNK = 48 * 1024
"""How many bytes of a file go in one message."""
CLEAN_SECONDS = 2.0
"""How long a command's files in the guest may take to be removed."""
ERROR_LINES = 20
NUMBER_DIGITS = 20
"""The digits of a 64-bit number."""
SYNC_BYTES = 200
"""More than the answer to guest-sync-delimited has."""
DELIMITER = b"\xff"
"""The agent puts it before its answer to guest-sync-delimited. JSON has no such byte."""

# The pieces of standard input become files, as the agent can write to no pipe. A piece is whole when the next one
# exists. The command runs in a shell of its own, so that it may be a program only, and its exit code arrives.
STREAM = """
base=$0
mkfifo "$base.in" || exit
feed() {
    n=0
    until [ -e "$base.in.$n" ] && [ -e "$base.end" ] && [ ! -s "$base.in.$n" ]; do
        if [ -e "$base.in.$((n + 1))" ]; then
            cat "$base.in.$n" && rm "$base.in.$n" || exit
            n=$((n + 1))
        else
            sleep 0.05
        fi
    done
}
feed > "$base.in" &
(exec "$@") < "$base.in" > "$base.out" 2> "$base.err"
code=$?
kill $! 2> /dev/null
exit $code
"""

_Handle = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _Started(msgspec.Struct):
    pid: Annotated[int, msgspec.Meta(ge=1, le=(1 << 31) - 1)]


class _Status(msgspec.Struct, rename="kebab"):
    exited: bool
    exitcode: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = None
    signal: Annotated[int, msgspec.Meta(ge=1, le=127)] | None = None
    out_data: bytes = b""
    err_data: bytes = b""

    def __post_init__(self) -> None:
        if self.exited and self.exitcode is None and self.signal is None:
            raise ValueError("a command that exited has neither exitcode nor signal")

    @property
    def code(self) -> int:
        return 128 + self.signal if self.signal is not None else self.exitcode or 0


class _Piece(msgspec.Struct, rename="kebab"):
    buf_b64: bytes
    eof: bool

    def __post_init__(self) -> None:
        if len(self.buf_b64) > CHUNK:
            raise ValueError(f"more than the {CHUNK} bytes that were asked for")


@dataclass(frozen=True)
class CommandResult:
    """How a command in the guest ended: exit code (128 + the number if a signal ended it) and both outputs, as text."""

    code: int
    stdout: str
    stderr: str


Write = Callable[[bytes], Awaitable[None]]
"""Takes the next part of an output."""


class GuestAgent:
    """Commands and files in the guest."""

    def __init__(self, agent: Qmp, deadlines: Deadlines) -> None:
        self._agent = agent
        self._turn = trio.Lock()
        """The agent takes one command at a time."""
        self.deadlines = deadlines

    async def ping(self) -> None:
        """Returns when the agent answers."""
        await self._execute("guest-ping")

    async def run(
        self, argv: Sequence[str], *, input: bytes | None = None, check: bool = True, deadline: float | None = None
    ) -> CommandResult:
        """Run a command to its end; `argv[0]` is looked up in the guest's PATH, `input` is its standard input.

        It is for small outputs; stream() takes any. `deadline` is in seconds, before scaling. Raises GuestCommandError
        when `check` and its code is not 0, DeadlineError when it does not end in time (it then goes on in the guest),
        RigError when the agent's answers make no sense.
        """
        with self._limit(argv, deadline):
            arguments: dict[str, object] = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
            if input is not None:
                arguments["input-data"] = base64.b64encode(input).decode()
            status = await self._end_of(await self._exec(arguments))
        result = CommandResult(status.code, _text(status.out_data), _text(status.err_data))
        if check and result.code:
            said = "\n".join(printable_lines((result.stderr or result.stdout).strip(), most=ERROR_LINES))
            raise GuestCommandError(f"`{shlex.join(argv)}` in the guest ended with code {result.code}: {said}")
        return result

    async def stream(
        self,
        argv: Sequence[str],
        *,
        stdout: Write,
        stderr: Write,
        stdin: AsyncIterator[bytes] | None = None,
        deadline: float | None = None,
    ) -> int:
        """Run a command, pass its outputs on as they come, and return its exit code; 127 when there is no such command.

        The outputs may have any size that the guest's memory holds. `stdin` is read until it or the command ends.
        `deadline` and errors are as in run().
        """
        base = f"/tmp/nicrig-{secrets.token_hex(8)}"
        try:
            with self._limit(argv, deadline), _one_cause():
                # Opened first, which creates them; the command writes to the same files.
                async with self._open(f"{base}.out", "w+") as out, self._open(f"{base}.err", "w+") as err:
                    await self.put(f"{base}.in.0", b"")
                    if stdin is None:
                        await self.put(f"{base}.end", b"")
                    pid = await self._exec({"path": "sh", "arg": ["-c", STREAM, base, *argv]})
                    async with trio.open_nursery() as nursery:
                        if stdin is not None:
                            nursery.start_soon(self._feed, base, stdin)

                        async def pass_on() -> None:
                            await self._pass_on(out, stdout)
                            await self._pass_on(err, stderr)

                        code = (await self._end_of(pid, pass_on)).code
                        nursery.cancel_scope.cancel()
                    return code
        finally:
            with trio.move_on_after(CLEAN_SECONDS, shield=True):
                await self._remove(base)

    async def start(self, argv: Sequence[str]) -> int:
        """Start a command and do not wait for it. Returns its process id in the guest."""
        return await self._exec({"path": argv[0], "arg": list(argv[1:])})

    async def put(self, path: str, data: bytes) -> None:
        """Write a file in the guest; an old one is replaced."""
        async with self._open(path, "w") as handle:
            for at in range(0, len(data), CHUNK):
                chunk = base64.b64encode(data[at : at + CHUNK]).decode()
                await self._execute("guest-file-write", {"handle": handle, "buf-b64": chunk})

    def _limit(self, argv: Sequence[str], deadline: float | None) -> AbstractContextManager[None]:
        seconds = self.deadlines.command if deadline is None else deadline
        return self.deadlines.limit(seconds, f"`{shlex.join(argv)}` in the guest")

    @asynccontextmanager
    async def _open(self, path: str, mode: str) -> AsyncIterator[int]:
        handle = await self._ask("guest-file-open", _Handle, {"path": path, "mode": mode})
        try:
            yield handle
        finally:
            with trio.move_on_after(CLEAN_SECONDS, shield=True):
                await self._close(handle)

    async def _close(self, handle: int) -> None:
        with suppress(ConnectionLostError):
            await self._execute("guest-file-close", {"handle": handle})

    async def _feed(self, base: str, stdin: AsyncIterator[bytes]) -> None:
        number = 0
        async for data in stdin:
            await self.put(f"{base}.in.{number}", data)
            number += 1
            await self.put(f"{base}.in.{number}", b"")
        await self.put(f"{base}.end", b"")

    async def _pass_on(self, handle: int, write: Write) -> None:
        """Pass on all that the file has now."""
        while True:
            piece = await self._ask("guest-file-read", _Piece, {"handle": handle, "count": CHUNK})
            if piece.buf_b64:
                await write(piece.buf_b64)
            if piece.eof or not piece.buf_b64:
                return

    async def _remove(self, base: str) -> None:
        with suppress(RigError):
            await self.start(["sh", "-c", 'rm -f "$0".*', base])

    async def _end_of(self, pid: int, meanwhile: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint) -> _Status:
        pause = FIRST_LOOK
        while True:
            await trio.sleep(pause)
            status = await self._ask("guest-exec-status", _Status, {"pid": pid})
            await meanwhile()
            if status.exited:
                return status
            pause = min(2 * pause, RAREST_LOOK)

    async def _exec(self, arguments: dict[str, object]) -> int:
        return (await self._ask("guest-exec", _Started, arguments)).pid

    async def _execute(self, command: str, arguments: dict[str, object] | None = None) -> object:
        async with self._turn:
            return await self._agent.execute(command, arguments)

    async def _ask(self, command: str, kind: type[T], arguments: dict[str, object]) -> T:
        return answer_of("the guest's agent", command, await self._execute(command, arguments), kind)


@contextmanager
def _one_cause() -> Iterator[None]:
    try:
        yield
    except BaseExceptionGroup as group:
        raise cause(group) from None


def number(said: str, what: str) -> int:
    """The number that a command in the guest printed. Raises RigError, which says `what` it should be."""
    digits = said.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= NUMBER_DIGITS):
        raise RigError(f"the guest says that {what} is {printable(digits)}, which is no number")
    return int(digits)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


async def connect_agent(path: Path) -> socket.socket:
    """Connect to the agent, and skip what it still answers to a client before us (guest-sync-delimited).

    The caller sets the deadline. Raises ConnectionLostError when nothing listens, or when QEMU hangs up.
    """
    number = secrets.randbits(31)
    sync = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
    with socket.socket(socket.AF_UNIX) as ours:
        ours.setblocking(False)
        stream = trio.socket.from_stdlib_socket(ours)
        try:
            await stream.connect(str(path))
            await trio.SocketStream(stream).send_all(DELIMITER + json.dumps(sync).encode() + b"\n")
            await _skip_to(stream, {"return": number})
        except (OSError, trio.BrokenResourceError) as error:
            raise ConnectionLostError(f"the guest agent: {error} ({path})") from error
        return socket.socket(fileno=stream.detach())


async def _skip_to(stream: trio.socket.SocketType, answer: dict[str, int]) -> None:
    """Read up to the line with this answer, which has a delimiter before it. Keeps at most one read and SYNC_BYTES."""
    kept = b""
    while data := await stream.recv(CHUNK):
        kept += data
        at = kept.rfind(DELIMITER)
        kept = kept[at:] if at >= 0 and len(kept) - at <= SYNC_BYTES else b""
        if kept.endswith(b"\n"):
            try:
                if json.loads(kept.removeprefix(DELIMITER)) == answer:
                    return
            except ValueError:
                kept = b""
    raise ConnectionLostError("the guest agent: QEMU closed the connection")
