# SPDX-License-Identifier: GPL-2.0-or-later
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given

from nicrig.errors import ConnectionLostError, RefusedError, RigError, cause
from nicrig.process.asyncio_thread import open_asyncio_thread
from nicrig.process.qmp import Qmp, serve_qmp
from nicrig.text.printable import LINE_BYTES
from tests.fakes.qmp_server import NEVER, Handler, QmpServer, RawReply, RefusalError
from tests.strategies import damaged, distorted

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(
    handlers: dict[str, Handler] | None = None, *, handshake: bool = True
) -> AsyncIterator[tuple[Qmp, QmpServer]]:
    server = QmpServer(handlers or {}, handshake=handshake)
    async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:
        nursery.start_soon(server.serve)
        async with trio.open_nursery() as services:

            async def start(*, task_status: trio.TaskStatus[Qmp]) -> None:
                await serve_qmp("fake", server.client, thread, agent=not handshake, task_status=task_status)

            qmp: Qmp = await services.start(start)
            yield qmp, server
            qmp.stop()
        nursery.cancel_scope.cancel()


async def test_capabilities_are_negotiated_before_the_first_command() -> None:
    async with connected({"query-status": lambda _: {"running": True}}) as (qmp, server):
        assert await qmp.execute("query-status") == {"running": True}
        assert server.executed == ["qmp_capabilities", "query-status"]


async def test_arguments_reach_the_server() -> None:
    seen: list[dict[str, Any]] = []
    async with connected({"set-link": seen.append}) as (qmp, _):
        await qmp.execute("set-link", {"up": False})
    assert seen == [{"up": False}]


async def test_an_error_has_the_servers_message() -> None:
    def refuse(_: dict[str, Any]) -> object:
        raise RefusalError("no such device")

    async with connected({"device_del": refuse}) as (qmp, _):
        with pytest.raises(RefusedError, match="device_del: no such device") as caught:
            await qmp.execute("device_del")
        assert caught.value.error_class == "GenericError"
        await qmp.execute("query-status")


async def test_an_event_between_command_and_wait_is_not_missed() -> None:
    async with connected() as (qmp, server):
        with qmp.listening("DEVICE_DELETED") as events:
            await server.event("DEVICE_DELETED", device="other")
            await server.event("RESET", guest=True)
            await server.event("DEVICE_DELETED", device="card")
            await qmp.execute("query-status")
            with trio.fail_after(5):
                assert await events.wait(device="card") == {"device": "card"}


async def test_the_guest_agent_has_no_handshake() -> None:
    async with connected(handshake=False) as (qmp, server):
        await qmp.execute("guest-ping")
        assert server.executed == ["guest-ping"]


async def test_a_cancelled_command_leaves_the_connection_usable() -> None:
    async with connected({"slow": lambda _: NEVER}) as (qmp, server):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(qmp.execute, "slow")
            while "slow" not in server.executed:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert await qmp.execute("query-status") == {}


async def test_a_pending_command_fails_when_the_server_disconnects() -> None:
    async with connected({"slow": lambda _: NEVER}) as (qmp, server), trio.open_nursery() as nursery:

        async def execute() -> None:
            with pytest.raises(ConnectionLostError, match="slow"):
                await qmp.execute("slow")

        nursery.start_soon(execute)
        while "slow" not in server.executed:
            await trio.lowlevel.checkpoint()
        server.hang_up()


async def test_waiting_for_an_event_fails_when_the_server_disconnects() -> None:
    async with connected() as (qmp, server):
        with qmp.listening("SHUTDOWN") as events:
            server.hang_up()
            with trio.fail_after(5), pytest.raises(ConnectionLostError):
                await events.wait()


