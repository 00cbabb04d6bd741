# SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from nicrig.errors import CommandError
from nicrig.provision.host_command import LAST_LINES, run

pytestmark = pytest.mark.anyio


async def python(code: str, **more: str) -> str:
    return await run([sys.executable, "-c", code], purpose="trying", remedy="repair it", env=more)


async def test_both_outputs_come_back_in_order() -> None:
    assert (
        await python("import os; os.write(1, b'one '); os.write(2, b'two '); os.write(1, b'three')") == "one two three"
    )


async def test_the_environment_is_added_to_ours() -> None:
    assert (
        await python("import os; print(os.environ['PATH'] + os.environ['MORE'])", MORE="!")
        == os.environ["PATH"] + "!\n"
    )


async def test_a_failure_shows_purpose_remedy_command_and_last_lines() -> None:
    with pytest.raises(CommandError) as caught:
        await python("for n in range(40): print('line', n)\nraise SystemExit(3)")
    text = str(caught.value)
    assert text.startswith("trying failed with code 3; repair it\n  $ ")
    assert text.splitlines()[-LAST_LINES:] == [f"  | line {n}" for n in range(40 - LAST_LINES, 40)]


async def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match="no-such-command"):
        await run(["no-such-command"], purpose="trying", remedy="install it")


async def test_cancelling_ends_the_command_and_what_it_started(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    code = f"import subprocess; subprocess.run(['sh', '-c', 'exec > {fifo}; echo up; sleep 1000'])"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(python, code)
        await trio.lowlevel.wait_readable(reader)
        assert os.read(reader, 16) == b"up\n"
        nursery.cancel_scope.cancel()
    # Readable with nothing to read: no process has it open for writing any more.
    with trio.fail_after(5):
        await trio.lowlevel.wait_readable(reader)
    assert os.read(reader, 16) == b""
    os.close(reader)
