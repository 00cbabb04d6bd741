# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs docs/captures.md with a guest that answers: inject, capture, replay, Wireshark's extcap and scapy."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from scapy.config import conf
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.sendrecv import AsyncSniffer, sendp
from scapy.utils import RawPcapNgReader

from nicrig.captures.capture import capture, opened
from nicrig.captures.filter import capture_filter
from nicrig.captures.tap import Tally
from nicrig.card import wire
from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.session.rig import Rig
from nicrig.traffic.inject import inject
from tests.system.conftest import every_kind

pytestmark = [pytest.mark.system, pytest.mark.anyio]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "captures.md").read_text()
PING = 'Ether()/IP(dst="10.0.0.2")/ICMP(seq=[1, 2, 3])/"hello"'
FLUSHES = {"bus-master": "NdisFlushBuffer", "subordinate": "NdisMCompleteDmaTransfer"}


@pytest.fixture(autouse=True)
async def wire_for_others(rig: Rig) -> AsyncIterator[None]:
    """Disconnects the rig from the wire during the test, because the rig would not read the guest's frames."""
    await rig.card.wire.aclose()
    yield
    rig.card.wire = await wire.connect(rig.paths.wire)


@pytest.fixture
async def answering(rig: Rig, request: pytest.FixtureRequest) -> AsyncIterator[Interface]:
    """The card's interface in a guest that answers pings. Its driver records frames."""
    interface = await rig.guest.load_driver("recorder=2", *getattr(request, "param", ()))
    await interface.up()
    await interface.address()
    yield interface
    await rig.guest.unload_driver()


