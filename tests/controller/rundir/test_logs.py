# SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys
from pathlib import Path

import pytest
import trio

from nicrig.machine.accelerator import TCG
from nicrig.machine.qemu import MachineSpec, Program, Qemu
from nicrig.process.child import Child
from nicrig.process.polling import until
from nicrig.rundir import logs
from nicrig.rundir.logs import bounded_logs, cut, end_of, text_since
from nicrig.rundir.paths import RigPaths
from tests.fakes.programs import script

pytestmark = pytest.mark.anyio

MOST, KEPT = 4000, 1000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST", MOST)
    monkeypatch.setattr(logs, "KEPT", KEPT)
    monkeypatch.setattr(logs, "PERIOD", 0.01)


def lines(first: int, last: int) -> str:
    return "".join(f"line {number:4}\n" for number in range(first, last))


def test_a_log_is_left_alone_until_it_is_too_large(tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    log.write_text(lines(0, 400))
    cut(log)
    assert log.read_text() == lines(0, 400)
    with log.open("a") as file:
        file.write(lines(400, 410))
    cut(log)
    assert log.read_text() == "[nicrig: 3110 bytes of this log were dropped here]\n" + lines(311, 410)


def test_the_line_counts_all_that_was_ever_dropped(tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    for part in range(5):
        with log.open("a") as file:
            file.write(lines(part * 500, part * 500 + 500))
        cut(log)
        assert end_of(log) == 10 * 500 * (part + 1)
    assert log.read_text() == f"[nicrig: {25000 - 990} bytes of this log were dropped here]\n" + lines(2401, 2500)


def test_what_is_written_during_a_cut_never_stands_before_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, truncate = tmp_path / "serial.log", os.truncate

    def raced(descriptor: int, length: int) -> None:
        with log.open("a", buffering=1) as program:
            program.write("before\n")
            truncate(descriptor, length)
            program.write("after\n")

    log.write_text(lines(0, 500))
    monkeypatch.setattr(os, "truncate", raced)
    cut(log)
    assert log.read_text() == "[nicrig: 4010 bytes of this log were dropped here]\n" + lines(401, 500) + "after\n"


def test_a_log_without_line_ends_keeps_its_end(tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    log.write_text("x" * 5000)
    cut(log)
    assert log.read_text().partition("\n")[2] == "x" * KEPT


def test_the_text_since_a_moment_survives_a_cut(tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    assert (end_of(log), text_since(log, 0)) == (0, "")
    log.write_text(lines(0, 380))
    begun = end_of(log)
    with log.open("a") as file:
        file.write(lines(380, 410))
    assert text_since(log, begun) == lines(380, 410)
    cut(log)
    assert text_since(log, begun) == lines(380, 410)
    assert text_since(log, 0) == log.read_text()


def test_only_a_regular_file_of_the_folder_is_cut(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text(lines(0, 500))
    (tmp_path / "link.log").symlink_to(victim)
    os.mkfifo(tmp_path / "pipe.log")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        cut(tmp_path / "link.log")
    cut(tmp_path / "pipe.log")
    assert victim.read_text() == lines(0, 500)


async def test_a_program_that_writes_without_end_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Large enough for the program to write while the log is cut.
    monkeypatch.setattr(logs, "MOST", 1 << 20)
    monkeypatch.setattr(logs, "KEPT", 1 << 19)
    log = tmp_path / "serial.log"
    flood = "import os\nwhile True: os.write(1, b'flood ' * 20 + b'\\n')"
    with log.open("ab") as file:
        program = Child([sys.executable, "-c", flood], stdout=file, stderr=file)

    async def some_megabytes() -> bool | None:
        return end_of(log) > 1 << 23 or None

    async with bounded_logs(RigPaths(tmp_path)):
        with trio.fail_after(60):
            await until(some_megabytes)
    await program.close()
    assert log.read_bytes().startswith(b"[nicrig: "), "the program wrote before the line"
    cut(log)
    # The writer appends: after a cut its next byte is at the new end, and the file has no hole.
    assert log.stat().st_size <= 1 << 20
    assert b"\0" not in log.read_bytes()


async def test_qemu_s_logs_are_cut_while_it_is_watched(tmp_path: Path) -> None:
    flood = "import os, re, sys\npath = re.search('path=([^,]*serial.log),append=on', ' '.join(sys.argv))[1]\n"
    flood += "log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
    flood += "while True: os.write(log, b'guest\\n' * 20), os.write(2, b'qemu\\n' * 20)\n"
    machine = MachineSpec(accelerator=TCG, kernel=Path("/k/vmlinuz"), image=Path("/k/initramfs"))
    paths = RigPaths(tmp_path)
    qemu = Qemu(Program((str(script(tmp_path / "qemu", flood)),)), machine, lambda _: [], paths)

    async def both_are_cut() -> bool | None:
        found = [log for log in (paths.serial_log, paths.qemu_log) if log.exists()]
        return [log.read_bytes()[:9] for log in found] == [b"[nicrig: "] * 2 or None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(qemu.watch)
        with trio.fail_after(60):
            await until(both_are_cut)
        await qemu.close()
