# SPDX-License-Identifier: GPL-2.0-or-later
"""Datasheet section 14 on a card's process: the guest writes through BAR3, a reader finds the files of both rings."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from crc32c import crc32c
from typer.testing import CliRunner

from nicrig.cli import app
from nicrig.recorder import recording
from nicrig.recorder.reader import Batch, Recorder
from nicrig.verifier.events import Event
from nicrig.verifier.functions import BY_NAME, Phase, RecordKind
from nicrig.verifier.records import CardFrameIn, CardFrameOut, NdisMSleep
from nicrig_device.spec.registers import BAR_RECORDER
from nicrig_interface.answers import RecorderLayout
from tests.contracts.conftest import DRIVERS, MEMORY_AT, MEMORY_BYTES
from tests.contracts.test_receive import frames_of
from tests.fakes.card_process import CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.recorder import ASLEEP, DETAIL, SETTLED, RecorderMemory
from tests.fakes.unix_socket import connect_unix
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real

PER_FRAME = {"card.doorbell", "card.read", "card.write", "card.interrupt", "card.frame_in", "card.frame_out"}


def query_recorder(monitor: Path) -> RecorderLayout:
    """The card's answer about its record files."""
    with connect_unix(monitor, 5) as channel, channel.makefile("rwb") as messages:
        messages.readline()
        for command in ("qmp_capabilities", "query-recorder"):
            messages.write(json.dumps({"execute": command}).encode())
            messages.flush()
            answer = messages.readline()
    return msgspec.convert(json.loads(answer)["return"], RecorderLayout)


class Recorded:
    """A card and its driver: `guest` is BAR3 as the guest maps it, `layout` the card's answer about its files."""

    def __init__(self, card: CardProcess, peer: WirePeer) -> None:
        self.card = card
        self.bus = VfioUserBus(card.vfio_user)
        self.bus.memory.map(MEMORY_AT, MEMORY_BYTES)
        self.driver = FakeDriver(self.bus)
        self.guest = RecorderMemory(self.bus.client.map_region(BAR_RECORDER).data)
        self.layout = query_recorder(card.monitor)
        self._peer = peer
        self._reader = Recorder(self.layout)
        with Path(self.layout.trace).open("rb") as file:
            self._trace = RecorderMemory(memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)))

    def call(self, name: str, kind: RecordKind = RecordKind.CALL, **fields: int) -> None:
        """One record of the guest."""
        self.guest.write(function=BY_NAME[name].number, kind=kind, phase=Phase.RUN, **fields)

    def exchange(self) -> None:
        """A frame each way, each with an interrupt."""
        self.driver.arm_transmit()
        self.driver.send_and_reap(frames_of(60))
        self._peer.receive(1)
        self.driver.post_receives()
        self.driver.arm_receive()
        self._peer.send(frames_of(61))
        self.driver.receive_exactly(1)

    def read(self) -> list[Event]:
        """The new records, once the card sleeps and holds nothing back."""
        self.bus.wait(lambda: self._trace.word(SETTLED) == ASLEEP, "the card to have recorded all")
        return self._events(self._reader.read())

    def read_to_end(self) -> list[Event]:
        """The records that are left when the card has ended."""
        return self._events(self._reader.read(to_end=True))

    def _events(self, batches: Iterable[Batch]) -> list[Event]:
        return [event for batch in batches for event in self._reader.events(batch.records)]


@pytest.fixture
def recorded(start_card: Callable[..., CardProcess]) -> Iterator[Recorded]:
    card = start_card()
    with WirePeer(card.wire) as peer:
        made = Recorded(card, peer)
        made.driver.start()
        yield made
        made.bus.close()


def test_the_guest_s_records_stand_around_what_the_card_did_between_them(recorded: Recorded) -> None:
    recorded.guest.set_word(DETAIL, 2)
    recorded.read()
    recorded.call("MiniportSendPackets", RecordKind.ENTER, a=0xFFFF_8880_0000_1000, c=60)
    recorded.driver.send_and_reap(frames_of(60))
    recorded.call("NdisMSendComplete", a=0xFFFF_8880_0000_1000)
    found = [event for event in recorded.read() if event.function != "card.register"]  # whether it had to be kicked
    sent, doorbell, read, frame, complete = found
    assert (sent.function, sent.sequence, sent.kind, sent.a, sent.c) == (
        *("MiniportSendPackets", 1, RecordKind.ENTER, 0xFFFF_8880_0000_1000, 60),
    )
    assert (doorbell.function, doorbell.a, doorbell.b, doorbell.c) == ("card.doorbell", 1, 1, 0)
    assert (read.function, read.a, read.c, read.d & 1) == ("card.read", 0, 60, 1)
    assert (frame.function, frame.a, frame.b, frame.c) == ("card.frame_out", 0, read.b, 60)
    assert frame.d == crc32c(frames_of(60)[0])
    assert (complete.function, complete.sequence) == ("NdisMSendComplete", 2)
    assert {doorbell.result, read.result, frame.result} == {1}


