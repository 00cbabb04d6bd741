# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine's handle against a QEMU that is played; tests/system has the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from nicrig.errors import DeadlineError, PartDeathError, RigError
from nicrig.machine.accelerator import KVM
from nicrig.process.polling import until
from nicrig.rundir.paths import RigPaths
from nicrig.session.machine_handle import OwnMachine
from nicrig.session.services import open_services
from tests.fakes.qmp_server import Handler, QmpServer

pytestmark = pytest.mark.anyio

Played = tuple[OwnMachine, QmpServer]


async def play(handlers: dict[str, Handler], folder: Path, *, hot_plug: bool = True) -> AsyncIterator[Played]:
    server = QmpServer(handlers)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve)
        async with open_services() as services:
            monitor = await services.connect("QEMU's monitor", server.client)
            paths = RigPaths(folder)
            yield OwnMachine(monitor, KVM, paths, lambda: paths.vfio_user, hot_plug=hot_plug), server
        nursery.cancel_scope.cancel()


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[Played]:
    async for each in play({}, tmp_path):
        yield each


async def test_unplug_returns_when_the_card_is_out_and_not_before(played: Played) -> None:
    machine, server = played
    out = False

    async def unplug() -> None:
        await machine.unplug()
        assert out, "it did not wait for the card"

    async def asked() -> bool | None:
        return "device_del" in server.executed or None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(unplug)
        await until(asked)
        await server.event("DEVICE_DELETED", device="another")
        out = True
        await server.event("DEVICE_DELETED", device="card")


@pytest.mark.parametrize(
    ("status", "said"), [("running", ""), ("suspended", "send system_wakeup to"), ("paused", "send cont to")]
)
async def test_a_guest_that_does_not_run_is_said_with_what_to_do(tmp_path: Path, status: str, said: str) -> None:
    async for machine, _ in play({"query-status": lambda _: {"status": status}}, tmp_path):
        held = await machine.held()
        assert said in held
        assert bool(held) == bool(said)


async def test_a_card_with_msix_is_never_unplugged(tmp_path: Path) -> None:
    async for machine, server in play({}, tmp_path, hot_plug=False):
        with pytest.raises(RigError, match="--interrupts msi"):
            await machine.unplug()
        assert "device_del" not in server.executed


async def test_a_reset_is_a_panic_with_the_guests_last_words_unless_a_reboot_is_expected(
    played: Played, tmp_path: Path
) -> None:
    machine, server = played
    (tmp_path / "serial.log").write_text("Kernel panic - not syncing\n")
    async with trio.open_nursery() as nursery:

        async def watch(*, task_status: trio.TaskStatus[None]) -> None:
            with pytest.raises(PartDeathError, match=r"(?s)Kernel panic.*between driver and NDIS: NdisMSleep"):
                await machine.watch_reboots(lambda: " NdisMSleep", task_status=task_status)

        await nursery.start(watch)
        await reboot(machine, server)
        await server.event("RESET", guest=True)


async def reboot(machine: OwnMachine, server: QmpServer) -> None:
    """The agent's answer to the command that reboots is lost."""

    async def events() -> None:
        await server.event("RESET", guest=True)
        await server.event("VSERPORT_CHANGE", id="agent", open=True)

    async with trio.open_nursery() as nursery:
        with trio.fail_after(10):
            async with machine.rebooting():
                nursery.start_soon(events)
                await trio.sleep_forever()


async def test_a_reboot_ends_without_the_answer_to_its_command(played: Played) -> None:
    await reboot(*played)


async def test_what_fails_before_the_reset_is_raised_alone(played: Played) -> None:
    machine, _ = played
    with pytest.raises(RigError, match="no reboot here"):
        async with machine.rebooting():
            raise RigError("no reboot here")


async def test_a_deadline_shows_the_console(played: Played, tmp_path: Path) -> None:
    machine, _ = played
    (tmp_path / "serial.log").write_text("booting\nno root\n")
    console = r"(?s)waited 0 s for the guest; its console:.*no root"
    with pytest.raises(DeadlineError, match=console), machine.limit(0.01, "the guest"):
        await trio.sleep_forever()
