# SPDX-License-Identifier: GPL-2.0-or-later
import gzip
import lzma
import random
import re
import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given

from nicrig.captures.capture_file import Account, FileFrame, opened
from nicrig.captures.pcapng_file import LONGEST_BLOCK, MOST_INTERFACES, MOST_OPTIONS
from nicrig.errors import UsageError
from tests.controller.captures.test_pcapng import capture
from tests.strategies import damaged

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

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
    return read_with_account(folder, data)[0]


def read_with_account(folder: Path, data: bytes) -> tuple[list[FileFrame], Account]:
    path = folder / "capture"
    path.write_bytes(data)
    with opened(path) as capture:
        return list(capture), capture.account


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
    assert read(tmp_path, data) == [FileFrame(None, FRAME, 100)]


OPTION_TOO_LONG = block("<", 6, struct.pack("<IIIII", 0, 0, 7, 60, 60) + FRAME + struct.pack("<HH", 2, 400))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: the file is neither pcap nor pcapng"),
        (b"#!/bin/sh\necho this is a script\n", "neither pcap nor pcapng"),
        (pcap("<", 0xA1B2C3D4)[:-1], "the file ends in the middle of a packet"),
        (pcap("<", 0xA1B2C3D4)[:30], "the file ends in the middle of a packet header"),
        (pcap("<", 0xA1B2C3D4, linktype=101), "link type 101, not Ethernet"),
        (section("<") + interface("<", 9) + packet("<", 0, 7)[:-1], "the file ends in the middle of a block"),
        (section("<") + interface("<", 9) + packet("<", 4, 0), "interface 4, which no block before it describes"),
        (section("<") + interface("<", 9, linktype=113) + packet("<", 0, 7), "link type 113"),
        (section("<") + interface("<", 9) + OPTION_TOO_LONG, "byte 152: a block ends in the middle of an option"),
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


@pytest.mark.parametrize("order", "<>")
def test_only_packets_of_another_link_type_are_left_out(tmp_path: Path, order: str) -> None:
    interfaces = interface(order, 9) + interface(order, 9, linktype=228) + interface(order, 9, linktype=113)
    data = section(order) + interfaces + packet(order, 0, 1) + packet(order, 1, 2) * 2 + packet(order, 0, 3)
    frames, account = read_with_account(tmp_path, data)
    assert [each.time for each in frames] == [1, 3]
    assert account.left_out() == ["2 packets of link type 228, not Ethernet (1)"]


def test_packets_that_no_wire_takes_are_left_out(tmp_path: Path) -> None:
    long = packet("<", 0, 2, bytes(150_000)) + block("<", 6, bytes(LONGEST_BLOCK))
    frames, account = read_with_account(
        tmp_path, section("<") + interface("<", 9) + packet("<", 0, 1) + long + packet("<", 0, 3)
    )
    assert [each.time for each in frames] == [1, 3]
    assert account.left_out() == [
        "a packet of 150000 bytes is longer than the 131072 of a card's wire (it ends at byte 150180), and 1 more"
    ]


@pytest.mark.parametrize("cut", [1, 17, 59, 75])
def test_a_capture_that_is_cut_in_its_last_packet_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    data = pcap("<", 0xA1B2C3D4) * 1 + pcap("<", 0xA1B2C3D4)[24:]
    frames, account = read_with_account(tmp_path, data[:-cut])
    assert len(frames) == 1
    assert re.fullmatch(r"byte 1\d\d: the file ends in the middle of a packet( header)?", account.end)


@pytest.mark.parametrize("cut", [1, 9, 100])
def test_a_pcapng_file_that_is_cut_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    frames, account = read_with_account(tmp_path, capture()[:-cut])
    assert len(frames) == 2
    assert "the file ends in the middle of a block" in account.end


PACKERS: list[Callable[[bytes], bytes]] = [gzip.compress, lzma.compress, zstd.compress]


