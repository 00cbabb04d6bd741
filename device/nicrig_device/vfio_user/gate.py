# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at each message of a vfio-user client before libvfio-user reads it.

The library waits for the rest of a message, writes to any descriptor that is given as a vector, and adds up numbers of
the client without a check. So it gets only complete messages whose numbers and descriptors are sound.
"""

from __future__ import annotations

import enum
import errno
import fcntl
import mmap
import os
import select
import socket
import stat
import struct
import termios
from collections.abc import Container, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from nicrig_device.log import log

MESSAGE_MAX = 1 << 16
"""Longest message. A whole one of this length fits into a socket, so that it can be seen before it is read."""
DESCRIPTORS_MAX = 16
DMA_MAP, DMA_UNMAP, SET_IRQS, REGION_READ = 2, 3, 8, 9
COMMANDS = frozenset((*range(DMA_MAP, 11), 13))
"""The commands of a machine without migration, from DMA_MAP to REGION_WRITE, and DEVICE_RESET."""
NO_REPLY, REPLY, ERROR = 0x10, 0x01, 0x20
HEADER = struct.Struct("<HHIII")  # message id, command, size, flags, error
DMA_MAP_BODY = struct.Struct("<IIQQQ")  # size of the arguments, flags, offset in the file, address, length
DMA_UNMAP_BODY = struct.Struct("<IIQQ")  # size of the arguments, flags, address, length
SET_IRQS_BODY = struct.Struct("<IIIII")  # size of the arguments, flags, index, start, count
REGION_ACCESS_BODY = struct.Struct("<QII")  # offset, region, count
UNMAP_ALL = 2
LOOK_BYTES = HEADER.size + DMA_MAP_BODY.size
EVENTFD = Path("anon_inode:[eventfd]")


class MappedRanges(Container[tuple[int, int]], Sized, Protocol):
    """The client's ranges of memory, each with start and size."""


class BrokenMessageError(Exception):
    """No message can follow: the client must be disconnected. The text says why."""


