# SPDX-License-Identifier: GPL-2.0-or-later
"""The registers of a running card: `nicrig registers` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from nicrig.card.monitor import card_monitor
from nicrig.rundir.paths import RigPaths
from nicrig.text.printable import printable
from nicrig_interface.answers import RegisterState


async def registers_of(paths: RigPaths) -> list[RegisterState]:
    """All registers of the card at `paths`. Reading them here changes nothing."""
    async with card_monitor(paths) as monitor:
        return await monitor.ask("query-registers", list[RegisterState])


def show(registers: Sequence[RegisterState], *, json: bool) -> Iterator[str]:
    """Lines to print."""
    if json:
        yield msgspec.json.encode(registers).decode()
        return
    copied = {register.block for register in registers if register.copy}
    names = [f"{item.block}{f'[{item.copy}]' if item.block in copied else ''}.{item.name}" for item in registers]
    width = max(map(len, names), default=0)
    for name, item in zip(names, registers, strict=True):
        value = "-" if item.value is None else f"0x{item.value:08x}"
        fields = " ".join(f"{field.name}={field.value}" for field in item.fields if field.value is not None)
        where = f"BAR{item.bar}+0x{item.offset:05x}"
        yield printable(f"{name:<{width}}  {where}  {item.access:<6}  {value:<10}  {fields}".rstrip())
