# SPDX-License-Identifier: GPL-2.0-or-later
import base64
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from nicrig.errors import ConnectionLostError, DeadlineError, GuestCommandError, RigError, cause
from nicrig.machine.guest_agent import CHUNK, GuestAgent, connect_agent
from nicrig.process.asyncio_thread import open_asyncio_thread
from nicrig.process.deadlines import Deadlines
from nicrig.process.polling import until
from nicrig.process.qmp import Qmp, serve_qmp
from nicrig.text.printable import LINE_BYTES
from tests.fakes.qmp_server import QmpServer
from tests.strategies import distorted

pytestmark = pytest.mark.anyio


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Agent:
    """A guest agent whose one command ends at the `looks`-th look with `status`."""

    def __init__(self, status: dict[str, Any], *, looks: int = 1) -> None:
        self.status = status
        self.looks = looks
        self.started: dict[str, Any] = {}
        self.written = b""
        self.open = False

    def handlers(self) -> dict[str, Any]:
        return {
            "guest-exec": self._exec,
            "guest-exec-status": self._status,
            "guest-file-open": self._file_open,
            "guest-file-write": self._file_write,
            "guest-file-close": self._file_close,
        }

    def _exec(self, arguments: dict[str, Any]) -> object:
        self.started = arguments
        return {"pid": 7}

    def _status(self, arguments: dict[str, Any]) -> object:
        assert arguments == {"pid": 7}
        self.looks -= 1
        return {"exited": False} if self.looks else {"exited": True, **self.status}

    def _file_open(self, arguments: dict[str, Any]) -> object:
        self.open = True
        return 1000

    def _file_write(self, arguments: dict[str, Any]) -> object:
        assert self.open
        self.written += base64.b64decode(arguments["buf-b64"])
        return {}

    def _file_close(self, arguments: dict[str, Any]) -> object:
        self.open = False
        return {}


@asynccontextmanager
async def guest_of(agent: "Agent | Guest") -> AsyncIterator[GuestAgent]:
    server = QmpServer(agent.handlers(), handshake=False)
    async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:
        nursery.start_soon(server.serve)

        async def start(*, task_status: trio.TaskStatus[Qmp]) -> None:
            await serve_qmp("agent", server.client, thread, agent=True, task_status=task_status)

        qmp: Qmp = await nursery.start(start)
        yield GuestAgent(qmp, Deadlines())
        qmp.stop()
        nursery.cancel_scope.cancel()


async def test_a_command_gives_code_and_both_outputs() -> None:
    agent = Agent({"exitcode": 0, "out-data": encoded("out"), "err-data": encoded("err")}, looks=3)
    async with guest_of(agent) as guest:
        result = await guest.run(["ethtool", "-i", "eth0"], input=b"in")
    assert (result.code, result.stdout, result.stderr) == (0, "out", "err")
    assert agent.started == {
        "path": "ethtool",
        "arg": ["-i", "eth0"],
        "capture-output": True,
        "input-data": encoded("in"),
    }


async def test_the_error_of_a_failing_command_has_its_output() -> None:
    async with guest_of(Agent({"exitcode": 3, "err-data": encoded("no such device\n")})) as guest:
        with pytest.raises(GuestCommandError, match="`ip link` in the guest ended with code 3: no such device"):
            await guest.run(["ip", "link"])


async def test_a_failing_command_may_be_looked_at_instead() -> None:
    async with guest_of(Agent({"exitcode": 3})) as guest:
        assert (await guest.run(["false"], check=False)).code == 3


async def test_a_signal_counts_as_a_shell_counts_it() -> None:
    async with guest_of(Agent({"signal": 9})) as guest:
        assert (await guest.run(["sleep"], check=False)).code == 137


async def test_a_command_that_hangs_is_named_by_the_deadline() -> None:
    async with guest_of(Agent({}, looks=-1)) as guest:
        with pytest.raises(DeadlineError, match="`sleep 9` in the guest"):
            await guest.run(["sleep", "9"], deadline=0.02)


