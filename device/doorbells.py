# SPDX-License-Identifier: GPL-2.0-or-later
"""The mapped page of doorbells and published words (BAR2), shared with the guest."""

from __future__ import annotations

import mmap
import os

from device import registers
from device.layout import Block, Register


class DoorbellPage:
    """BAR2's words by index; `fd` is what the guest maps. Reads and writes are single 32-bit accesses."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("nicrig-doorbells", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, registers.BAR_BYTES)
        self.words = memoryview(mmap.mmap(self.fd, registers.BAR_BYTES)).cast("I")

    @staticmethod
    def index(block: Block, register: Register, copy: int = 0) -> int:
        """Index into `words` of a register of BAR2."""
        return block.address(register, copy) // 4

    def clear(self, keep: tuple[int, ...]) -> None:
        """Zero every word but those at the indices of `keep`."""
        for index in range(len(self.words)):
            if index not in keep:
                self.words[index] = 0

    def bytes(self) -> memoryview:
        return self.words.cast("B")

    def close(self) -> None:
        """Close the descriptor; the mapping ends with its last view."""
        os.close(self.fd)
