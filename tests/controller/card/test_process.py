# SPDX-License-Identifier: GPL-2.0-or-later
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from nicrig.card.process import CardProcess
from nicrig.errors import PartDeathError, RigError, UsageError
from nicrig.rundir.paths import RigPaths

pytestmark = pytest.mark.anyio

READY = "import signal; print('ready', flush=True); print('-device ...', flush=True); signal.pause()"


def card(folder: Path, body: str) -> CardProcess:
    return CardProcess(
        RigPaths(folder), Path("/lib/libvfio-user.so"), "msi", "non-dma", "report", program=(sys.executable, "-c", body)
    )


async def test_start_returns_when_the_card_says_ready(tmp_path: Path) -> None:
    made = card(tmp_path, READY)
    await made.start()
    await made.close()


async def test_the_card_s_command_line_has_sockets_library_interrupts_kind_and_ledger(tmp_path: Path) -> None:
    made = card(tmp_path, f"import sys; sys.stderr.write(repr(sys.argv[1:])); sys.stderr.flush(); {READY}")
    await made.start()
    await made.close()
    where = ["--sockets", str(tmp_path), "--library", "/lib/libvfio-user.so"]
    expected = [*where, "--interrupts", "msi", "--kind", "non-dma", "--ledger", "report"]
    assert made.paths.card_log.read_text() == repr(expected)


async def test_an_option_without_a_value_is_left_to_the_card(tmp_path: Path) -> None:
    program = (sys.executable, "-c", f"import sys; sys.stderr.write(repr(sys.argv[-2:])); sys.stderr.flush(); {READY}")
    where = (RigPaths(tmp_path), Path("/lib/libvfio-user.so"))
    made = CardProcess(*where, "msi", "non-dma", program=program, card_timing="unkind:3", mac=None)
    await made.start()
    await made.close()
    assert made.paths.card_log.read_text() == repr(["--card-timing", "unkind:3"])


async def test_a_card_that_ends_instead_shows_its_own_words(tmp_path: Path) -> None:
    made = card(tmp_path, "import sys; sys.exit('card: no library')")
    with pytest.raises(PartDeathError, match=r"code 1:\n  \| card: no library"):
        await made.start()
    await made.close()


async def test_an_unexpected_death_is_reported(tmp_path: Path) -> None:
    made = card(tmp_path, "print('ready', flush=True); raise SystemExit(3)")
    await made.start()
    with pytest.raises(PartDeathError, match="code 3"):
        await made.watch()
    await made.close()


async def test_a_killed_card_is_no_death_and_another_may_follow(tmp_path: Path) -> None:
    made = card(tmp_path, READY)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            await made.start()
            nursery.start_soon(made.watch)
            await trio.testing.wait_all_tasks_blocked()
            await made.kill()
    with pytest.raises(RigError, match="no card is running"):
        _ = made.pid


async def test_a_card_with_wrong_options_is_a_usage_error(tmp_path: Path) -> None:
    made = card(tmp_path, "import sys; print('card: behaviour x: no Python file x', file=sys.stderr); sys.exit(2)")
    with pytest.raises(UsageError, match=r"^card: behaviour x: no Python file x$"):
        await made.start()
    await made.close()
