# SPDX-License-Identifier: GPL-2.0-or-later
"""Leaves a command running behind when the terminal goes on: as itself with --foreground, in a session of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class FailedError(Exception):
    """It ended before it was ready: its exit code and its words."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


def start(arguments: Sequence[str], log: Path) -> str:
    """Run `nicrig` with these arguments and `--foreground`; returns its first line, when it is ready.

    What it says on standard error goes to `log`. Raises FailedError.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            # -P: what lies in the user's folder may be called as our packages are.
            [sys.executable, "-P", "-m", "nicrig.cli", *arguments, "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        with process.stdout as said:
            line = said.readline().decode().strip()
    except BaseException:
        process.terminate()
        process.wait()
        log.unlink()
        raise
    if not line:
        code, words = process.wait(), log.read_text(errors="replace").strip()
        log.unlink()
        raise FailedError(code, words)
    return line