async def test_a_missing_socket_is_an_error_with_its_path(tmp_path: Path) -> None:
    async with open_asyncio_thread() as thread, trio.open_nursery() as nursery:

        async def start(*, task_status: trio.TaskStatus[Qmp]) -> None:
            await serve_qmp("fake", tmp_path / "none.sock", thread, task_status=task_status)

        with pytest.raises(ConnectionLostError, match=r"none\.sock"):
            await nursery.start(start)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x1b[2J not JSON\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"7\n",
        b"[" * 100_000 + b"\n",
        b"9" * 5000 + b"\n",
        b'{"id": []}\n',
        b'{"error": {"class": "X", "desc": "no id"}}\n',
        b"x" * 11_000_000,
    ],
    ids=["text", "no UTF-8", "list", "number", "deep", "long number", "odd id", "error without id", "no end"],
)
async def test_a_message_that_is_not_qmp_ends_the_connection_with_one_bounded_line(sent: bytes) -> None:
    async with connected({"slow": lambda _: NEVER}) as (qmp, server), trio.open_nursery() as nursery:

        async def execute() -> None:
            with pytest.raises(ConnectionLostError, match="ended during slow: it sent a message") as caught:
                await qmp.execute("slow")
            assert str(caught.value).isprintable()
            assert len(str(caught.value)) < 1000

        nursery.start_soon(execute)
        while "slow" not in server.executed:
            await trio.lowlevel.checkpoint()
        await server.send_raw(sent)


@pytest.mark.parametrize("reply", [{}, {"error": 5}, {"error": {"class": 7}}, {"error": {"desc": "\x1b"}}])
async def test_an_answer_that_is_neither_result_nor_error_is_one_line(reply: dict[str, object]) -> None:
    async with connected({"query": lambda _: RawReply(reply)}) as (qmp, _):
        with pytest.raises(RigError) as caught:
            await qmp.execute("query")
        assert str(caught.value).isprintable()
        await qmp.execute("query-status")


async def test_an_error_is_printable_and_bounded() -> None:
    def refuse(_: dict[str, Any]) -> object:
        raise RefusalError("\x1b]0;title\x07" + "x" * 1_200_000)

    async with connected({"device_del": refuse}) as (qmp, _):
        with pytest.raises(RefusedError) as caught:
            await qmp.execute("device_del")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < LINE_BYTES + 200


@pytest.mark.parametrize("event", [{"event": []}, {"event": "RESET", "data": 7}, {"event": {}, "data": {}}])
async def test_a_malformed_event_is_dropped(event: dict[str, object]) -> None:
    async with connected() as (qmp, server):
        with qmp.listening("RESET") as events:
            await server.send_raw(json.dumps(event).encode() + b"\n")
            await server.event("RESET", guest=True)
            with trio.fail_after(5):
                assert await events.wait(guest=True) == {"guest": True}


class State(msgspec.Struct):
    running: bool
    status: str
    at: list[int]


STATE = {"running": True, "status": "running", "at": [1, 2]}


@given(distorted(STATE))
def test_any_answer_is_of_the_type_that_was_asked_for_or_one_bounded_line(answer: object) -> None:
    async def ask() -> State:
        async with connected({"query-status": lambda _: answer}) as (qmp, _):
            return await qmp.ask("query-status", State)

    try:
        found = trio.run(ask)
    except BaseExceptionGroup as group:
        error = cause(group)
        assert isinstance(error, RigError)
        assert str(error).startswith("fake answered query-status with ")
        assert str(error).isprintable()
        assert len(str(error)) < LINE_BYTES
    else:
        assert isinstance(answer, dict)
        assert (found.running, found.status, found.at) == (answer["running"], answer["status"], answer["at"])


@given(damaged([b'{"return": {}, "id": "__qmp#00002"}\r\n', b'{"event": "RESET", "data": {}}\r\n{"return": {}}\r\n']))
def test_any_bytes_are_an_answer_or_the_end_of_the_connection(sent: bytes) -> None:
    async def ask() -> None:
        async with connected({"query-status": lambda _: NEVER}) as (qmp, server), trio.open_nursery() as nursery:
            nursery.start_soon(qmp.execute, "query-status")
            await server.send_raw(sent)
            server.hang_up()

    with suppress(RigError):
        try:
            trio.run(ask)
        except BaseExceptionGroup as group:
            raise cause(group) from None