class RefusedMessageError(Exception):
    """The message gets an error as reply, and the next one may be sound."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Seen(enum.Enum):
    """What the gate has found."""

    NOTHING = enum.auto()
    """No complete message has come."""
    REFUSED = enum.auto()
    """A message that the gate has answered itself. Look again."""
    READY = enum.auto()
    """A message, or the end: the library can read it without waiting."""


class Gate:
    """The connection of one client, which never blocks."""

    def __init__(self, connection: socket.socket, ranges: MappedRanges, ranges_max: int, vectors: int) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._ranges = ranges
        self._ranges_max = ranges_max
        self._vectors = vectors
        self.incomplete = False
        """Whether the beginning of a message has come, and not the rest."""
        self.mapping: tuple[int, int] | None = None
        """Start and size of the range that the last message maps, if it maps one."""

    def look(self) -> Seen:
        """See whether the library can read. Raises BrokenMessageError."""
        self.incomplete, self.mapping = False, None
        try:
            seen = self._connection.recv(LOOK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return Seen.NOTHING
        except OSError as error:
            raise BrokenMessageError(str(error)) from error
        if not seen:
            return Seen.READY
        if not self._complete(seen):
            if self._hung_up():
                raise BrokenMessageError("it left within a message")
            self.incomplete = True
            return Seen.NOTHING
        try:
            self._check(seen)
        except RefusedMessageError as error:
            self._refuse(seen, error)
            return Seen.REFUSED
        return Seen.READY

    def take(self) -> bytes | None:
        """The whole next message, or None while it is incomplete. Raises BrokenMessageError, OSError."""
        seen = self._connection.recv(LOOK_BYTES, socket.MSG_PEEK)
        if not self._complete(seen):
            if self._hung_up():
                raise BrokenMessageError("it left")
            return None
        return self._read(HEADER.unpack_from(seen)[2])

    def _read(self, size: int) -> bytes:
        """Take a message that is complete. Its descriptors are closed."""
        data = b""
        while len(data) < size:
            data += self._connection.recv(size - len(data))
        return data

    def _complete(self, seen: bytes) -> bool:
        if len(seen) < HEADER.size:
            return False
        size = HEADER.unpack_from(seen)[2]
        if not HEADER.size <= size <= MESSAGE_MAX:
            raise BrokenMessageError(f"a message of {size} bytes: it must have {HEADER.size} to {MESSAGE_MAX}")
        return bool(len(seen) >= size or self._waiting() >= size)

    def _waiting(self) -> int:
        """Bytes that have come in."""
        return int.from_bytes(fcntl.ioctl(self._connection, termios.FIONREAD, bytes(4)), "little")

    def _hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self._connection, select.POLLRDHUP)
        return bool(poll.poll(0))

    # -- checks -------------------------------------------------------------------------------------
    def _check(self, seen: bytes) -> None:
        command = HEADER.unpack_from(seen)[1]
        if command == SET_IRQS:
            self._check_vectors(*_body(SET_IRQS_BODY, seen)[3:])
        elif command == DMA_MAP:
            self._check_range(*_body(DMA_MAP_BODY, seen)[2:])
        elif command == DMA_UNMAP:
            if _body(DMA_UNMAP_BODY, seen)[1] not in (0, UNMAP_ALL):
                raise RefusedMessageError(errno.EOPNOTSUPP, "the card does not keep track of dirty pages")
        elif command == REGION_READ:
            count = _body(REGION_ACCESS_BODY, seen)[2]
            if count > MESSAGE_MAX:
                raise RefusedMessageError(errno.EINVAL, f"a read of {count} bytes: at most {MESSAGE_MAX}")
        elif command not in COMMANDS:
            raise RefusedMessageError(errno.EOPNOTSUPP, f"no command {command}")

    def _check_vectors(self, start: int, count: int) -> None:
        if start + count > self._vectors:
            raise RefusedMessageError(
                errno.EINVAL, f"no vectors {start} to {start + count - 1}: there are {self._vectors}"
            )
        with self._descriptors() as fds:
            for fd in fds:
                if Path(f"/proc/self/fd/{fd}").readlink() != EVENTFD:
                    raise RefusedMessageError(errno.EINVAL, "a vector that is not an eventfd")
                os.set_blocking(fd, False)

    def _check_range(self, offset: int, start: int, size: int) -> None:
        self.mapping = start, size
        if offset % mmap.PAGESIZE or start + size > 1 << 64:
            why = f"range {start:#x}+{size:#x} at {offset:#x} of a file: whole pages of 64-bit addresses only"
            raise RefusedMessageError(errno.EINVAL, why)
        if (start, size) in self._ranges:
            raise RefusedMessageError(errno.EEXIST, f"range {start:#x}+{size:#x} is mapped already")
        if len(self._ranges) >= self._ranges_max:
            why = f"range {start:#x}+{size:#x}: the card takes {self._ranges_max} ranges of memory"
            raise RefusedMessageError(errno.ENOSPC, f"{why}, so it cannot reach this one")
        with self._descriptors() as fds:
            for found in map(os.fstat, fds):
                if stat.S_ISREG(found.st_mode) and offset + size > found.st_size:
                    why = f"range {start:#x}+{size:#x} at {offset:#x} of a file of {found.st_size:#x} bytes"
                    raise RefusedMessageError(errno.EINVAL, why)

    # -- what it does instead of the library -----------------------------------------------------------
    @contextmanager
    def _descriptors(self) -> Iterator[list[int]]:
        """Descriptors of the same files as those that come with the message."""
        flags = socket.MSG_PEEK | socket.MSG_CMSG_CLOEXEC
        room = socket.CMSG_SPACE(DESCRIPTORS_MAX * 4)
        _, control, found, _ = self._connection.recvmsg(LOOK_BYTES, room, flags)  # recv_fds ignores its flags
        fds = [fd for _, kind, data in control if kind == socket.SCM_RIGHTS for (fd,) in struct.iter_unpack("i", data)]
        try:
            if found & socket.MSG_CTRUNC:
                raise BrokenMessageError("a message with more descriptors than the card can open")
            yield fds
        finally:
            for fd in fds:
                os.close(fd)

    def _refuse(self, seen: bytes, error: RefusedMessageError) -> None:
        """Take the message away from the library, and answer it."""
        log.warning("refused a message of the client: %s", error)
        number, command, size, flags, _ = HEADER.unpack_from(seen)
        self._read(size)
        if flags & NO_REPLY:
            return
        try:
            self._connection.send(HEADER.pack(number, command, HEADER.size, REPLY | ERROR, error.code))
        except OSError as failure:
            raise BrokenMessageError("it does not read its replies") from failure


def _body(layout: struct.Struct, seen: bytes) -> tuple[int, ...]:
    if len(seen) < HEADER.size + layout.size or HEADER.unpack_from(seen)[2] < HEADER.size + layout.size:
        raise RefusedMessageError(errno.EINVAL, f"command {HEADER.unpack_from(seen)[1]} with too short a body")
    return layout.unpack_from(seen, HEADER.size)
