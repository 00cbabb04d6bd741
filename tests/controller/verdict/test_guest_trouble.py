# SPDX-License-Identifier: GPL-2.0-or-later
from contextlib import suppress
from pathlib import Path

import pytest

from nicrig.verdict.guest_trouble import SIGNS, TROUBLE_DOC, Console

LINES = {
    "hang-reset": "[   12.1] nicrig 0000:00:02.0 eth0: the card hangs: reset",
    "transmit-timeout": "[   12.1] nicrig 0000:00:02.0 eth0: no send completed on queue 0: reset",
    "used-after-free": "[   12.1] Oops: general protection fault, maybe for address 0x6b6b6b6b6b6b6b9b",
    "kernel-stall": "[   12.1] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [kworker/0:1:9]",
    "kernel-bug": "[   12.1] BUG: unable to handle page fault for address: ffff9d5f80000000",
    "kernel-warning": "[   12.1] WARNING: CPU: 0 PID: 167 at /guest_driver/ndis/packets/buffer.c:68",
}


@pytest.mark.parametrize("name", LINES)
def test_each_sign_has_its_name(name: str) -> None:
    console = Console()
    console.read(f"[   11.0] Freeing unused memory\n{LINES[name]}\n{LINES[name]}\x1b[2J\n")
    assert console.counts() == {name: 2}
    assert console.lines() == [f"{name}, the guest's kernel: {LINES[name]}"]
    assert name in TROUBLE_DOC
    assert set(LINES) == set(SIGNS)


def test_only_what_came_while_the_console_was_followed_counts(tmp_path: Path) -> None:
    log, console = tmp_path / "serial.log", Console()
    log.write_text("WARNING: at boot\n")
    with suppress(ConnectionError), console.following(log):
        with log.open("a") as file:
            file.write("WARNING: under the driver\n")
        raise ConnectionError
    assert console.lines() == ["kernel-warning, the guest's kernel: WARNING: under the driver"]


def test_a_machine_without_a_log_has_no_console(tmp_path: Path) -> None:
    console = Console()
    with console.following(tmp_path / "serial.log"):
        pass
    assert console.counts() == {}