@pytest.fixture
def named(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Names the rig dev, and yields the folder that is HOME for the commands."""
    name = rig.paths.folder.with_name("dev")
    monkeypatch.setenv("NICRIG_RIGS", str(name.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    name.symlink_to(rig.paths.folder.name)  # fails, and takes nothing away, where a rig of yours has this name
    yield tmp_path
    name.unlink()


async def captured(rig: Rig, path: Path, *, count: int) -> Tally:
    """Capture `count` ICMP frames while pinging the guest."""

    tallies: list[Tally] = []

    async def record() -> None:
        with opened(path) as descriptor:
            tallies.append(await capture(rig.paths, descriptor, capture_filter("icmp"), count=count))

    async def begun() -> bool | None:
        return (await rig.card.monitor.execute("query-card"))["capture"] or None

    with rig.deadlines.limit(5, "the capture"):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(record)
            await until(begun)
            sent = await inject(rig.paths, PING, count=1, rate=None)
            assert (sent.frames, sent.taken, dict(sent.drops)) == (3, 3, {})
    return tallies[0]


def packets(path: Path) -> list[tuple[Ether, Any]]:
    with RawPcapNgReader(str(path)) as reader:
        read: list[Any] = list(reader)
    return [(Ether(frame), about) for frame, about in read]


@every_kind
async def test_a_capture_has_both_directions_with_position_flush_and_verdict(
    rig: Rig, answering: Interface, tmp_path: Path
) -> None:
    path = tmp_path / "out.pcapng"
    tally = await captured(rig, path, count=6)
    assert (tally.captured, tally.lost.total(), tally.records) == ({"in": 3, "out": 3}, 0, 0)
    found = packets(path)
    asked = [about for packet, about in found if packet[ICMP].type == 8]
    answered = [about for packet, about in found if packet[ICMP].type == 0]
    assert [(about.ifname[-4:], about.direction) for about in asked] == [(b":rx0", 1)] * 3
    assert [(about.ifname[-4:], about.direction) for about in answered] == [(b":tx0", 2)] * 3
    for about in asked:
        *place_and_flush, verdict = (comment.decode() for comment in about.comments)
        flush = FLUSHES.get(rig.options.kind)
        assert re.match(r"rx0 (descriptor|transfer|slot) \d+", place_and_flush[0])
        assert [line.split(",")[0] for line in place_and_flush[1:]] == ([f"flush: {flush}"] if flush else [])
        assert verdict == "verdict: coherent"
    assert {about.comments[-1] for about in answered} == {b"verdict: coherent"}


@pytest.mark.parametrize("answering", [("noncoherent=64:1", "mutate=NdisFlushBuffer:skip:1/1:1")], indirect=True)
async def test_a_frame_with_a_skipped_flush_has_the_verdict_stale(
    rig: Rig, answering: Interface, tmp_path: Path
) -> None:
    path = tmp_path / "out.pcapng"
    await captured(rig, path, count=3)
    for packet, about in packets(path):
        place, verdict = (comment.decode() for comment in about.comments)
        assert packet[ICMP].type == 8
        assert place.startswith("rx0 descriptor ")
        assert verdict == "verdict: stale: nothing flushed the buffer between the device's write and the CPU's sighting"


async def sh(script: str, seconds: float = 60) -> str:
    """The output of a shell script, which must succeed."""
    with trio.fail_after(seconds):
        done = await trio.run_process(["bash", "-euc", script], capture_stdout=True, capture_stderr=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return str(done.stdout.decode())


def commands(chapter: str) -> str:
    """The commands in a chapter of the page, as a script."""
    text = re.split(r"^#+ ", PAGE, flags=re.MULTILINE)
    (found,) = [part for part in text if part.startswith(chapter)]
    return "\n".join(re.findall(r"^\$ (.+)$", found, re.MULTILINE))


async def test_the_commands_of_the_page_work(rig: Rig, answering: Interface, named: Path) -> None:
    first, up, rest = commands("Frames:").partition("nicrig up --name dev\n")
    assert (first, up) == ("", "nicrig up --name dev\n")  # the rig already runs
    printed = (await sh(f"cd {named}\n{rest}")).splitlines()
    assert re.fullmatch(r"sent 100 frames in 0\.\d+ s \(\d+/s\): the card gave 100 to the driver", printed[0])
    assert re.match(r"sent 48 frames in [23]\.\d+ s ", printed[1])
    assert re.match(r"sent \d+ frames in .*: the card gave \d+ to the driver$", printed[2])
    listed = (await sh(f"cd {named}\n{commands('capture')}")).splitlines()
    assert len(listed) == 8
    assert all(line.startswith("nicrig-dev:") and line.endswith("verdict: coherent") for line in listed)


async def test_wireshark_captures_live_by_the_rigs_name(rig: Rig, answering: Interface, named: Path) -> None:
    *installed, listing, live = commands("Wireshark").splitlines()
    await sh("\n".join(installed))
    assert "nicrig-dev (card of the nicrig rig dev)" in await sh(listing)

    async def ping() -> None:
        while True:  # no event says when tshark is ready
            await inject(rig.paths, PING, count=1, rate=2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ping)
        shown = await sh(f"{live} -T fields -e frame.interface_name -e icmp.seq -e frame.comment")
        nursery.cancel_scope.cancel()
    found = shown.splitlines()
    assert len(found) == 2
    assert all(re.match(r"nicrig-dev:[rt]x0\t[123]\t.*verdict: coherent$", line) for line in found)


async def test_scapy_pings_the_guest_and_gets_the_answers(rig: Rig, answering: Interface, named: Path) -> None:
    (snippet,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    await trio.to_thread.run_sync(exec, snippet, names)
    assert (names["answer"][IP].src, names["answer"][ICMP].type) == ("10.0.0.2", 0)
    assert (names["again"][IP].src, names["again"][ICMP].type) == ("10.0.0.2", 0)

    def hear() -> list[Any]:
        ping = Ether() / IP(dst="10.0.0.2") / ICMP(seq=[4, 5])
        sniffer = AsyncSniffer(
            iface="nicrig-dev",
            filter="icmp[0] == 0",
            count=2,
            started_callback=lambda: sendp(ping, iface="nicrig-dev", verbose=0),
        )
        sniffer.start()
        sniffer.join(timeout=20)
        return list(sniffer.results or ())

    assert [packet[ICMP].seq for packet in await trio.to_thread.run_sync(hear)] == [4, 5]
    conf.ifaces.reload()


async def test_frames_that_the_card_drops_are_counted(rig: Rig, answering: Interface) -> None:
    sent = await inject(rig.paths, "[Ether()/Raw(b'x' * 1600), Ether()/Raw(b'x' * 60)]", count=3, rate=None)
    assert (sent.frames, sent.taken, sent.drops, sent.waiting) == (6, 3, {"rx_too_long": 3}, 0)