async def test_a_file_is_written_whole_and_closed() -> None:
    agent, data = Agent({}), bytes(range(256)) * 400
    assert len(data) > 2 * CHUNK
    async with guest_of(agent) as guest:
        await guest.put("/tmp/data", data)
    assert agent.written == data
    assert not agent.open


# -- answers that make no sense ----------------------------------------------------------------------------

ANSWERS: list[object] = [None, True, 7, -1, 2**70, "pid", [], {}, [{}]]
ANSWERS += [{"pid": "7"}, {"pid": None}, {"pid": 2**70}, {"pid": 0}]
STATUSES: list[object] = [
    *ANSWERS,
    {"exited": 1},
    {"exited": True},
    {"exited": True, "exitcode": "0"},
    {"exited": True, "exitcode": 256},
    {"exited": True, "exitcode": 0, "out-data": "not base64!"},
    {"exited": True, "exitcode": 0, "out-data": 5},
    {"exited": True, "signal": -9},
    {"exited": True, "exitcode": "\x1b[2J" + "x" * 100_000},
    {"exited": {"a": {"b": {"c": {"d": {}}}}}},
]
PIECES: list[object] = [*ANSWERS, {"count": 1}, {"buf-b64": "?", "eof": True}, {"buf-b64": "", "eof": 3}]
PIECES.append({"buf-b64": encoded("x" * (CHUNK + 1)), "eof": False})


async def drop(data: bytes) -> None:
    """Takes an output, and forgets it."""


def hostile() -> list[tuple[str, object]]:
    made = [("guest-exec", answer) for answer in ANSWERS] + [("guest-exec-status", answer) for answer in STATUSES]
    handles = [answer for answer in ANSWERS if answer != 7]
    return made + [("guest-file-open", answer) for answer in handles] + [("guest-file-read", each) for each in PIECES]


@pytest.mark.parametrize(("command", "answer"), hostile())
async def test_an_answer_that_makes_no_sense_is_one_printable_line(command: str, answer: object) -> None:
    agent = Agent({"exitcode": 0})
    handlers = agent.handlers() | {"guest-file-read": lambda _: {"buf-b64": "", "eof": True}}
    good = dict(handlers)
    handlers[command] = lambda _: answer
    agent.handlers = lambda: handlers  # type: ignore[method-assign]
    async with guest_of(agent) as guest:
        with pytest.raises(RigError, match=f"the guest's agent answered {command} with") as caught:
            await guest.stream(["true"], stdout=drop, stderr=drop)
        said = str(caught.value)
        assert said.isprintable()
        assert len(said) < 1500
        # The next command works.
        agent.looks = 1
        handlers[command] = good[command]
        assert (await guest.run(["true"])).code == 0


SOUND: dict[str, object] = {
    "guest-exec": {"pid": 7},
    "guest-exec-status": {"exited": True, "exitcode": 0, "out-data": encoded("out"), "err-data": ""},
    "guest-file-open": 1000,
    "guest-file-read": {"count": 3, "buf-b64": encoded("out"), "eof": True},
}


@given(st.sampled_from(list(SOUND)).flatmap(lambda command: st.tuples(st.just(command), distorted(SOUND[command]))))
def test_whatever_the_agent_answers_is_used_or_one_printable_line(answered: tuple[str, object]) -> None:
    agent, (command, answer) = Agent({}), answered
    handlers = {name: lambda _, value=value: value for name, value in (SOUND | {command: answer}).items()}
    agent.handlers = lambda: handlers  # type: ignore[method-assign]

    async def ask() -> None:
        async with guest_of(agent) as guest:
            await guest.stream(["true"], stdout=drop, stderr=drop, deadline=0.2)

    try:
        trio.run(ask)
    except BaseExceptionGroup as group:
        error = cause(group)
        assert isinstance(error, RigError)
        assert str(error).isprintable()
        assert len(str(error)) < 1500


