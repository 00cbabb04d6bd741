# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig capture` and `nicrig replay` on a card of any kind, with any driver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapNgReader

from nicrig.captures import pcapng
from nicrig.captures.tap import DIRECTIONS
from tests.contracts.conftest import KindBench
from tests.contracts.test_kinds import start
from tests.contracts.test_receive import frames_of
from tests.fakes.card_driver import CardDriver

pytestmark = pytest.mark.real

NICRIG = str(Path(sys.executable).with_name("nicrig"))
SECONDS = 30.0
PLACES = {"bus-master": "descriptor", "subordinate": "transfer", "non-dma": "slot"}
SENT = frames_of(60, 61, 1514)


@pytest.fixture
def captured(real_any_bench: KindBench[CardDriver], sockets: Path, tmp_path: Path) -> Path:
    """A capture of three frames in and three out."""
    start(real_any_bench)
    path = tmp_path / "captured.pcapng"
    argv = [NICRIG, "capture", str(sockets), "-w", "-", "--count", "6"]
    with subprocess.Popen(argv, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        head = process.stdout.read(4)  # it appears when the card keeps the frames
        real_any_bench.peer.send(SENT)
        assert real_any_bench.driver.receive_exactly(3) == SENT
        real_any_bench.driver.send_and_reap(SENT[::-1])
        rest, said = process.communicate(timeout=SECONDS)
    listening, ended = said.decode().splitlines(keepends=True)
    assert listening == f"nicrig: listening on {sockets.name}; Ctrl-C ends the capture\n"
    assert (process.returncode, ended) == (0, "nicrig: captured 6 frames (in 3, out 3), lost 0\n")
    path.write_bytes(head + rest)
    return path


def packets(path: Path) -> list[tuple[bytes, Any]]:
    with RawPcapNgReader(str(path)) as reader:
        read: list[Any] = list(reader)
    return read


def test_both_directions_are_captured_byte_for_byte_with_their_places(captured: Path, kind: str) -> None:
    found = packets(captured)
    assert [frame for frame, _ in found] == SENT + SENT[::-1]
    assert [about.direction for _, about in found] == [1, 1, 1, 2, 2, 2]
    assert {about.ifname.rpartition(b":")[2] for _, about in found} == {b"rx0", b"tx0"}
    times = [about.tshigh << 32 | about.tslow for _, about in found]
    assert times == sorted(times)
    for frame, about in found:
        (comment,) = about.comments
        assert f"x0 {PLACES[kind]} " in comment.decode()
        assert comment.endswith(f", {len(frame)} bytes".encode())


def test_what_came_in_is_replayed_and_what_the_guest_sent_is_not(
    real_any_bench: KindBench[CardDriver], sockets: Path, tmp_path: Path
) -> None:
    start(real_any_bench)
    path = tmp_path / "recorded.pcapng"
    blocks = [pcapng.packet(0, time, frame, way) for way in DIRECTIONS for time, frame in enumerate(SENT)]
    path.write_bytes(pcapng.section("") + pcapng.interface("a", "b") + b"".join(blocks))
    argv = [NICRIG, "replay", str(sockets), str(path), "--json"]
    done = subprocess.run(argv, capture_output=True, timeout=SECONDS, check=True)
    told = json.loads(done.stdout)
    # A subordinate card keeps them until its driver sets a transfer up.
    assert (told["frames"], told["taken"] + told["waiting"], told["drops"]) == (3, 3, {})
    assert real_any_bench.driver.receive_exactly(3) == SENT
