# SPDX-License-Identifier: GPL-2.0-or-later
"""The non-DMA kind's I/O ports (docs/datasheet.md section 16): INDEX selects a register of BAR0 for DATA."""

from __future__ import annotations

from nicrig_device.pci.control import WORD, ControlRegisters
from nicrig_device.pci.refusals import Refusals
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal

INDEX, DATA = registers.PORT_INDEX.offset, registers.PORT_DATA.offset


class Ports:
    """BAR4, in front of BAR0."""

    def __init__(self, control: ControlRegisters, refusals: Refusals) -> None:
        self._control = control
        self._refusals = refusals
        self.reset()

    def reset(self) -> None:
        self.index = 0

    def read(self, port: int, size: int) -> int:
        """The value of an access. A refused one gives 0."""
        if self._refused("read", port, size):
            return 0
        return self.index if port == INDEX else self._control.read(self.index, WORD)

    def write(self, port: int, size: int, value: int) -> None:
        """Act on a write. A refused one does nothing."""
        if self._refused("write", port, size):
            return
        if port == INDEX:
            self.index = value
        else:
            self._control.write(self.index, WORD, value)

    def _refused(self, what: str, port: int, size: int) -> bool:
        refused = size != WORD or port not in (INDEX, DATA)
        if refused:
            self._refusals.refuse(Refusal.ACCESS, f"{what} of {size} bytes at port {port:#x}", index=port)
        return refused
