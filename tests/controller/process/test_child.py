# SPDX-License-Identifier: GPL-2.0-or-later
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from nicrig.process.child import Child, Identity

pytestmark = [pytest.mark.real, pytest.mark.anyio]

OTHERS = [Identity(61184), Identity(61185, (61186,))] if os.geteuid() == 0 else []
"""Only root can start a child as another user."""
CHECKOUT = Path(__file__).parents[3]
FOREVER = [sys.executable, "-c", "print('ready', flush=True); import signal; signal.pause()"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()",
]


def child(argv: list[str]) -> Child:
    return Child(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def started(argv: list[str]) -> Child:
    made = child(argv)
    assert made.stdout is not None
    assert made.stdout.readline() == b"ready\n"
    return made


async def test_wait_returns_the_childs_exit_code() -> None:
    process = child([sys.executable, "-c", "raise SystemExit(7)"])
    assert await process.wait() == 7
    await process.close()


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
async def test_only_this_user_can_access_the_files_of_a_private_child(tmp_path: Path, private: bool, mode: int) -> None:
    before = os.umask(0o022)
    try:
        process = Child(
            ["touch", str(tmp_path / "made")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, private=private
        )
        await process.wait()
        await process.close()
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == mode


async def test_two_tasks_may_wait_for_one_child() -> None:
    process = started(FOREVER)
    codes: list[int] = []

    async def wait() -> None:
        codes.append(await process.wait())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        process.signal(signal.SIGKILL)
    assert codes == [-signal.SIGKILL] * 2
    await process.close()


async def test_close_gives_a_child_time_to_end() -> None:
    process = started(FOREVER)
    await process.close(patience=5)
    assert await process.wait() == -signal.SIGTERM


async def test_close_kills_a_child_that_ignores_sigterm() -> None:
    process = started(STUBBORN)
    await process.close(patience=0.05)
    assert await process.wait() == -signal.SIGKILL


async def test_close_works_inside_a_cancelled_scope() -> None:
    process = started(FOREVER)
    with trio.CancelScope() as scope:
        scope.cancel()
        await process.close()
    assert not process.alive


async def test_a_child_of_another_identity_has_no_rights() -> None:
    for identity in OTHERS:
        process = Child(["cat", "/proc/self/status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, identity=identity)
        assert process.stdout is not None
        status = dict(line.split(":", 1) for line in process.stdout.read().decode().splitlines())
        assert status["Uid"].split() == status["Gid"].split() == [str(identity.user)] * 4
        assert status["Groups"].split() == [str(group) for group in identity.groups]
        assert {value.strip() for name, value in status.items() if name.startswith("Cap")} == {"0" * 16}
        assert status["NoNewPrivs"].strip() == "1"
        await process.close()


PARENT = """
import signal, subprocess
from nicrig.process.child import Child, Identity
command = ["sh", "-c", "echo runs; exec sleep 1000"]
child = Child(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, identity={identity})
child.stdout.readline()  # its parent-death signal is set before it runs
print(child.pid, flush=True)
signal.pause()
"""


def orphan(identity: Identity | None) -> int:
    """A descriptor of a child whose parent was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.format(identity=identity)], stdout=subprocess.PIPE, cwd=CHECKOUT
    ) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    return descriptor


@pytest.mark.parametrize("identity", [None, *OTHERS])
async def test_a_child_dies_with_a_parent_that_is_killed(identity: Identity | None) -> None:
    descriptor = orphan(identity)
    try:
        with trio.fail_after(5):
            await trio.lowlevel.wait_readable(descriptor)
    finally:
        os.close(descriptor)
