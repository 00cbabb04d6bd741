# SPDX-License-Identifier: GPL-2.0-or-later
"""PCI capabilities as bytes (docs/datasheet.md section 1)."""

from __future__ import annotations

import struct

from nicrig_device.spec.registers import BAR_MSIX, MSIX_PBA_OFFSET, MSIX_TABLE_OFFSET

CAP_MSI, CAP_VENDOR, CAP_EXPRESS, CAP_MSIX = 0x05, 0x09, 0x10, 0x11
MSI_BYTES = 24


def express() -> bytes:
    """PCI Express, version 2, endpoint, with function level reset."""
    flr = 1 << 28
    return struct.pack("<BBHI", CAP_EXPRESS, 0, 2, flr).ljust(0x3C, b"\0")


def msix(vectors: int) -> bytes:
    """MSI-X with its table and pending bits in BAR1."""
    return struct.pack("<BBHII", CAP_MSIX, 0, vectors - 1, MSIX_TABLE_OFFSET | BAR_MSIX, MSIX_PBA_OFFSET | BAR_MSIX)


def msi_placeholder() -> bytes:
    """A vendor capability as long as MSI's: the library refuses MSI itself, and takes this."""
    return struct.pack("<BBB", CAP_VENDOR, 0, MSI_BYTES).ljust(MSI_BYTES, b"\0")


def msi(next_capability: int) -> bytes:
    """MSI: one vector, 64-bit address, maskable."""
    address_64, maskable = 1 << 7, 1 << 8
    return struct.pack("<BBH", CAP_MSI, next_capability, address_64 | maskable).ljust(MSI_BYTES, b"\0")
