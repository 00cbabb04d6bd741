# SPDX-License-Identifier: GPL-2.0-or-later
"""The compressed kernel is found in a bzImage; the system tests boot what is unpacked from it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from nicrig.errors import RigError
from nicrig.provision.kernel import payload

ZSTD = bytes.fromhex("28b52ffd")


def image(packed: bytes) -> bytes:
    """A bzImage of two setup sectors behind the boot sector, whose payload begins 100 bytes further."""
    header = bytearray(3 * 512)
    header[0x1F1] = 2
    struct.pack_into("<II", header, 0x248, 100, len(packed) + 4)
    return bytes(header) + bytes(100) + packed + struct.pack("<I", 57646880) + b"rest"


def test_the_payload_is_found_without_its_trailer(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(image(ZSTD + b"kernel"))
    assert payload(tmp_path / "vmlinuz") == ZSTD + b"kernel"


@pytest.mark.parametrize("data", [b"", bytes(0x24F), image(b"\x1f\x8bgzip"), bytes(0x1000)])
def test_another_file_is_an_error_of_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "vmlinuz").write_bytes(data)
    with pytest.raises(RigError, match=r"vmlinuz is not .*") as error:
        payload(tmp_path / "vmlinuz")
    assert "\n" not in str(error.value)
