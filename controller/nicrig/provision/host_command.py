# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the commands of the set-up. The error of a failed one shows its last lines and the remedy."""

import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from nicrig.errors import CommandError
from nicrig.process.child import Child

LAST_LINES = 15


async def run(
    argv: Sequence[str],
    *,
    purpose: str,
    remedy: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run `argv` to its end and return what it printed (both streams, in order).

    Raises CommandError when it cannot be started or ends with another code than 0. Cancelling ends the command and
    everything that it started.
    """
    with tempfile.TemporaryFile() as output:
        try:
            child = Child(argv, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd)
        except OSError as error:
            raise CommandError(f"{purpose}: cannot run {argv[0]}: {error.strerror}; {remedy}") from error
        try:
            code = await child.wait()
        finally:
            await child.close(patience=10)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if code:
        raise CommandError(failure(argv, code, text, purpose=purpose, remedy=remedy))
    return text


def failure(argv: Sequence[str], code: int, output: str, *, purpose: str, remedy: str) -> str:
    """The message for a failed command: purpose and code, the remedy, the command, its last lines."""
    last = "\n".join(f"  | {line}" for line in output.splitlines()[-LAST_LINES:])
    return f"{purpose} failed with code {code}; {remedy}\n  $ {shlex.join(argv)}\n{last}"
