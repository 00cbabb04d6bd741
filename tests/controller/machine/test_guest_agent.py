# SPDX-License-Identifier: GPL-2.0-or-later
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from nicrig.errors import DeadlineError, GuestCommandError
from nicrig.machine.guest_agent import CHUNK, GuestAgent
from nicrig.process.asyncio_thread import open_asyncio_thread
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp, serve_qmp
from tests.fakes.qmp_server import QmpServer

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
async def guest_of(agent: Agent) -> AsyncIterator[GuestAgent]:
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
