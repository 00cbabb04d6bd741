# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from nicrig_device.pci.doorbells import DoorbellPage
from nicrig_device.pci.interrupt import ENABLE, Interrupts, Moderation, Source
from nicrig_device.spec import registers

ARM, HEAD = 0, 1


class Line:
    """An interrupt line with one source, and the messages that it sent."""

    def __init__(self, page: DoorbellPage, *, moderated: bool = False) -> None:
        self.words = page.words
        self.messages = 0
        self.moderation = Moderation(registers.MODERATION)
        self.interrupts = Interrupts(page, [Source(0, ARM, HEAD, moderated)], self.moderation, self.take)
        self.interrupts.unmasked = True

    def take(self, vector: int) -> None:
        assert vector == 0
        self.messages += 1

    def arm(self, index: int, sequence: int) -> None:
        self.words[ARM] = ENABLE | sequence << 16 | index


@pytest.fixture
def page() -> Iterator[DoorbellPage]:
    made = DoorbellPage()
    yield made
    made.close()


def test_nothing_fires_until_something_lies_past_the_index(page: DoorbellPage) -> None:
    line = Line(page)
    line.arm(5, 1)
    line.words[HEAD] = 5
    line.interrupts.work(0.0)
    assert line.messages == 0
    line.words[HEAD] = 6
    line.interrupts.work(0.0)
    assert line.messages == 1


def test_one_arm_word_gives_one_message_however_much_completes(page: DoorbellPage) -> None:
    line = Line(page)
    line.arm(0, 1)
    for head in range(1, 100):
        line.words[HEAD] = head
        line.interrupts.work(0.0)
    assert line.messages == 1


def test_arming_the_same_index_again_with_another_sequence_fires_again(page: DoorbellPage) -> None:
    line = Line(page)
    line.words[HEAD] = 1
    for sequence in (1, 2, 3):
        line.arm(0, sequence)
        line.interrupts.work(0.0)
    assert line.messages == 3


def test_a_masked_card_holds_the_message_back_and_fires_it_when_unmasked(page: DoorbellPage) -> None:
    line = Line(page)
    line.interrupts.unmasked = False
    line.arm(0, 1)
    line.words[HEAD] = 1
    line.interrupts.work(0.0)
    assert line.messages == 0
    line.interrupts.unmasked = True
    line.interrupts.work(0.0)
    assert line.messages == 1


def test_a_disarmed_word_never_fires(page: DoorbellPage) -> None:
    line = Line(page)
    line.words[ARM], line.words[HEAD] = 0, 9
    line.interrupts.work(0.0)
    assert line.messages == 0


def test_moderation_waits_for_its_time_and_says_until_when(page: DoorbellPage) -> None:
    line = Line(page, moderated=True)
    line.moderation.set(registers.MODERATION.pack(MICROSECONDS=100, FRAMES=8))
    line.arm(0, 1)
    line.words[HEAD] = 1
    assert line.interrupts.work(1.0) == pytest.approx(1.0001)
    assert line.messages == 0
    assert line.interrupts.work(1.0002) is None
    assert line.messages == 1


def test_moderation_ends_early_with_enough_completions(page: DoorbellPage) -> None:
    line = Line(page, moderated=True)
    line.moderation.set(registers.MODERATION.pack(MICROSECONDS=0xFFFF, FRAMES=8))
    line.arm(0xFFFC, 1)
    line.words[HEAD] = 3
    line.interrupts.work(0.0)
    assert line.messages == 0
    line.words[HEAD] = 4
    line.interrupts.work(0.0)
    assert line.messages == 1
