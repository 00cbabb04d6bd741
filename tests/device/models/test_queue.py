# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import numpy as np

from nicrig_device.models.queue import Queue, QueueWords
from nicrig_device.spec.registers import RX_ARM, RX_HEAD, RX_TAIL, SLOTS
from tests.fakes.memory_bus import MemoryBus


def test_a_place_is_the_ring_index_s_sixteen_bits_below_the_queue_pair() -> None:
    bus = MemoryBus()
    for pair in (0, 3):
        words = QueueWords.of(RX_TAIL, RX_ARM, RX_HEAD, pair)
        queue = Queue(bus.card.page, bus.card.refusals, bus.card.trace, words, SLOTS, transmit=False)
        assert queue.places(np.array([7, 0xFFFF, 0x1_0002])).tolist() == [
            pair << 16 | 7,
            pair << 16 | 0xFFFF,
            pair << 16 | 2,
        ]
    bus.close()
