# SPDX-License-Identifier: GPL-2.0-or-later
"""Behaviours on the card's core, with a driver of each kind; and docs/behaviours.md, which has the examples."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nicrig_device.models.catalogue import KINDS
from nicrig_device.spec.registers import FRAME_MAX
from nicrig_device.wire.behaviour import Act, BehaviourError, load_behaviour
from tests.contracts.conftest import DRIVERS, MEMORY_AT, MEMORY_BYTES
from tests.fakes.card_driver import CardDriver
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer
from tests.pages import Shell, steps

PAGE = Path(__file__).resolve().parents[3] / "docs" / "behaviours.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
FRAMES = [bytes([number]) * 6 + bytes([number + 100]) * 6 + bytes(60) for number in range(20)]
SWAPPED = [frame[6:12] + frame[:6] + frame[12:] for frame in FRAMES]


@pytest.fixture(params=list(KINDS))
def bus(request: pytest.FixtureRequest) -> Iterator[MemoryBus]:
    made = MemoryBus(kind=KINDS[request.param])
    made.memory.map(MEMORY_AT, MEMORY_BYTES)
    yield made
    made.close()


def started(bus: MemoryBus, act: Act) -> CardDriver:
    bus.card.behave(act)
    driver = DRIVERS[bus.card.kind.name](bus)
    driver.start()
    driver.prepare()
    return driver


def example(folder: Path, name: str) -> Act:
    """A function of the page."""
    page = folder / "page.py"
    page.write_text("\n\n".join(SNIPPETS))
    return load_behaviour(f"{page}:{name}")


def test_the_page_s_card_gives_each_frame_back_with_its_addresses_swapped(bus: MemoryBus, tmp_path: Path) -> None:
    driver = started(bus, example(tmp_path, "mirror"))
    bus.peer.send(FRAMES)
    assert bus.peer.receive(len(FRAMES)) == SWAPPED
    driver.send_and_reap(FRAMES)
    assert driver.receive_exactly(len(FRAMES)) == SWAPPED
    assert bus.sent == []
    driver.stop()


def test_the_page_s_card_answers_arp_requests_and_passes_the_rest_on(bus: MemoryBus, tmp_path: Path) -> None:
    asker, asked = bytes.fromhex("02000000000a") + bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    request = b"\xff" * 6 + asker[:6] + bytes.fromhex("08060001080006040001") + asker + bytes(6) + asked
    driver = started(bus, example(tmp_path, "proxy_arp"))
    bus.peer.send([FRAMES[0], request.ljust(60, b"\0"), FRAMES[1]])
    assert driver.receive_exactly(2) == FRAMES[:2]
    card = bytes.fromhex("5254006e6963")
    answer = asker[:6] + card + bytes.fromhex("08060001080006040002") + card + asked + asker
    assert bus.peer.receive(1) == [answer.ljust(60, b"\0")]
    driver.stop()


def test_more_and_fewer_frames_may_be_returned(bus: MemoryBus) -> None:
    driver = started(bus, lambda to_driver, to_wire: (to_driver * 2, to_wire[::2]))
    bus.peer.send(FRAMES[:2])
    assert driver.receive_exactly(4) == FRAMES[:2] * 2
    driver.send_and_reap(FRAMES[:2])
    assert len(bus.peer.receive(1)) == 1
    counters = bus.card.counters.snapshot()
    assert (counters["rx_frames"], counters["behaviour_dropped"]) == (4, 0)
    driver.stop()


def raises(*_: object) -> Any:
    raise KeyError("what")


def exits(*_: object) -> Any:
    sys.exit("done")


def interrupts(*_: object) -> Any:
    raise KeyboardInterrupt


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise SystemExit


def raises_the_unreadable(*_: object) -> Any:
    raise UnreadableError


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (raises, "KeyError: 'what'"),
        (exits, "SystemExit: done"),
        (interrupts, "KeyboardInterrupt: "),
        (lambda *_: raises_the_unreadable(), "UnreadableError: its text cannot be read"),
        (lambda *_: None, "TypeError"),
        (lambda to_driver, _: (to_driver, None), "returned NoneType, not one list of frames"),
        (lambda *_: (["text"], []), "returned str as a frame, not bytes"),
        (lambda *_: ([], [bytes(13)]), "returned a frame of 13 bytes, not 14 to 1522"),
        (lambda *_: ([bytes(FRAME_MAX + 1)], []), "returned a frame of 1523 bytes"),
    ],
)
def test_a_behaviour_that_fails_costs_its_batch_and_one_line(
    bus: MemoryBus, caplog: pytest.LogCaptureFixture, act: Act, why: str
) -> None:
    driver = started(bus, act)
    with caplog.at_level(logging.WARNING, "nicrig_device"):
        bus.peer.send(FRAMES[:3])
        bus.peer.send(FRAMES[:3])
    assert [why in record.getMessage() for record in caplog.records] == [True]
    assert bus.card.counters["behaviour_dropped"] == 6
    driver.send_and_reap(FRAMES[:4])
    counters = bus.card.counters.snapshot()
    assert [counters[name] for name in ("behaviour_dropped", "rx_frames", "tx_frames")] == [10, 0, 0]
    driver.stop()


def test_what_a_behaviour_sends_into_a_full_wire_is_dropped_and_counted(
    bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = started(bus, lambda to_driver, to_wire: ([], to_driver + to_wire))
    monkeypatch.setattr(bus.card.egress._wire, "full", lambda: True)
    bus.peer.send(FRAMES[:5])
    assert bus.sent == []
    assert bus.card.counters["behaviour_dropped"] == 5
    driver.stop()


def test_no_frame_comes_by_while_link_or_receiver_are_off(bus: MemoryBus) -> None:
    seen: list[int] = []

    def count(to_driver: list[bytes], to_wire: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        seen.append(len(to_driver) + len(to_wire))
        return to_driver, to_wire

    driver = started(bus, count)
    driver.set_receiver(enabled=False)
    bus.peer.send(FRAMES[:2])
    driver.set_receiver(enabled=True)
    bus.card.set_link(False)
    bus.peer.send(FRAMES[:3])
    driver.send_and_reap(FRAMES[:4])
    counters = bus.card.counters.snapshot()
    assert [counters[name] for name in ("rx_disabled", "rx_link_down", "tx_link_down")] == [2, 3, 4]
    assert seen == []
    driver.stop()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("none.py:act", "no Python file none.py"),
        ("act", "no Python file act: name it as FILE.py:NAME"),
        ("good.py:other", "good.py has no function other"),
        ("good.py:NUMBER", "good.py has no function NUMBER"),
        ("bad.py:act", "bad.py does not run: ZeroDivisionError"),
        ("worse.py:act", "worse.py does not run: SyntaxError"),
        ("exits.py:act", "exits.py does not run: SystemExit: 3"),
        (".:act", "no Python file ."),
    ],
)
def test_an_invalid_behaviour_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.py").write_text("NUMBER = 1\ndef act(a, b): return a, b\n")
    Path("bad.py").write_text("1 / 0\n")
    Path("worse.py").write_text("def\n")
    Path("exits.py").write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(BehaviourError, match=re.escape(why)) as told:
        load_behaviour(source)
    assert "\n" not in str(told.value)


@pytest.mark.real
def test_the_page_s_commands_run_such_a_card(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, Shell(tmp_path, os.environ) as shell:
        for step in steps(PAGE.read_text().replace("/tmp/card", name)):
            shell.do(step)
        bus = VfioUserBus(Path(name, "vfio-user.sock"))
        bus.memory.map(MEMORY_AT, MEMORY_BYTES)
        driver = FakeDriver(bus)
        driver.start()
        driver.prepare()
        with WirePeer(Path(name, "wire.sock")) as peer:
            peer.send(FRAMES)
            assert peer.receive(len(FRAMES)) == SWAPPED
        driver.send_and_reap(FRAMES)
        assert driver.receive_exactly(len(FRAMES)) == SWAPPED
        driver.stop()
        bus.close()
