# SPDX-License-Identifier: GPL-2.0-or-later
"""The vfio-user messages that a virtual machine monitor sends and gets: data only, each declared once.

Numbers and layouts are the protocol's (vfio-user.h of libvfio-user) and Linux's (linux/vfio.h). Little endian.
"""

from __future__ import annotations

import enum
import struct


class Layout:
    """Consecutive little-endian integers: names with the struct module's codes, in the order of the wire."""

    def __init__(self, **fields: str) -> None:
        self.names = tuple(fields)
        self._fields = fields
        self._struct = struct.Struct("<" + "".join(fields.values()))
        self.size = self._struct.size

    def bits(self, name: str) -> int:
        """The width of a field."""
        return 8 * struct.calcsize("<" + self._fields[name])

    def pack(self, **values: int) -> bytes:
        """The bytes of a message part that gives every field; KeyError names a missing or unknown one."""
        if unknown := set(values).symmetric_difference(self.names):
            raise KeyError(f"missing or unknown: {', '.join(sorted(unknown))}; fields are {', '.join(self.names)}")
        return self._struct.pack(*(values[name] for name in self.names))

    def unpack(self, data: bytes, offset: int = 0) -> dict[str, int]:
        """The fields at `offset` of `data`; struct.error when it is too short."""
        return dict(zip(self.names, self._struct.unpack_from(data, offset), strict=True))


class Command(enum.IntEnum):
    VERSION = 1
    DMA_MAP = 2
    DMA_UNMAP = 3
    DEVICE_GET_INFO = 4
    DEVICE_GET_REGION_INFO = 5
    DEVICE_GET_REGION_IO_FDS = 6
    DEVICE_GET_IRQ_INFO = 7
    DEVICE_SET_IRQS = 8
    REGION_READ = 9
    REGION_WRITE = 10
    DMA_READ = 11
    DMA_WRITE = 12
    DEVICE_RESET = 13
    DIRTY_PAGES = 14


class HeaderFlag(enum.IntFlag):
    REPLY = 0x01
    """Bits 0 to 3 are the type: 0 command, 1 reply."""
    NO_REPLY = 0x10
    ERROR = 0x20


class DmaFlag(enum.IntFlag):
    READ = 1
    WRITE = 2


class UnmapFlag(enum.IntFlag):
    ALL = 2


class RegionFlag(enum.IntFlag):
    READ = 1
    WRITE = 2
    MMAP = 4
    CAPABILITIES = 8


class IrqSetFlag(enum.IntFlag):
    DATA_NONE = 0x01
    DATA_BOOL = 0x02
    DATA_EVENTFD = 0x04
    ACTION_MASK = 0x08
    ACTION_UNMASK = 0x10
    ACTION_TRIGGER = 0x20


class IrqIndex(enum.IntEnum):
    INTX = 0
    MSI = 1
    MSIX = 2
    ERROR = 3
    REQUEST = 4


CONFIG_REGION = 7
"""Region index of PCI configuration space; BARs are regions 0 to 5."""
MAX_FDS = 16
"""Most file descriptors in one message, QEMU's limit."""
CAPABILITY_SPARSE_MMAP = 1

HEADER = Layout(message_id="H", command="H", size="I", flags="I", error="I")
VERSION = Layout(major="H", minor="H")
DMA_MAP = Layout(argument_size="I", flags="I", offset="Q", address="Q", size="Q")
DMA_UNMAP = Layout(argument_size="I", flags="I", address="Q", size="Q")
DEVICE_INFO = Layout(argument_size="I", flags="I", regions="I", interrupts="I")
REGION_INFO = Layout(argument_size="I", flags="I", index="I", capability_offset="I", size="Q", offset="Q")
CAPABILITY = Layout(identity="H", version="H", next="I")
SPARSE_MMAP = Layout(identity="H", version="H", next="I", areas="I", reserved="I")
SPARSE_AREA = Layout(offset="Q", size="Q")
IRQ_INFO = Layout(argument_size="I", flags="I", index="I", count="I")
IRQ_SET = Layout(argument_size="I", flags="I", index="I", start="I", count="I")
REGION_ACCESS = Layout(offset="Q", region="I", count="I")

QEMU_CAPABILITIES: dict[str, object] = {
    "capabilities": {
        "max_msg_fds": MAX_FDS,
        "max_data_xfer_size": 1 << 20,
        "pgsizes": 4096,
        "max_dma_maps": 65535,
        "write_multiple": True,
    }
}
"""What QEMU's vfio-user-pci says of itself in VERSION."""


def encode(
    command: int, payload: bytes = b"", *, message_id: int = 0, flags: int = 0, error: int = 0, size: int | None = None
) -> bytes:
    """A whole message; `size` overrides the true one, for clients that lie."""
    true_size = HEADER.size + len(payload)
    header = HEADER.pack(
        message_id=message_id, command=command, size=true_size if size is None else size, flags=flags, error=error
    )
    return header + payload
