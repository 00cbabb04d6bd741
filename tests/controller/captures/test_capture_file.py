# SPDX-License-Identifier: GPL-2.0-or-later
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given

from nicrig.captures.capture_file import LONGEST_BLOCK, MOST_INTERFACES, MOST_OPTIONS, FileFrame, opened
from nicrig.errors import UsageError
from tests.controller.captures.test_pcapng import capture
from tests.strategies import damaged

SECOND = 1_000_000_000
FRAME = bytes(range(60))


def pcap(order: str, magic: int, *, linktype: int = 1, fraction: int = 5) -> bytes:
    head = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, linktype)
    return head + struct.pack(order + "IIII", 3, fraction, len(FRAME), 100) + FRAME


def block(order: str, kind: int, body: bytes) -> bytes:
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, resolution: int | None, *, offset: int = 0, linktype: int = 1, snaplen: int = 0) -> bytes:
    options = b"" if resolution is None else struct.pack(order + "HHB3x", 9, 1, resolution)
    options += struct.pack(order + "HHq", 14, 8, offset) if offset else b""
    return block(order, 1, struct.pack(order + "HHI", linktype, 0, snaplen) + options)


def packet(order: str, number: int, time: int, frame: bytes = FRAME) -> bytes:
    head = struct.pack(order + "IIIII", number, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 6, head + frame + bytes(-len(frame) % 4))


def load(path: Path) -> list[FileFrame]:
    with opened(path) as capture:
        return list(capture)


def read(folder: Path, data: bytes) -> list[FileFrame]:
    path = folder / "capture"
    path.write_bytes(data)
    return load(path)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_pcap_in_either_byte_order_and_unit(tmp_path: Path, order: str, magic: int, unit: int) -> None:
    assert read(tmp_path, pcap(order, magic)) == [FileFrame(3 * SECOND + 5 * unit, FRAME, 100)]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("resolution", "ticks", "time"),
    [
        (None, 7_000_001, 7_000_001_000),
        (9, 7, 7),
        (3, 7, 7_000_000),
        (0, 2, 2 * SECOND),
        (0x80 | 1, 3, 3 * SECOND // 2),
    ],
)
def test_pcapng_with_any_time_resolution(
    tmp_path: Path, order: str, resolution: int | None, ticks: int, time: int
) -> None:
    found = read(tmp_path, section(order) + interface(order, resolution) + packet(order, 0, ticks))
    assert found == [FileFrame(time, FRAME, len(FRAME))]


def test_interfaces_belong_to_their_section_and_have_their_own_clocks(tmp_path: Path) -> None:
    first = section("<") + interface("<", 9) + interface("<", 6, offset=100) + packet("<", 1, 1) + packet("<", 0, 1)
    second = section(">") + interface(">", 3) + packet(">", 0, 1)
    times = [each.time for each in read(tmp_path, first + second)]
    assert times == [100 * SECOND + 1000, 1, 1_000_000]


def test_simple_packets_are_read_and_unknown_blocks_skipped(tmp_path: Path) -> None:
    simple = block("<", 3, struct.pack("<I", 100) + FRAME)
    data = section("<") + interface("<", 9, snaplen=60) + block("<", 0xBAD, b"what") + simple
    assert read(tmp_path, data) == [FileFrame(0, FRAME, 100)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: the file is neither pcap nor pcapng"),
        (b"#!/bin/sh\necho this is a script\n", "neither pcap nor pcapng"),
        (pcap("<", 0xA1B2C3D4)[:-1], "the file ends in the middle of a packet"),
        (pcap("<", 0xA1B2C3D4)[:30], "the file ends in the middle of a packet header"),
        (pcap("<", 0xA1B2C3D4, linktype=101), "link type 101, not Ethernet"),
        (capture()[:-1], "the file ends in the middle of a block"),
        (section("<") + interface("<", 9) + packet("<", 4, 0), "interface 4, which no block before it describes"),
        (section("<") + interface("<", 9, linktype=113), "link type 113"),
        (section("<") + b"\1\0\0\0\7\0\0\0", "a block has an impossible length of 7 bytes"),
    ],
)
def test_an_error_names_the_file_and_the_offset(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read(tmp_path, data)
    assert str(tmp_path / "capture") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.pcap: No such file or directory: name a pcap or pcapng file"):
        load(tmp_path / "none.pcap")


MANY_OPTIONS = struct.pack("<HHI", 1, 0, 0) + bytes.fromhex("01000000") * (MOST_OPTIONS + 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (section("<") + interface("<", 9) * (MOST_INTERFACES + 1), "more than 4096 interfaces"),
        (section("<") + block("<", 1, MANY_OPTIONS), "more than 1024 options"),
        (section("<") + block("<", 6, bytes(LONGEST_BLOCK)), "a block of 1048588 bytes is longer than 1048576"),
        (section("<") + interface("<", 9) + packet("<", 0, 0, bytes(1 << 18)), "a packet of 262144 bytes is longer"),
        (section("<") + struct.pack("<II", 0xBAD, 0xFFFFFFFC), "the file ends in the middle of a block"),
        (pcap("<", 0xA1B2C3D4)[:24] + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 1), "a packet of 4294967295 bytes"),
        (bytes(1 << 20), "byte 0: the file is neither pcap nor pcapng"),
    ],
)
def test_a_file_that_asks_for_too_much_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, data)


def test_a_block_that_is_not_decoded_may_have_any_size(tmp_path: Path) -> None:
    data = section("<") + block("<", 0xBAD, bytes(1 << 24)) + interface("<", 9) + packet("<", 0, 7)
    assert read(tmp_path, data) == [FileFrame(7, FRAME, 60)]


def test_a_file_of_any_size_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(section("<") + interface("<", 9))
        for _ in range(64):
            file.write(packet("<", 0, 0, bytes(1 << 16)) * 16 + block("<", 0xBAD, bytes(1 << 20)))
    tracemalloc.start()
    with opened(path) as capture:
        count = sum(1 for _ in capture)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1024
    assert most < 4 << 20


def test_a_capture_is_read_again_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(pcap("<", 0xA1B2C3D4))
    with opened(path) as capture:
        assert list(capture) == list(capture) != []


def error_of(path: Path) -> str:
    """The error message of `load`, or nothing when it reads the file."""
    try:
        load(path)
    except UsageError as error:
        return str(error)
    return ""


VALID = [
    capture(),
    pcap("<", 0xA1B2C3D4) + pcap(">", 0xA1B23C4D)[24:],
    section(">") + interface(">", 0x81, offset=7) + packet(">", 0, 1) + block(">", 3, struct.pack(">I", 60) + FRAME),
]


@given(damaged(VALID))
def test_any_damage_is_read_or_reported_on_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("capture") / "damaged"
    path.write_bytes(data)
    assert "\n" not in error_of(path)
