# SPDX-License-Identifier: GPL-2.0-or-later
"""scapy, tshark and our own reader each read what we write."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader

from nicrig.captures import capture_file, pcapng

TIME = 1_700_000_000_123_456_789


def capture(frame: bytes = b"\x02" * 61) -> bytes:
    return (
        pcapng.section("nicrig bus-master card")
        + pcapng.interface("nicrig-dev:rx0", "into the guest")
        + pcapng.interface("nicrig-dev:tx0", "out of the guest")
        + pcapng.packet(0, TIME, frame, "in", ["rx0 descriptor 3", "verdict: coherent"])
        + pcapng.packet(1, TIME + 1, frame[::-1], "out", lost=7)
        + pcapng.statistics(0, TIME + 2, 1, 0)
        + pcapng.statistics(1, TIME + 2, 8, 7, ["7 records of the card were lost"])
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcapng"
    path.write_bytes(capture())
    return path


def test_scapy_reads_interface_direction_comments_and_nanoseconds(written: Path) -> None:
    with RawPcapNgReader(str(written)) as reader:
        packets: list[Any] = list(reader)
    (first, about), (_, other) = packets
    assert first == b"\x02" * 61
    assert (about.ifname, about.direction, other.ifname, other.direction) == (
        b"nicrig-dev:rx0",
        1,
        b"nicrig-dev:tx0",
        2,
    )
    assert about.comments == [b"rx0 descriptor 3", b"verdict: coherent"]
    assert (about.tsresol, about.tshigh << 32 | about.tslow) == (10**9, TIME)


def test_tshark_reads_interface_direction_comments_and_nanoseconds(written: Path) -> None:
    fields = ["frame.interface_name", "frame.time_epoch", "frame.packet_flags_direction", "frame.comment", "frame.len"]
    argv = ["tshark", "-r", str(written), "-T", "fields", *(part for name in fields for part in ("-e", name))]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == [
        "nicrig-dev:rx0\t1700000000.123456789\t0x00000001\trx0 descriptor 3,verdict: coherent\t61",
        "nicrig-dev:tx0\t1700000000.123456790\t0x00000002\t\t61",
    ]


@given(frame=st.binary(max_size=2000), time=st.integers(0, (1 << 63) - 1), outgoing=st.booleans())
def test_any_frame_at_any_time_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, frame: bytes, time: int, outgoing: bool
) -> None:
    path = tmp_path_factory.mktemp("capture") / "a.pcapng"
    packet = pcapng.packet(0, time, frame, "out" if outgoing else "in", ["a comment"])
    path.write_bytes(pcapng.section("") + pcapng.interface("a", "b") + packet)
    with capture_file.opened(path) as capture:
        assert list(capture) == [(time, frame, len(frame), outgoing)]


def test_a_comment_is_printable() -> None:
    assert rb"\x1b[2J" in pcapng.packet(0, 0, bytes(60), "in", ["\x1b[2J"])
