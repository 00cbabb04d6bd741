# SPDX-License-Identifier: GPL-2.0-or-later
"""A rig is ended by asking its daemon, and the daemon ends its machines before its card."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from nicrig.errors import PartDeathError, RigError, cause
from nicrig.process.polling import until
from nicrig.rundir.directories import named_directory
from nicrig.rundir.paths import RigPaths, log_of, names, paths_named
from nicrig.session import ending
from nicrig.session.daemon import Description, describe
from nicrig.session.ending import END, MACHINE, Daemon, end_rig, ends_with_card

pytestmark = [pytest.mark.real, pytest.mark.anyio]

SECONDS = 60
DAEMON = """
import trio
from nicrig.rundir.directories import named_directory
from nicrig.session.ending import Daemon

async def main():
    with named_directory("dev") as paths:
        async with Daemon(paths).serving():
            print("ready", flush=True)
            await trio.sleep_forever()
    print("ended", flush=True)

trio.run(main)
"""


@pytest.fixture(autouse=True)
def rigs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder:
        monkeypatch.setenv("NICRIG_RIGS", f"{folder}/rigs")
        yield Path(folder) / "rigs"


@pytest.fixture
def daemon(rigs: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has a rig's folder and its socket."""
    with subprocess.Popen([sys.executable, "-P", "-c", DAEMON], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the user's that has nothing to do with rigs."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def connected(daemon: Daemon, count: int) -> None:
    async def check() -> bool | None:
        return len(daemon._machines) == count or None

    await until(check)


async def test_a_daemon_that_is_asked_has_ended_when_the_answer_comes(
    rigs: Path, daemon: subprocess.Popen[str]
) -> None:
    log_of("dev").touch()
    await end_rig(paths_named("dev"))
    assert daemon.stdout is not None
    assert daemon.stdout.read() == "ended\n"
    assert daemon.wait(SECONDS) == 0
    assert left_in(rigs) == []


async def test_a_process_that_a_forged_description_names_is_not_signalled(
    daemon: subprocess.Popen[str], stranger: subprocess.Popen[bytes]
) -> None:
    paths = paths_named("dev")
    describe(paths, Description(pid=stranger.pid, started=0.0, kind="bus-master", interrupts="msix"))
    await end_rig(paths)
    assert names() == []
    assert stranger.poll() is None


async def test_a_rig_whose_command_has_no_daemon_is_left_alone() -> None:
    with named_directory("dev") as paths:
        describe(paths, Description(pid=os.getpid(), started=0.0, kind="bus-master", interrupts="msix"))
        with pytest.raises(RigError, match=r"no daemon answers .*Ctrl-C"):
            await end_rig(paths)
        assert paths.lock.exists()


async def test_a_killed_daemons_rig_is_removed(rigs: Path, daemon: subprocess.Popen[str]) -> None:
    daemon.kill()
    daemon.wait(SECONDS)
    await end_rig(paths_named("dev"))
    assert left_in(rigs) == []


async def test_a_daemon_that_does_not_end_costs_the_deadline(
    daemon: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "END_SECONDS", 0.2)
    daemon.send_signal(signal.SIGSTOP)
    with pytest.raises(RigError, match=r"waited 0 s for the rig at .* to end") as error:
        await end_rig(paths_named("dev"))
    assert error.value.exit_code == 124
    assert names() == ["dev"]


async def test_the_socket_of_another_user_is_not_asked(
    daemon: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with trio.fail_after(SECONDS):
        monkeypatch.setattr(ending, "_is_ours", lambda _: False)
        with pytest.raises(RigError, match="no daemon answers"):
            await end_rig(paths_named("dev"))


async def test_another_users_words_end_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    us = os.geteuid()
    with trio.fail_after(SECONDS):
        async with Daemon(RigPaths(tmp_path)).serving():
            client = await trio.open_unix_socket(tmp_path / "daemon.sock")
            monkeypatch.setattr(os, "geteuid", lambda: us + 1)
            await client.send_all(END)
            with pytest.raises(trio.BrokenResourceError):  # reset: what it said was not even read
                await client.receive_some()
            await trio.testing.wait_all_tasks_blocked()


async def test_a_client_that_says_nothing_delays_no_end(tmp_path: Path) -> None:
    started = time.monotonic()
    async with Daemon(RigPaths(tmp_path)).serving():
        silent = await trio.open_unix_socket(tmp_path / "daemon.sock")
        asker = await trio.open_unix_socket(tmp_path / "daemon.sock")
        await asker.send_all(END)
        await trio.sleep(SECONDS)
    assert time.monotonic() - started < 5
    await silent.aclose()
    await asker.aclose()


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "interrupted"])
async def test_the_machines_end_before_the_card(tmp_path: Path, asked: bool) -> None:
    paths, said = RigPaths(tmp_path), list[str]()
    daemon, up = Daemon(paths), trio.Event()

    async def card() -> None:
        async with daemon.serving():
            try:
                up.set()
                await trio.sleep_forever()
            finally:
                await daemon.end_machines()
                said.append("card")

    async def machine(number: int, *, task_status: trio.TaskStatus[None]) -> None:
        async with ends_with_card(paths):
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.1)
                said.append(f"machine {number}")

    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as all_of_it, trio.open_nursery() as cards:
            cards.start_soon(card)
            await up.wait()
            for number in range(2):
                await all_of_it.start(machine, number)
            await connected(daemon, 2)
            if asked:
                async with await trio.open_unix_socket(paths.daemon) as asker:
                    await asker.send_all(END)
            else:
                cards.cancel_scope.cancel()
    assert sorted(said[:2]) == ["machine 0", "machine 1"]
    assert said[2:] == ["card"]


async def test_a_machine_whose_cards_daemon_is_killed_ends_with_that_as_its_failure(
    daemon: subprocess.Popen[str],
) -> None:
    with trio.fail_after(SECONDS), pytest.raises(BaseExceptionGroup) as error:  # noqa: PT012
        async with ends_with_card(paths_named("dev")):
            daemon.kill()
            await trio.sleep_forever()
    assert isinstance(cause(error.value), PartDeathError)


async def test_a_machine_of_a_card_without_a_daemon_runs(tmp_path: Path) -> None:
    async with ends_with_card(RigPaths(tmp_path)):
        await trio.lowlevel.checkpoint()


async def test_a_machine_that_does_not_end_delays_the_card_to_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "MACHINE_SECONDS", 0.1)
    daemon = Daemon(RigPaths(tmp_path))
    with trio.fail_after(SECONDS):
        async with daemon.serving():
            machine = await trio.open_unix_socket(tmp_path / "daemon.sock")
            await machine.send_all(MACHINE)
            await connected(daemon, 1)
        assert await machine.receive_some() == END
        await machine.aclose()