@pytest.mark.parametrize("pack", PACKERS)
def test_a_compressed_capture_is_read_and_may_have_several_parts(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    first, second = pcap("<", 0xA1B2C3D4), pcap("<", 0xA1B2C3D4)[24:] * 5000
    path = tmp_path / "capture"
    path.write_bytes(pack(first) + pack(second))
    with opened(path) as capture:
        assert len(list(capture)) == len(list(capture)) == 5001
        assert capture.account.end == ""


@pytest.mark.parametrize("pack", PACKERS)
def test_a_compressed_capture_that_is_cut_is_read_up_to_there(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    noise = random.Random(1).randbytes(600_000)
    packets = [struct.pack("<IIII", 1, 0, 200, 200) + noise[at : at + 200] for at in range(0, len(noise), 200)]
    packed = pack(pcap("<", 0xA1B2C3D4)[:24] + b"".join(packets))
    frames, account = read_with_account(tmp_path, packed[: len(packed) // 2])
    assert [each.frame for each in frames] == [each[16:] for each in packets[: len(frames)]]
    assert len(frames) > 100
    assert "the file ends in the middle of its compressed data" in account.end


@pytest.mark.parametrize("pack", PACKERS)
def test_a_damaged_compressed_capture_is_an_error(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = bytearray(pack(pcap("<", 0xA1B2C3D4)[:24] + random.Random(1).randbytes(50_000)))
    packed[len(packed) // 2 :] = bytes(len(packed) // 2)
    with pytest.raises(UsageError, match=r"byte \d+: "):
        read(tmp_path, bytes(packed))


def with_option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def file_with_fcs(order: str, where: str) -> bytes:
    """A capture of one frame of 64 bytes, whose last four are its frame check sequence."""
    frame = FRAME + b"\xde\xad\xbe\xef"
    fixed = struct.pack(order + "IIIII", 0, 0, 7, 64, 64) + frame
    described, old = struct.pack(order + "HHI", 1, 0, 0), struct.pack(order + "HHIIII", 0, 0, 0, 7, 64, 64) + frame
    flags = with_option(2, struct.pack(order + "I", 4 << 5 | 1), order)
    start = section(order) + interface(order, None)
    with_length = {
        bits: section(order) + block(order, 1, described + with_option(13, bytes([bits]), order)) for bits in (4, 32)
    }
    return {
        "pcap": struct.pack(order + "IHHIIIIIIII", 0xA1B23C4D, 2, 4, 0, 0, 0, 2 << 28 | 1 << 26 | 1, 0, 7, 64, 64)
        + frame,
        "packet": start + block(order, 6, fixed + flags),
        "old packet": start + block(order, 2, old + flags),
        "interface in bits": with_length[32] + block(order, 6, fixed),
        "interface in bytes": with_length[4] + block(order, 6, fixed),
        "simple packet": with_length[32] + block(order, 3, struct.pack(order + "I", 64) + frame),
    }[where]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    "where", ["pcap", "packet", "old packet", "interface in bits", "interface in bytes", "simple packet"]
)
def test_a_frame_check_sequence_is_taken_off(tmp_path: Path, order: str, where: str) -> None:
    frames, account = read_with_account(tmp_path, file_with_fcs(order, where))
    assert [(each.frame, each.length) for each in frames] == [(FRAME, 60)]
    assert account.cut == 0


@pytest.mark.parametrize(("captured", "kept", "cut"), [(64, 60, 0), (62, 60, 0), (60, 60, 0), (50, 50, 1), (0, 0, 1)])
def test_a_cut_frame_loses_only_what_it_has_of_its_frame_check_sequence(
    tmp_path: Path, captured: int, kept: int, cut: int
) -> None:
    head = struct.pack("<IHHIIIIIIII", 0xA1B23C4D, 2, 4, 0, 0, 0, 2 << 28 | 1 << 26 | 1, 0, 7, captured, 64)
    frames, account = read_with_account(tmp_path, head + (FRAME + bytes(4))[:captured])
    assert [(each.frame, each.length) for each in frames] == [(FRAME[:kept], 60)]
    assert account.cut == cut


def test_frames_that_were_cut_are_counted(tmp_path: Path) -> None:
    _, account = read_with_account(tmp_path, pcap("<", 0xA1B2C3D4) + pcap("<", 0xA1B2C3D4)[24:])
    assert (account.frames, account.cut) == (2, 2)


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
    file_with_fcs("<", "packet"),
    *(pack(capture()) for pack in PACKERS),
]


@given(damaged(VALID))
def test_any_damage_is_read_or_reported_on_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("capture") / "damaged"
    path.write_bytes(data)
    assert "\n" not in error_of(path)
