# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor of a card's process with common clients: qemu.qmp, and the program qmp-shell."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from qemu.qmp import ExecuteError, QMPClient

from tests.fakes.card_process import CHECKOUT, CardProcess
from tests.fakes.unix_socket import connect_unix
from tests.fakes.vfio_user_bus import VfioUserBus

pytestmark = pytest.mark.real

SHELL = Path(sys.executable).with_name("qmp-shell")
DEADLINE_SECONDS = 20.0
SOCKETS_PAGE = CHECKOUT / "docs" / "sockets.md"
Answer = TypeVar("Answer")


@pytest.fixture(scope="module")
def card() -> Iterator[CardProcess]:
    """One card for all tests here. Each test leaves it as it was, except for the link."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder, CardProcess(Path(folder)) as made:
        yield made
        assert made.close() == 0, made.errors()


def with_client(card: CardProcess, work: Callable[[QMPClient], Awaitable[Answer]]) -> Answer:
    """The result of `work` with a connected QMPClient."""

    async def run() -> Answer:
        client = QMPClient("test")
        await client.connect(str(card.monitor))
        try:
            return await work(client)
        finally:
            await client.disconnect()

    return asyncio.run(asyncio.wait_for(run(), DEADLINE_SECONDS))


def shell(card: CardProcess, *lines: str) -> subprocess.CompletedProcess[str]:
    """Pipe these lines into qmp-shell."""
    typed = "".join(f"{line}\n" for line in lines)
    environment = {**os.environ, "HOME": str(card.monitor.parent)}  # it keeps a history there
    return subprocess.run(
        [SHELL, str(card.monitor)],
        input=typed,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        env=environment,
    )


def answers(shown: str) -> list[dict[str, Any]]:
    """The text that the shell printed after its prompts."""
    lines = (line.split("(QEMU) ")[-1] for line in shown.splitlines())
    return [json.loads(line) for line in lines if line.startswith("{")]


async def ask(client: QMPClient, command: str, **arguments: object) -> Any:
    """The answer of a command."""
    return await client.execute(command, arguments)


async def event(client: QMPClient, name: str) -> dict[str, Any]:
    """The next event of this name."""
    while True:
        message = await client.events.get()
        if message["event"] == name:
            return dict(message)


def test_only_the_owner_may_connect(card: CardProcess) -> None:
    for path in (card.monitor, card.wire, card.vfio_user):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_qemu_s_client_asks_and_is_refused_in_its_own_words(card: CardProcess) -> None:
    async def work(client: QMPClient) -> None:
        assert client.greeting is not None
        assert client.greeting.QMP.version["package"] == "nicrig"
        assert (await ask(client, "query-card"))["kind"] == "bus-master"
        assert {"name": "set-link"} in await ask(client, "query-commands")
        for command, arguments, kind in (
            ("set-link", {"up": 1}, "GenericError"),
            ("set-lnk", {}, "CommandNotFound"),
            ("qmp_capabilities", {}, "CommandNotFound"),
        ):
            with pytest.raises(ExecuteError) as refused:
                await client.execute(command, arguments)
            assert refused.value.error_class == kind

    with_client(card, work)


def test_the_shell_asks_sets_and_shows_errors(card: CardProcess) -> None:
    run = shell(card, "query-version", "set-link up=false", "query-card", "set-link up=maybe", "no-such-command")
    assert run.returncode == 0, run.stderr
    assert "Welcome to the QMP low-level shell" in run.stdout
    version, link, state, wrong, unknown = answers(run.stdout)
    assert version["return"]["package"] == "nicrig"
    assert link == {"return": {}}
    assert state["return"]["link"] is False
    assert (wrong["error"]["class"], unknown["error"]["class"]) == ("GenericError", "CommandNotFound")


def test_what_the_page_shows_happens(card: CardProcess) -> None:
    shown = re.search(r"^\(QEMU\) (.*)\n({.*})$", SOCKETS_PAGE.read_text(), re.MULTILINE)
    assert shown is not None
    assert answers(shell(card, shown[1]).stdout) == [json.loads(shown[2])]


def test_client_reset_link_and_violation_are_events(card: CardProcess) -> None:
    async def work(client: QMPClient) -> None:
        bus = await asyncio.to_thread(VfioUserBus, card.vfio_user)
        assert (await event(client, "CLIENT"))["data"] == {"connected": True}
        await ask(client, "reset")
        assert "data" not in await event(client, "RESET")
        link = not (await ask(client, "query-card"))["link"]
        await ask(client, "set-link", up=link)
        assert (await event(client, "LINK_CHANGED"))["data"] == {"up": link}
        await asyncio.to_thread(bus.read_control, 0xFFC)
        first = (await event(client, "VIOLATION"))["data"]
        assert (first["name"], first["index"], first["count"]) == ("ACCESS", 0xFFC, 1)
        for _ in range(3):
            await asyncio.to_thread(bus.read_control, 0xFF8)
        told = 0
        while told < 3:  # in one event, if they came within a second
            told += (await event(client, "VIOLATION"))["data"]["count"]
        assert told == 3
        bus.close()
        assert (await event(client, "CLIENT"))["data"] == {"connected": False}

    with_client(card, work)


def test_a_capture_dies_with_the_connection_that_wanted_it(card: CardProcess) -> None:
    async def capturing(client: QMPClient) -> Any:
        return (await ask(client, "query-card"))["capture"]

    async def capture(client: QMPClient) -> None:
        await ask(client, "set-capture", on=True)
        assert await capturing(client) is True
        connect_unix(card.monitor, 5).close()  # it goes on when another client disconnects
        assert await capturing(client) is True

    with_client(card, capture)
    assert with_client(card, capturing) is False