@pytest.mark.parametrize(("detail", "traced"), [(0, set()), (1, set()), (2, PER_FRAME)])
def test_the_card_traces_frames_only_while_the_guest_records_them(
    recorded: Recorded, detail: int, traced: set[str]
) -> None:
    assert {"card.reset", "card.register", "card.enable"} <= {event.function for event in recorded.read()}
    recorded.guest.set_word(DETAIL, detail)
    recorded.exchange()
    assert {event.function for event in recorded.read()} & PER_FRAME == traced


@pytest.mark.parametrize("kind", list(DRIVERS))
def test_a_capture_keeps_the_frames_with_their_bytes_though_the_guest_records_nothing(
    start_card: Callable[..., CardProcess], kind: str
) -> None:
    card = start_card(kind=kind)
    bus = VfioUserBus(card.vfio_user)
    bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = DRIVERS[kind](bus)
    driver.start()
    driver.prepare()
    reader = Recorder(query_recorder(card.monitor))
    one_in, two_out = frames_of(61), frames_of(60, 1514)
    with WirePeer(card.wire) as peer, connect_unix(card.monitor, 5) as channel, channel.makefile("rwb") as messages:
        for command in ({"execute": "qmp_capabilities"}, {"execute": "set-capture", "arguments": {"on": True}}):
            messages.readline()
            messages.write(json.dumps(command).encode())
            messages.flush()
        assert json.loads(messages.readline()) == {"return": {}}
        peer.send(one_in)
        assert driver.receive_exactly(1) == one_in
        driver.send_and_reap(two_out)
        assert peer.receive(2) == two_out
    bus.close()
    assert card.close() == 0
    found = [event for batch in reader.read(to_end=True) for event in reader.events(batch.records)]
    kept = [
        (event.function, reader.frame(event.digest, event.length, True))
        for event in found
        if isinstance(event, CardFrameIn | CardFrameOut)
    ]
    assert kept == [("card.frame_in", one_in[0]), *(("card.frame_out", frame) for frame in two_out)]


def test_the_command_shows_a_running_card_and_its_json_is_a_recording(recorded: Recorded, tmp_path: Path) -> None:
    for name in ("NdisMSleep", "NdisFreePacket"):
        recorded.call(name)
    recorded.read()
    folder = str(recorded.card.monitor.parent)
    shown = tmp_path / "recording"
    shown.write_bytes(CliRunner().invoke(app, ["recorder", folder, "--json"]).stdout_bytes)
    detail, _, loaded = recording.load(shown)
    names = [event.function for event in loaded]
    assert detail == recorded.guest.word(DETAIL)
    assert names[0].startswith("card.")
    assert names[-2:] == ["NdisMSleep", "NdisFreePacket"]
    last = CliRunner().invoke(app, ["recorder", folder, "--last", "1"]).stdout
    assert "NdisFreePacket(" in last
    assert "NdisMSleep(" not in last


def test_following_a_card_ends_when_the_reader_closes_the_pipe(recorded: Recorded) -> None:
    code = "from nicrig.cli import main; main()"
    argv = [sys.executable, "-c", code, "recorder", "--follow", str(recorded.card.monitor.parent)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shown:
        assert shown.stdout is not None
        assert shown.stderr is not None
        assert b"card." in shown.stdout.readline()
        shown.stdout.close()
        recorded.call("NdisMSleep")
        assert shown.wait(20) == 0, shown.stderr.read()
        assert shown.stderr.read() == b""


def test_the_files_go_when_the_card_ends_and_a_reader_keeps_what_was_in_them(recorded: Recorded) -> None:
    recorded.call("NdisMSleep", a=7)
    files = [Path(recorded.layout.recorder), Path(recorded.layout.trace)]
    assert all(file.is_file() for file in files)
    recorded.bus.disconnect()
    recorded.card.close()
    assert not any(file.exists() for file in files)
    assert [event.microseconds for event in recorded.read_to_end() if isinstance(event, NdisMSleep)] == [7]
