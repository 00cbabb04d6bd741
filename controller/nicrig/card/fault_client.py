# SPDX-License-Identifier: GPL-2.0-or-later
"""The faults of a running card: `nicrig faults` shows and arms them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from nicrig.card.monitor import card_monitor
from nicrig.errors import RefusedError, UsageError
from nicrig.rundir.paths import RigPaths
from nicrig.text.printable import printable
from nicrig_interface.answers import FaultState


async def faults_of(paths: RigPaths) -> list[FaultState]:
    """All faults that the card at `paths` can make."""
    async with card_monitor(paths) as monitor:
        return await monitor.ask("query-faults", list[FaultState])


async def arm(paths: RigPaths, name: str, *, at: int, count: int) -> None:
    """Arm a fault: the card strikes `count` times, from number `at` on. Raises UsageError for an unknown fault."""
    async with card_monitor(paths) as monitor:
        try:
            await monitor.execute("set-fault", {"name": name, "at": at, "count": count})
        except RefusedError as error:
            raise UsageError(str(error)) from error


async def clear(paths: RigPaths) -> None:
    """Disarm all faults."""
    async with card_monitor(paths) as monitor:
        await monitor.execute("clear-faults")


def show(faults: Sequence[FaultState], *, json: bool) -> Iterator[str]:
    """Lines to print."""
    if json:
        yield msgspec.json.encode(faults).decode()
        return
    for fault in faults:
        state = f"; armed at {fault.at}, count {fault.count}, {fault.passed} came by" if fault.armed else ""
        yield printable(f"{fault.name}: {fault.does}")
        yield printable(f"    a correct driver: {fault.driver}")
        yield printable(f"    counts {fault.counts}; fired {fault.fired}{state}")
