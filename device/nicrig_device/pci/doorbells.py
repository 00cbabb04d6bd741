# SPDX-License-Identifier: GPL-2.0-or-later
"""BAR2, memory that the guest maps: doorbells, published words, and the memory of the non-DMA kind."""

from __future__ import annotations

import mmap
import os

import numpy as np

from nicrig_device.dma.frames import Bytes
from nicrig_device.dma.shared_memory import sealed_file
from nicrig_device.spec import registers
from nicrig_device.spec.layout import Register, RegisterBlock


class DoorbellPage:
    """BAR2's words by index; `fd` is what the guest maps. Reads and writes are single 32-bit accesses.

    The words are the first BAR_BYTES of its `size`.
    """

    def __init__(self, size: int = registers.BAR_BYTES) -> None:
        self.fd = sealed_file("nicrig-doorbells", size)
        self.size = size
        self._data = memoryview(mmap.mmap(self.fd, size))
        self.words = self._data[: registers.BAR_BYTES].cast("I")

    @staticmethod
    def index(block: RegisterBlock, register: Register, copy: int = 0) -> int:
        """Index into `words` of a register of BAR2."""
        return block.address(register, copy) // 4

    def clear(self, keep: tuple[int, ...]) -> None:
        """Zero every word but those at the indices of `keep`."""
        for index in range(len(self.words)):
            if index not in keep:
                self.words[index] = 0

    def bytes(self) -> memoryview:
        """All of BAR2."""
        return self._data

    def memory(self, block: RegisterBlock) -> Bytes:
        """The bytes of all copies of a block of BAR2."""
        return np.frombuffer(self._data, np.uint8, block.count * block.stride, block.base)

    def close(self) -> None:
        """Close the descriptor. The mapping ends with its last view."""
        os.close(self.fd)
