# SPDX-License-Identifier: GPL-2.0-or-later
"""Standard output that may fail: its reader closes the pipe, or its disk is full. No verb has to expect that."""

import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TextIO

from nicrig.errors import RigError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


class FallibleOutput(io.FileIO):
    """A file of which a write never fails. The first failure is kept, and what is written after it is dropped."""

    failure: OSError | None = None

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)

    def write(self, data: "ReadableBuffer", /) -> int:
        if self.failure is None:
            try:
                return write_some(self.fileno(), data)
            except OSError as error:
                self.failure = error
        return memoryview(data).nbytes


def write_some(descriptor: int, data: "ReadableBuffer") -> int:
    """Write a part of the data, as os.write does, and return its size.

    Waits for room in an output that is non-blocking: another program may have made a terminal so that it shares.
    """
    while True:
        try:
            return os.write(descriptor, data)
        except BlockingIOError:
            select.select([], [descriptor], [])


def exit_after(command: Callable[[], int | None]) -> NoReturn:
    """Run a command and exit with its code, or with 125 when standard output did not take all that it printed."""
    make_fallible()
    code: str | int | None
    try:
        code = command()
    except SystemExit as done:
        code = done.code
    sys.stdout.flush()
    if text := complaint():
        print(f"nicrig: {text}", file=sys.stderr)
        code = RigError.exit_code
    sys.exit(code)


def make_fallible() -> None:
    """Let no write to standard output or standard error fail. `failure` says what became of standard output."""
    for name, descriptor in (("stdout", STANDARD_OUTPUT), ("stderr", STANDARD_ERROR)):
        given: TextIO | None = getattr(sys, name)
        if given is None:  # it was closed before this process began, and no other file may get its number
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        buffer = io.BufferedWriter(FallibleOutput(descriptor))
        made = io.TextIOWrapper(
            buffer,
            given.encoding if given else "utf-8",
            given.errors if given else "backslashreplace",
            line_buffering=given is None or _at_once(given),
        )
        setattr(sys, name, made)


def _at_once(given: TextIO) -> bool:
    """Whether each line goes out when it ends: at a terminal, and with PYTHONUNBUFFERED."""
    return bool(given.line_buffering) or getattr(given, "write_through", False)


def failure() -> OSError | None:
    """The error that ended standard output, if one did."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, FallibleOutput) else None


def complaint() -> str:
    """What to say of a failed standard output: nothing when its reader has closed the pipe, and has what it wants."""
    error = failure()
    if error is None or error.errno == errno.EPIPE:
        return ""
    return f"standard output: {error.strerror}: name a file that has room"
