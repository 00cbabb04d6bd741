# SPDX-License-Identifier: GPL-2.0-or-later
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nicrig import input_file
from nicrig.input_file import open_input

SHOW = "from pathlib import Path; from nicrig import input_file as m; print(m.open_input(Path('-')).read(9))"


def test_a_regular_file_and_a_link_to_one_are_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"here")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_input(tmp_path / name) as file:
            assert file.read() == b"here"


def test_a_pipe_without_a_writer_is_an_error_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe is a pipe, not a file$"):
        open_input(tmp_path / "pipe")


def test_a_socket_is_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(ValueError, match="socket: No such device or address"):
            open_input(tmp_path / "socket")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/dev/zero", "/dev/zero is a device, not a file"),
        ("/dev", "/dev is a folder, not a file"),
        ("/no/such", "/no/such: No such file or directory"),
        ("/" + "x" * 5000, "File name too long"),
    ],
)
def test_anything_else_is_an_error_that_says_what_it_is(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_input(Path(path))


@pytest.mark.parametrize("command", ["cat FILE | PYTHON", "PYTHON < FILE"])
def test_standard_input_is_read_from_a_pipe_or_a_file(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_bytes(b"some input")
    line = command.replace("FILE", str(tmp_path / "file")).replace("PYTHON", f'{sys.executable} -c "{SHOW}"')
    assert subprocess.check_output(["sh", "-c", line], timeout=60) == b"b'some inpu'\n"


def test_a_pipe_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_file, "MOST_COPIED", 1 << 22)
    monkeypatch.setattr(os, "dup", lambda _: os.open("/dev/zero", os.O_RDONLY))
    with pytest.raises(ValueError, match="standard input holds more than 4194304 bytes: save it to a file"):
        open_input(Path("-"))
