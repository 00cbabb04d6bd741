# SPDX-License-Identifier: GPL-2.0-or-later
"""Opens a file that the user names: a regular file, or standard input for `-`.

A device, a pipe or a folder is an error: reading it may never end. Standard input is copied to a temporary file first,
so that a reader can read every input twice.
"""

import os
import stat
import tempfile
from pathlib import Path
from typing import IO

MOST_COPIED = 1 << 28
"""Most bytes of a standard input that is a pipe."""
COPY_BYTES = 1 << 20
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_input(path: Path) -> IO[bytes]:
    """The open file, at its start. Raises ValueError, whose text names the path and says what is wrong with it."""
    if str(path) == "-":
        return _standard_input()
    try:
        # O_NONBLOCK: opening a pipe that nothing writes to must not wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise ValueError(f"{path} is {_KINDS[stat.S_IFMT(mode)]}, not a file")
    return os.fdopen(descriptor, "rb")


def _standard_input() -> IO[bytes]:
    given = os.fdopen(os.dup(0), "rb")
    if stat.S_ISREG(os.fstat(given.fileno()).st_mode):
        return given
    with given, tempfile.TemporaryFile() as copy:
        while data := given.read(COPY_BYTES):
            copy.write(data)
            if copy.tell() > MOST_COPIED:
                raise ValueError(f"standard input holds more than {MOST_COPIED} bytes: save it to a file and name that")
        copy.seek(0)
        return os.fdopen(os.dup(copy.fileno()), "rb")
