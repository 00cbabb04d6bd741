# SPDX-License-Identifier: GPL-2.0-or-later
"""A card that lies: the drivers that copy check every length and count, and go on when it tells the truth again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.card import Kind
from controller.demo import exchange
from controller.provision import Provision
from controller.rig import Options, open_rig
from tests.system.conftest import check_echo, udp_frames
from tests.system.test_ndis import kernel_complaints

pytestmark = [pytest.mark.system, pytest.mark.anyio]

# Lengths that are none, each told four times, in place of a batch's first; the count of a batch is wrong too, for the
# non-DMA kind only with 0, until the next batch.
LENGTHS = "lies = iter([13, 1519, 0, 0xFFFFFFFF, 0x7FFFFFFC] * 4)\n"
LIES: dict[Kind, str] = {
    "subordinate": """
from device.subordinate import Moved, Subordinate
honest = Subordinate._fill
def fill(self, transfer, buffer):
    moved = honest(self, transfer, buffer)
    lie = next(lies, None)
    if lie is None:
        return moved
    if lie:
        buffer[:4] = list(lie.to_bytes(4, "little"))
    return Moved(0xFFFF, moved.size)
Subordinate._fill = fill
""",
    "non-dma": """
from device.non_dma import LENGTH, NonDma
from device.registers import SLOTS
honest = NonDma.__init__
def init(self, board):
    honest(self, board)
    advance = self._rx.advance
    def lie_and_advance(count):
        lie = next(lies, None) if count else None
        if lie is not None:
            self._rx_slots.words[self._rx.head % SLOTS, LENGTH] = lie
        advance(count)
        if lie == 0:
            board.page.words[self._rx.words.head] = (self._rx.head + 1000) % 65536
    self._rx.advance = lie_and_advance
NonDma.__init__ = init
""",
}


@pytest.mark.parametrize("kind", LIES)
async def test_a_driver_outlives_the_lies_of_its_card(
    provision: Provision, kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(LENGTHS + LIES[kind])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    async with open_rig(provision, Options(kind=kind)) as rig:
        interface = await rig.load_driver()
        await interface.up()
        await interface.start_echo()
        injected = udp_frames([60 + number % 1000 for number in range(3000)])
        echoed = await exchange(rig.wire, injected, quiet=0.5)
        assert set(echoed) <= set(injected)
        assert len(set(echoed)) < len(injected), "no lie was told"
        assert await kernel_complaints(rig) == ""
        await rig.guest.run(["ethtool", "--reset", interface.name, "all"])
        await check_echo(rig, interface, [60, 1514] * 200)
