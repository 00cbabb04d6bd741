# SPDX-License-Identifier: GPL-2.0-or-later
"""The drivers of the subordinate and the non-DMA kind accuse a card that breaks the datasheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from nicrig_device.models.catalogue import KINDS
from nicrig_device.spec import registers
from nicrig_device.spec.layout import Register
from nicrig_device.spec.registers import QUEUE_BLOCK
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.non_dma_driver import NonDmaDriver
from tests.fakes.rules import RuleBrokenError
from tests.fakes.subordinate_driver import SubordinateDriver, channel_word, transfer_word, unpacked

FRAME = bytes(range(61))


@pytest.fixture
def subordinate() -> Iterator[SubordinateDriver]:
    bus = MemoryBus(kind=KINDS["subordinate"])
    bus.memory.map(0x100000, 1 << 20)
    driver = SubordinateDriver(bus)
    driver.start()
    yield driver
    bus.close()


@pytest.fixture
def non_dma() -> Iterator[NonDmaDriver]:
    bus = MemoryBus(kind=KINDS["non-dma"])
    bus.memory.map(0x100000, 1 << 20)
    driver = NonDmaDriver(bus)
    driver.start()
    driver.prepare()
    yield driver
    bus.close()


def send(driver: SubordinateDriver | NonDmaDriver, *frames: bytes) -> None:
    assert isinstance(driver.bus, MemoryBus)
    driver.bus.peer.send(frames)


def word(driver: SubordinateDriver, index: int, change: Callable[[int], int]) -> None:
    driver.bus.doorbells[index] = change(int(driver.bus.doorbells[index]))


TAMPERED = {
    "fewer bytes left": lambda driver: word(driver, channel_word(registers.COUNT), lambda left: left - 4),
    "more bytes left": lambda driver: word(driver, channel_word(registers.COUNT), lambda left: left + 4),
    "another count of frames": lambda driver: word(driver, transfer_word(registers.TRANSFER_STATUS), lambda _: 2),
    "an error": lambda driver: word(driver, transfer_word(registers.TRANSFER_STATUS), lambda was: was | 1 << 16),
    "still active": lambda driver: word(driver, channel_word(registers.ACTIVE), lambda _: 1),
    "frames still waiting": lambda driver: word(driver, transfer_word(registers.WAITING), lambda was: was + 1),
    "a byte behind": lambda driver: driver.bus.memory.view(driver.buffer + 68, 1).__setitem__(0, 0),
    "padding": lambda driver: driver.bus.memory.view(driver.buffer + 67, 1).__setitem__(0, 1),
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_a_receive_transfer_that_is_not_as_promised_is_accused(
    subordinate: SubordinateDriver, tamper: Callable[[SubordinateDriver], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(subordinate, FRAME)
    honest = subordinate.done

    def tampered() -> bool:
        if not honest():
            return False
        tamper(subordinate)
        return True

    monkeypatch.setattr(subordinate, "done", tampered)
    with pytest.raises(RuleBrokenError):
        subordinate.receive_once()


def test_a_done_that_runs_ahead_is_accused(subordinate: SubordinateDriver) -> None:
    subordinate.bus.doorbells[transfer_word(registers.DONE)] = 7
    with pytest.raises(RuleBrokenError, match="DONE"):
        subordinate.done()


def test_a_write_into_a_buffer_that_is_sent_is_accused(subordinate: SubordinateDriver) -> None:
    subordinate.send([FRAME])
    subordinate.bus.memory.view(subordinate.buffer + 8, 1)[0] ^= 1
    with pytest.raises(RuleBrokenError, match="wrote into"):
        subordinate.reap(1)


@pytest.mark.parametrize("data", [b"\0\0\0", b"\x0d\0\0\0" + bytes(16), b"\x3c\0\0\0" + bytes(59)])
def test_bytes_that_are_not_packed_frames_are_accused(data: bytes) -> None:
    with pytest.raises(RuleBrokenError):
        list(unpacked(data))


def test_a_slot_with_no_legal_length_is_accused(non_dma: NonDmaDriver) -> None:
    send(non_dma, FRAME)
    non_dma.rx_slots.words[0, 0] = 13
    with pytest.raises(RuleBrokenError, match="13 bytes"):
        non_dma.receive()


@pytest.mark.parametrize("register", [registers.RX_HEAD, registers.TX_HEAD])
def test_a_head_past_what_was_given_is_accused(non_dma: NonDmaDriver, register: Register) -> None:
    non_dma.bus.doorbells[QUEUE_BLOCK.address(register) // 4] = 65
    with pytest.raises(RuleBrokenError, match="past the driver's head"):
        non_dma.receive() if register is registers.RX_HEAD else non_dma.reap()


def test_a_transmit_slot_without_a_status_is_accused(non_dma: NonDmaDriver) -> None:
    non_dma.send([FRAME])
    non_dma.bus.wait(lambda: non_dma.bus.doorbells[QUEUE_BLOCK.address(registers.TX_HEAD) // 4] == 1, "the slot")
    non_dma.tx_slots.words[0, 1] = 0
    with pytest.raises(RuleBrokenError, match="status 0x0"):
        non_dma.reap()


def test_a_write_to_guest_memory_is_accused(non_dma: NonDmaDriver) -> None:
    non_dma.bus.memory.view(0x100000, 1)[0] ^= 1
    with pytest.raises(RuleBrokenError, match="guest memory"):
        non_dma.stop()
