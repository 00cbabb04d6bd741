# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes an initramfs: a cpio archive of format "newc" (the kernel's early-userspace/buffer-format)."""

import stat
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"


@dataclass
class Archive:
    """An archive in memory. Paths are relative to the guest's root; folders above a path are made as needed.

    The same calls give the same bytes: no times, no owner but root.
    """

    _parts: list[bytes] = field(default_factory=list)
    _paths: set[str] = field(default_factory=set)

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def folder(self, path: str) -> None:
        if path not in self._paths:
            self._entry(path, stat.S_IFDIR | 0o755)

    def file(self, path: str, data: bytes, *, executable: bool = False) -> None:
        self._entry(path, stat.S_IFREG | (0o755 if executable else 0o644), data)

    def link(self, path: str, target: str) -> None:
        """A symbolic link to `target`."""
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path: str, major: int, minor: int) -> None:
        self._entry(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def finish(self) -> bytes:
        """The whole archive."""
        self._append(_TRAILER, 0, b"", (0, 0))
        return b"".join(self._parts)

    def _entry(self, path: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        if path in self._paths:
            raise ValueError(f"{path} is in the archive already")
        parent = str(PurePosixPath(path).parent)
        if parent != ".":
            self.folder(parent)
        self._paths.add(path)
        self._append(path, mode, data, device)

    def _append(self, name: str, mode: int, data: bytes, device: tuple[int, int]) -> None:
        encoded = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device of the file, device it stands for, name's length, checksum
        numbers = (len(self._parts), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
        header = _MAGIC + b"".join(b"%08x" % number for number in numbers)
        self._parts.append(_padded(header + encoded) + _padded(data))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
