# SPDX-License-Identifier: GPL-2.0-or-later
"""Output that fails, in a process of its own. tests/controller/cli/test_printing.py has the verbs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

LARGE = 200_000
WRITING = f"""
import os, sys
from nicrig.process import output
output.make_fallible()
os.set_blocking(1, {{blocking}})
sys.stdout.write("é" * {LARGE})
sys.stdout.flush()
print(output.failure(), output.complaint(), file=sys.stderr)
"""


@pytest.mark.real
def test_a_non_blocking_output_gets_everything() -> None:
    """A terminal that this process shares may be set so by another."""
    reader, writer = os.pipe()
    got: list[bytes] = []

    def read() -> None:
        while part := os.read(reader, 1 << 12):
            got.append(part)

    thread = threading.Thread(target=read)
    argv = [sys.executable, "-c", WRITING.format(blocking=False)]
    with subprocess.Popen(
        argv, stdout=writer, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUTF8": "1"}
    ) as process:
        os.close(writer)
        thread.start()
        assert process.communicate(timeout=30)[1] == "None \n"
    thread.join(30)
    os.close(reader)
    assert b"".join(got).decode() == "é" * LARGE


@pytest.mark.real
def test_a_reader_that_leaves_is_kept_as_the_failure_and_is_no_complaint() -> None:
    argv = [sys.executable, "-c", WRITING.format(blocking=True)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == "[Errno 32] Broken pipe \n"
    assert process.returncode == 0
