# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest
import trio

from nicrig.errors import RigError
from nicrig.rundir.directories import last_lines, run_directory
from nicrig.rundir.own_files import PREFIX
from nicrig.text.printable import LINE_BYTES

pytestmark = pytest.mark.anyio


def left_in(parent: Path) -> list[Path]:
    return list(parent.glob(f"{PREFIX}*"))


async def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    with trio.move_on_after(0), run_directory(tmp_path) as paths:
        (paths.folder / "wire.sock").touch()
        await trio.sleep_forever()
    assert left_in(tmp_path) == []


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), run_directory(tmp_path):
        raise KeyError
    assert left_in(tmp_path) == []


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    with pytest.raises(RigError, match="107"), run_directory(deep):
        pass
    assert left_in(deep) == []


def test_the_folder_of_a_killed_rig_is_removed_by_the_next(tmp_path: Path) -> None:
    abandoned = tmp_path / f"{PREFIX}dead"
    abandoned.mkdir()
    (abandoned / "lock").touch()
    with run_directory(tmp_path) as paths:
        assert left_in(tmp_path) == [paths.folder]


def test_the_folder_of_a_living_rig_stays(tmp_path: Path) -> None:
    with run_directory(tmp_path) as first, run_directory(tmp_path) as second:
        assert first.folder.exists()
        assert first != second


def test_logs_are_kept_when_asked(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with run_directory(tmp_path, keep_logs=kept) as paths:
        paths.card_log.write_text("said")
        paths.wire.touch()
    assert [path.name for path in kept.iterdir()] == ["card.log"]
    assert left_in(tmp_path) == []


def test_last_lines_are_printable_and_bounded(tmp_path: Path) -> None:
    log = tmp_path / "serial.log"
    log.write_bytes(b"boot\n\x1b[2J\x1b]0;title\x07\r\n" + b"x" * 1_200_000 + b"\x9b")
    shown = last_lines(log)
    assert shown.replace("\n", "").isprintable()
    assert len(shown) < LINE_BYTES + 200


def test_last_lines_are_set_off(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\n")
    assert last_lines(log, 2) == "\n  | two\n  | three"
    assert last_lines(tmp_path / "none") == ""
