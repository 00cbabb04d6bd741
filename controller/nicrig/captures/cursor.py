# SPDX-License-Identifier: GPL-2.0-or-later
"""A read position in a capture file, which may be compressed, or in one block of it. Bytes are read once, in order."""

import gzip
import lzma
import struct
import sys
import zlib
from io import BytesIO
from typing import IO, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 1 << 16
"""Bytes that are read at once where they are skipped."""
GZIP, XZ, ZSTD = b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
"""The first bytes of a compressed file."""


class Readable(Protocol):
    """Something that gives its bytes in order."""

    def read(self, size: int, /) -> bytes: ...


class BrokenFileError(Exception):
    """The file is damaged."""


class CutFileError(BrokenFileError):
    """The file ends too early; what came before its end is sound."""


def unpacked(file: IO[bytes]) -> Readable:
    """The bytes of the file from its start, decompressed where it is compressed with gzip, xz or zstd."""
    file.seek(0)
    magic = file.read(len(XZ))
    file.seek(0)
    if magic.startswith(GZIP):
        return gzip.GzipFile(fileobj=file)
    if magic.startswith(XZ):
        return lzma.LZMAFile(file)
    if magic.startswith(ZSTD):
        return zstd.ZstdFile(file)
    return file


class Cursor:
    """A read position in a file. `order` is struct's sign for the byte order of its numbers."""

    ends: type[BrokenFileError] = CutFileError
    """What it raises when bytes are missing."""
    name = "the file"

    def __init__(self, file: Readable, order: str = "<") -> None:
        self.offset, self.order = 0, order
        """Where it is, in bytes of the decompressed file."""
        self._file = file
        self._ahead = b""

    def peek(self, length: int) -> bytes:
        """The next bytes, which stay unread; fewer at the end of the file."""
        self._ahead += self._read(length - len(self._ahead))
        return self._ahead[:length]

    def take(self, length: int, what: str) -> bytes:
        """The next bytes. The caller bounds `length`. Raises `ends`, which names `what` was read."""
        if self._ahead:
            data, self._ahead = self.peek(length), self._ahead[length:]
        else:
            data = self._read(length)
        if len(data) < length:
            raise self.ends(f"{self.name} ends in the middle of {what}")
        self.offset += length
        return data

    def take_if_any(self, length: int, what: str) -> bytes:
        """As `take`, but nothing when no byte is left."""
        self._ahead = self._ahead or self._read(length)
        return self.take(length, what) if self._ahead else b""

    def skip(self, length: int, what: str) -> None:
        """Pass over bytes: any number, because a length may promise gigabytes that are not there."""
        while length:
            length -= len(self.take(min(length, PIECE_BYTES), what))

    def numbers(self, format: str, what: str) -> tuple[int, ...]:
        """The next numbers, in struct's format."""
        return self.unpack(format, self.take(struct.calcsize(self.order + format), what))

    def unpack(self, format: str, data: bytes) -> tuple[int, ...]:
        """The numbers in these bytes."""
        found: tuple[int, ...] = struct.unpack(self.order + format, data)
        return found

    def _read(self, length: int) -> bytes:
        if length <= 0:
            return b""
        try:
            return self._file.read(length)
        except EOFError:
            raise CutFileError("the file ends in the middle of its compressed data") from None
        except (gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstd.ZstdError) as error:
            raise BrokenFileError(f"the compressed data is damaged ({error})") from None


class BlockCursor(Cursor):
    """A read position in a block, which is in memory."""

    ends = BrokenFileError
    name = "a block"

    def __init__(self, block: bytes, order: str) -> None:
        super().__init__(BytesIO(block), order)
        self._size = len(block)

    @property
    def left(self) -> int:
        """The bytes behind the position."""
        return self._size - self.offset