async def test_the_words_of_a_command_that_failed_are_printable_and_bounded() -> None:
    words = "\x1b]0;title\x07" + "x" * 1_200_000 + "\n" * 500
    async with guest_of(Agent({"exitcode": 3, "err-data": encoded(words)})) as guest:
        with pytest.raises(GuestCommandError) as caught:
            await guest.run(["false"])
    assert len(str(caught.value)) < LINE_BYTES + 1000
    assert "\x1b" not in str(caught.value)


# -- outputs of any size -----------------------------------------------------------------------------------


class Guest:
    """An agent whose guest is this machine: it runs the commands, and opens the files, below a folder for /tmp."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.largest = 0
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], object]]:
        return {
            "guest-exec": self._exec,
            "guest-exec-status": self._status,
            "guest-file-open": self._open,
            "guest-file-read": self._read,
            "guest-file-write": self._write,
            "guest-file-close": self._close,
        }

    def _here(self, word: str) -> str:
        return word.replace("/tmp/nicrig-", f"{self.folder}/nicrig-")

    def _exec(self, arguments: dict[str, Any]) -> object:
        process = subprocess.Popen([arguments["path"], *map(self._here, arguments["arg"])], stdin=subprocess.DEVNULL)
        self._processes[process.pid] = process
        return {"pid": process.pid}

    def _status(self, arguments: dict[str, Any]) -> object:
        code = self._processes[arguments["pid"]].poll()
        return {"exited": False} if code is None else {"exited": True, "exitcode": code}

    def _open(self, arguments: dict[str, Any]) -> object:
        how = {"w": os.O_WRONLY, "w+": os.O_RDWR}[arguments["mode"]] | os.O_CREAT | os.O_TRUNC
        return os.open(self._here(arguments["path"]), how, 0o600)

    def _read(self, arguments: dict[str, Any]) -> object:
        data = os.read(arguments["handle"], arguments["count"])
        self.largest = max(self.largest, len(data))
        return {"count": len(data), "buf-b64": base64.b64encode(data).decode(), "eof": len(data) < arguments["count"]}

    def _write(self, arguments: dict[str, Any]) -> object:
        return {"count": os.write(arguments["handle"], base64.b64decode(arguments["buf-b64"])), "eof": False}

    def _close(self, arguments: dict[str, Any]) -> object:
        os.close(arguments["handle"])
        return {}

    async def until_clean(self) -> None:
        async def look() -> bool | None:
            return not list(self.folder.iterdir()) or None

        with trio.fail_after(5):
            await until(look)


class Taken:
    """Both outputs of a command."""

    def __init__(self) -> None:
        self.out = self.err = b""

    async def stdout(self, data: bytes) -> None:
        self.out += data

    async def stderr(self, data: bytes) -> None:
        self.err += data


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


async def stream(
    guest: GuestAgent, *argv: str, stdin: AsyncIterator[bytes] | None = None, deadline: float = 30
) -> tuple[int, bytes, bytes]:
    taken = Taken()
    code = await guest.stream(argv, stdin=stdin, stdout=taken.stdout, stderr=taken.stderr, deadline=deadline)
    return code, taken.out, taken.err


async def test_an_output_of_any_size_comes_in_pieces_with_the_exit_code_and_leaves_nothing(tmp_path: Path) -> None:
    here = Guest(tmp_path)
    async with guest_of(here) as guest:
        code, out, err = await stream(guest, "sh", "-c", "head -c 9000000 /dev/zero; echo wrong >&2; exit 7")
        assert (code, len(out), err) == (7, 9_000_000, b"wrong\n")
        assert here.largest <= CHUNK
        await here.until_clean()


async def test_standard_input_of_any_size_is_passed_on(tmp_path: Path) -> None:
    data = bytes(range(256)) * 2000
    here = Guest(tmp_path)
    async with guest_of(here) as guest:
        assert await stream(guest, "cat", stdin=pieces(data[:70_000], data[70_000:])) == (0, data, b"")
        assert await stream(guest, "cat", stdin=pieces()) == (0, b"", b"")
        assert await stream(guest, "cat") == (0, b"", b"")
        await here.until_clean()


async def test_a_command_that_does_not_read_its_input_ends_before_the_input_does(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"first"
        await trio.sleep_forever()

    async with guest_of(Guest(tmp_path)) as guest:
        with trio.fail_after(5):
            assert (await stream(guest, "head", "-c", "3", stdin=endless()))[:2] == (0, b"fir")
            assert (await stream(guest, "true", stdin=endless()))[0] == 0


@pytest.mark.parametrize(
    ("argv", "code"), [(["nosuchcommand"], 127), (["exit", "3"], 127), (["sh", "-c", "kill -9 $$"], 137)]
)
async def test_the_exit_code_is_a_shells(tmp_path: Path, argv: list[str], code: int) -> None:
    async with guest_of(Guest(tmp_path)) as guest:
        assert (await stream(guest, *argv))[0] == code


async def test_after_a_deadline_the_next_command_works(tmp_path: Path) -> None:
    async with guest_of(Guest(tmp_path)) as guest:
        with pytest.raises(DeadlineError, match="`sleep 1` in the guest"):
            await stream(guest, "sleep", "1", deadline=0.1)
        assert (await stream(guest, "echo", "next"))[:2] == (0, b"next\n")


# -- what a client before us left --------------------------------------------------------------------------


@pytest.fixture
def listener(tmp_path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(tmp_path / "agent.sock"))
    made.listen()
    return made


@pytest.mark.parametrize(
    "left",
    [
        b"",
        b'": "half an answer"}\n',
        b"x" * 3_000_000,
        b'\xff{"return": 5}\n',
        b'{"error": {"class": "GenericError", "desc": "JSON parse error"}}\r\n',
    ],
    ids=["nothing", "half an answer", "much", "another's sync", "an error"],
)
async def test_what_is_left_for_an_earlier_client_is_skipped(
    tmp_path: Path, listener: socket.socket, left: bytes
) -> None:
    async def agent() -> None:
        served, _ = await trio.socket.from_stdlib_socket(listener).accept()
        stream = trio.SocketStream(served)
        await stream.send_all(left)
        asked = bytes(await stream.receive_some())
        assert asked.startswith(b"\xff")
        number = json.loads(asked[1:])["arguments"]["id"]
        await stream.send_all(b'\xff{"return": %d}\n' % number)
        await stream.receive_some()
        await stream.send_all(b"fresh")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(agent)
        with trio.fail_after(5):
            connected = trio.socket.from_stdlib_socket(await connect_agent(tmp_path / "agent.sock"))
            await connected.send(b"next")
            assert await connected.recv(100) == b"fresh"
        connected.close()


async def test_a_socket_that_nothing_serves_or_that_closes_is_a_lost_connection(
    tmp_path: Path, listener: socket.socket
) -> None:
    async with trio.open_nursery() as nursery:

        async def hang_up() -> None:
            served, _ = await trio.socket.from_stdlib_socket(listener).accept()
            served.close()

        nursery.start_soon(hang_up)
        with pytest.raises(ConnectionLostError, match=r"the guest agent: "):
            await connect_agent(tmp_path / "agent.sock")
    with pytest.raises(ConnectionLostError, match=r"none\.sock"):
        await connect_agent(tmp_path / "none.sock")


async def test_the_agent_gets_one_command_at_a_time(tmp_path: Path) -> None:
    """With two commands under way at a real agent, one answer did not come."""

    class Slow:
        at_work = most = 0

        async def execute(self, command: str, arguments: object) -> object:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            await trio.sleep(0.01)
            self.at_work -= 1
            return {"pid": 7}

    slow = Slow()
    guest = GuestAgent(cast("Qmp", slow), Deadlines())
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(guest.start, ["true"])
    assert slow.most == 1
