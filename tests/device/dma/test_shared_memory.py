# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory whose file another process cuts: in a process of its own, because each failure kills it."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nicrig_device.dma.shared_memory import sealed_file

CUT = """
    import ctypes, mmap, os, sys
    import numpy as np
    from nicrig_device.dma.frames import copy_pieces
    from nicrig_device.dma.shared_memory import Area, LostMemory, replace

    SIZE = 1 << 20
    path = sys.argv[1]
    fd = os.open(path, os.O_RDWR | os.O_TMPFILE, 0o600) if path else os.memfd_create("cut")
    os.ftruncate(fd, SIZE)
    data = np.frombuffer(mmap.mmap(fd, SIZE), np.uint8)
    start, times = data.ctypes.data, []

    def lost():
        times.append(1)
        replace(start, SIZE)
"""
ACCESSES = """
    many = np.arange(64)
    into = np.ones(512, np.uint8)

    def write_pieces():
        copy_pieces(data, many * 4096, np.ones(8, np.uint8), many * 0, many * 0 + 8)
        return int(data.sum()) - 512

    def read_pieces():
        copy_pieces(into, many * 8, data, many * 4096, many * 0 + 8)
        return int(into.sum())

    def write():
        data[:] = 5
        return int(data[-1]) - 5

    accesses = (
        lambda: int(data.sum()), write, write_pieces, read_pieces, lambda: sum(bytes(data.data[4096:70000])),
        lambda: sum(ctypes.string_at(start + 8192, 4096)),
    )
    with LostMemory() as memory:
        for number, access in enumerate(accesses):
            os.ftruncate(fd, SIZE)
            data = np.frombuffer(mmap.mmap(fd, SIZE), np.uint8)
            start = data.ctypes.data
            memory.add(Area(start, SIZE, lost))
            data[:] = 7
            os.ftruncate(fd, 0)
            assert access() == 0, number
            assert len(times) == number + 1, number
"""


def run(code: str, path: str = "") -> subprocess.CompletedProcess[str]:
    text = textwrap.dedent(CUT) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", text, path], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.real
@pytest.mark.parametrize("folder", ["", "/dev/shm", "{tmp}"])
def test_memory_whose_file_was_cut_is_replaced_under_any_access(folder: str, tmp_path: Path) -> None:
    done = run(ACCESSES, folder.format(tmp=tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


NOT_WATCHED = """
    with LostMemory() as memory:
        memory.add(Area(start, SIZE, lost))
        memory.remove(start)
        os.ftruncate(fd, 0)
        data[0]
"""
NOT_ANY_MORE = """
    with LostMemory() as memory:
        memory.add(Area(start, SIZE, lost))
    os.ftruncate(fd, 0)
    data[0]
"""
NOT_REPLACED = """
    def fails():
        raise OSError("no memory")

    with LostMemory() as memory:
        memory.add(Area(start, SIZE, fails))
        os.ftruncate(fd, 0)
        data[0]
"""


@pytest.mark.real
@pytest.mark.parametrize(
    ("code", "said"), [(NOT_WATCHED, ""), (NOT_ANY_MORE, ""), (NOT_REPLACED, "OSError: no memory")]
)
def test_any_other_bus_error_ends_the_process(code: str, said: str) -> None:
    done = run(code)
    assert done.returncode == -signal.SIGBUS
    assert said in done.stderr


@pytest.mark.parametrize("size", [0, 4096, 1 << 20])
def test_no_process_can_change_the_size_of_a_sealed_file(size: int) -> None:
    fd = sealed_file("sealed", 8192)
    shared = mmap.mmap(fd, 8192)
    with pytest.raises(PermissionError):
        os.ftruncate(fd, size)
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    with pytest.raises(PermissionError):
        os.ftruncate(again, size)
    shared[0] = 1
    assert os.pread(again, 1, 0) == b"\1"
    for each in (fd, again):
        os.close(each)
