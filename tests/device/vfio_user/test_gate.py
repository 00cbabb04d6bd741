# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.vfio_user.gate import MESSAGE_MAX, BrokenMessageError, Gate, Seen
from tests.contracts.test_fuzz_clients import BROUGHT, DESCRIPTORS, VALID, message
from tests.strategies import damaged


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def size_of(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little")


def is_whole(data: bytes) -> bool:
    return 16 <= size_of(data) <= min(len(data), MESSAGE_MAX)


@given(message() | st.tuples(damaged(VALID), BROUGHT))
def test_whatever_a_client_sends_is_let_through_whole_refused_or_the_end_of_its_connection(
    said: tuple[bytes, list[str]],
) -> None:
    data, names = said
    before = open_files()
    ours, theirs = socket.socketpair()
    with ExitStack() as stack:
        stack.enter_context(ours), stack.enter_context(theirs)
        fds = [DESCRIPTORS[name]() for name in names]
        if data:
            socket.send_fds(theirs, [data], fds)
        for fd in fds:
            os.close(fd)
        gate = Gate(ours, set[tuple[int, int]](), ranges_max=4, vectors=2)
        with suppress(BrokenMessageError):
            while (seen := gate.look()) is Seen.REFUSED:
                assert is_whole(data)
                data = data[size_of(data) :]
            assert (seen is Seen.READY) == is_whole(data)
    assert open_files() <= before  # those of other tests may go meanwhile
