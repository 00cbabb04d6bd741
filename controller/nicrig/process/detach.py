# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command in the background: `nicrig` again with --foreground, in a new session."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nicrig.text.printable import LOG_LINES, tail


class FailedError(Exception):
    """The command ended before it was ready. Has its exit code and its standard error."""

    def __init__(self, code: int, errors: str) -> None:
        super().__init__(errors)
        self.code = code


def start(arguments: Sequence[str], log: Path) -> str:
    """Run `nicrig` with these arguments and `--foreground`. Returns its first line, which says that it is ready.

    Its standard error goes to `log`. Raises FailedError.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A new file: whatever has this name now, such as a link, is not written to.
    log.unlink(missing_ok=True)
    with log.open("xb") as errors:
        process = subprocess.Popen(
            # -P: the user's folder may contain packages with the names of ours.
            [sys.executable, "-P", "-m", "nicrig.cli", *arguments, "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        with process.stdout as output:
            line = output.readline().decode().strip()
    except BaseException:
        process.terminate()
        process.wait()
        log.unlink()
        raise
    if not line:
        code, printed = process.wait(), "\n".join(tail(log, LOG_LINES))
        log.unlink()
        raise FailedError(code, printed)
    return line
