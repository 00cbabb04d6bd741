# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory as a guest has it: ranges of device addresses in shared files, with guard bytes outside all allocations.

Every byte that is in no allocation holds the guard pattern, so that one write past a buffer shows.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

PAGE = mmap.PAGESIZE
GUARD_BYTES = 64
"""Least distance between two allocations, and between an allocation and its range's ends."""
FILE_OFFSET = PAGE
"""A range does not begin at the start of its file, as in a real guest."""
_PATTERN = np.random.default_rng(0).integers(0, 256, PAGE, np.uint8)


def guard_pattern(address: int, size: int) -> Bytes:
    """What untouched guest memory holds at [address, address + size)."""
    first = address % PAGE
    return np.resize(np.roll(_PATTERN, -first), size)


@dataclass(frozen=True)
class MemoryRange:
    """Device addresses [address, address + bytes.size), which are `fd` from `offset` on."""

    address: int
    bytes: Bytes
    fd: int
    offset: int
    writable: bool
    file: Bytes
    """The whole file: a guard page, the range, a guard page."""
    owned: npt.NDArray[np.bool_]
    """Which bytes are allocated."""

    @property
    def end(self) -> int:
        return self.address + self.bytes.size

    def damage(self) -> int | None:
        """The lowest device address whose guard byte has changed."""
        first = self.address - self.offset
        wrong = self.file.reshape(-1, PAGE) != _PATTERN
        wrong.reshape(-1)[self.offset : self.offset + self.bytes.size] &= ~self.owned
        return first + int(wrong.argmax()) if wrong.any() else None


class GuestMemory:
    """The guest's ranges. `attach` and `detach` give the card each range that comes and goes."""

    def __init__(self, attach: Callable[[MemoryRange], None], detach: Callable[[MemoryRange], None]) -> None:
        self._attach = attach
        self._detach = detach
        self.new_file: Callable[[], int] = lambda: os.memfd_create("guest-memory", os.MFD_CLOEXEC)
        """Makes the file of a range, empty. Returns its descriptor."""
        self._ranges: dict[int, MemoryRange] = {}
        self._next: dict[int, int] = {}
        self._allocated: dict[int, tuple[int, int]] = {}
        self._free: dict[tuple[int, int], list[int]] = {}

    @property
    def ranges(self) -> tuple[MemoryRange, ...]:
        return tuple(self._ranges.values())

    def map(self, address: int, size: int, *, writable: bool = True) -> MemoryRange:
        """Make [address, address + size) guest memory and give it to the card; both are multiples of a page."""
        if address % PAGE or size % PAGE or size <= 0:
            raise ValueError(f"range {address:#x}+{size:#x}: address and size must be multiples of {PAGE:#x}")
        file_size = FILE_OFFSET + size + PAGE
        fd = self.new_file()
        os.ftruncate(fd, file_size)
        file = np.frombuffer(mmap.mmap(fd, file_size), np.uint8)
        file.reshape(-1, PAGE)[:] = _PATTERN
        view = file[FILE_OFFSET : FILE_OFFSET + size]
        mapped = MemoryRange(address, view, fd, FILE_OFFSET, writable, file, np.zeros(size, bool))
        try:
            self._attach(mapped)
        except BaseException:
            os.close(fd)
            raise
        self._ranges[address] = mapped
        self._next[address] = address + GUARD_BYTES
        return mapped

    def unmap(self, address: int) -> None:
        """Take the range that begins here from the card and forget it, with all allocations in it."""
        mapped = self._ranges[address]
        self._detach(mapped)
        self._drop(mapped)

    def _drop(self, mapped: MemoryRange) -> None:
        del self._ranges[mapped.address], self._next[mapped.address]
        os.close(mapped.fd)
        self._allocated = {key: item for key, item in self._allocated.items() if not mapped.address <= key < mapped.end}
        for key, addresses in self._free.items():
            self._free[key] = [item for item in addresses if not mapped.address <= item < mapped.end]

    def view(self, address: int, size: int) -> Bytes:
        """The bytes [address, address + size); LookupError when they are not inside one range."""
        mapped = self._range_of(address, size)
        return mapped.bytes[address - mapped.address : address - mapped.address + size]

    def _range_of(self, address: int, size: int) -> MemoryRange:
        for mapped in self._ranges.values():
            if mapped.address <= address and address + size <= mapped.end:
                return mapped
        raise LookupError(f"{address:#x}+{size:#x} is not inside one range of guest memory")

    def allocate(self, size: int, alignment: int = 64) -> int:
        """The device address of `size` bytes with guard bytes on both sides; they hold the guard pattern."""
        again = self._free.get((size, alignment))
        address = again.pop() if again else self._carve(size, alignment)
        self._allocated[address] = (size, alignment)
        self._own(address, size, True)
        return address

    def _carve(self, size: int, alignment: int) -> int:
        for mapped in self._ranges.values():
            address = -(-self._next[mapped.address] // alignment) * alignment
            if mapped.writable and address + size + GUARD_BYTES <= mapped.end:
                self._next[mapped.address] = address + size + GUARD_BYTES
                return address
        raise MemoryError(f"no range of guest memory has {size} bytes left: map a larger one")

    def free(self, address: int) -> None:
        """Give an allocation back. One whose range has been unmapped is gone already."""
        if address not in self._allocated:
            return
        size, alignment = self._allocated.pop(address)
        self.view(address, size)[:] = guard_pattern(address, size)
        self._own(address, size, False)
        self._free.setdefault((size, alignment), []).append(address)

    def _own(self, address: int, size: int, owned: bool) -> None:
        mapped = self._range_of(address, size)
        mapped.owned[address - mapped.address : address - mapped.address + size] = owned

    def damage(self) -> int | None:
        """The device address of a byte outside all allocations that was written to, or None."""
        found = (mapped.damage() for mapped in self._ranges.values())
        return next((address for address in found if address is not None), None)

    def close(self) -> None:
        """Forget all ranges without telling the card."""
        for mapped in self.ranges:
            self._drop(mapped)
