# SPDX-License-Identifier: GPL-2.0-or-later
"""Injects frames into a guest that echoes, and judges them with the card's and the driver's counters."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import trio

from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.session.rig import Rig
from nicrig.verdict.exchange import WINDOW, Exchange
from nicrig.verdict.guest_trouble import BUFFERS_MISSING, TOO_MANY_INTERRUPTS
from nicrig.verdict.live import LiveVerdict
from nicrig.verdict.run_verdict import RunVerdict, conclude
from nicrig.witnesses.judge import Witnesses
from nicrig_interface.answers import RegisterState

CHUNK = 4000
"""How many frames' records fit into the recorder's ring, with room to spare."""
INDEX_MASK = 0xFFFF
"""Indices of rings have 16 bits (datasheet section 5)."""
INTERRUPTS_A_FRAME = 2
"""The most interrupts for each frame that the card moves, either way: a clean driver needs at most one."""
FEW_INTERRUPTS = 100
"""So many interrupts are never too many: link changes, and the last look of a driver at an empty ring."""


async def echo_and_judge(
    rig: Rig, interface: Interface, injected: Sequence[bytes], live: LiveVerdict | None = None
) -> RunVerdict:
    """Run the frames, and judge them; with `live`, at each hop."""
    run = EchoRun(rig, interface, live)
    await run.run(injected)
    return run.verdict()


class EchoRun:
    """One run of frames. `verdict` is over all that is known, also when the run ended early."""

    def __init__(self, rig: Rig, interface: Interface, live: LiveVerdict | None) -> None:
        self._rig = rig
        self._interface = interface
        self._live = live
        self._witnesses = Witnesses() if live is None else live.witnesses
        self._exchanges: list[Exchange] = []
        self._under_way = False
        """Whether the frames of the last exchange are not judged yet."""
        self._cpu: int | None = None
        self._grown: dict[str, int] = {}
        self._missing: dict[str, int] = {}

    @staticmethod
    def nothing() -> RunVerdict:
        """The verdict when no frame was injected."""
        return conclude(Witnesses(), injected=0, cpu=0, echoed=0)

    @property
    def injected(self) -> int:
        """How many frames were injected so far."""
        return sum(each.sent for each in self._exchanges)

    async def run(self, frames: Sequence[bytes], half_way: Callable[[], Awaitable[object]] | None = None) -> None:
        """Run the frames. With a live verdict they go in chunks whose records fit into the recorder's ring.

        `half_way` is called between the two halves, when nothing is under way.
        A guest that echoes nothing any more gets no more frames. Raises DeadlineError when it does not answer either.
        """
        before, counters = await self._received(), await self._rig.card.counters()
        self._witnesses.restart()
        self._witnesses.station = await self._interface.station()
        ring = await self._ring_size()
        window = min(WINDOW, ring // 4) if ring else WINDOW
        half = len(frames) // 2 if half_way else len(frames)
        for start in (*range(0, half, CHUNK), *range(half, len(frames), CHUNK)):
            if start == half and half_way:
                await half_way()
            await self._echo(frames[start : min(start + CHUNK, half if start < half else len(frames))], window)
            if self._exchanges[-1].stalled:
                break
        await self._rest(ring)
        after, now = await self._received(), await self._rig.card.counters()
        self._cpu, self._grown = after - before, {name: value - counters[name] for name, value in now.items()}

    async def _echo(self, chunk: Sequence[bytes], window: int) -> None:
        dropped = (await self._rig.card.counters())["rx_no_buffer"]
        if self._live:
            await self._live.begin(chunk, quiet=self._quiet)
        wire, station = self._rig.card.wire, self._witnesses.station
        made = Exchange(wire, chunk, quiet=self._quiet, window=window, station=station)
        self._exchanges.append(made)
        self._under_way = True
        await made.run()
        if made.stalled:
            await self._received()  # raises for a guest that hangs: its frames are under way, and none is lost
        dropped = (await self._rig.card.counters())["rx_no_buffer"] - dropped
        sent = chunk[: made.sent]
        if self._live:
            await self._live.settle(sent, made.echoed, quiet=self._quiet, dropped=dropped)
        else:
            self._witnesses.settle(sent, made.echoed, dropped=dropped)
        self._under_way = False

    def verdict(self) -> RunVerdict:
        """The verdict on all frames so far. Of a chunk that was cut off, frames that are missing count as under way."""
        if self._under_way:
            made, self._under_way = self._exchanges[-1], False
            self._witnesses.settle(made.injected[: made.sent], made.echoed, under_way=True)
        return conclude(
            self._witnesses,
            injected=self.injected,
            cpu=self._witnesses.frames["in"] if self._cpu is None else self._cpu,
            echoed=sum(len(each.echoed) for each in self._exchanges),
            own=sum(each.own for each in self._exchanges),
            counters=self._grown,
            trouble=self._missing | too_many_interrupts(self._grown),
            whole=self._cpu is not None,
        )

    @property
    def _quiet(self) -> float:
        return self._rig.deadlines.quiet * self._rig.deadlines.scale

    async def _received(self) -> int:
        limit = self._rig.deadlines.answer
        with self._rig.machine.limit(limit, "the guest to answer"):
            return await self._interface.received()

    async def _rings(self) -> dict[str, int]:
        """The card's registers of its first receive ring; empty for a kind without rings."""
        found = await self._rig.card.monitor.ask("query-registers", list[RegisterState])
        return {each.name: each.value or 0 for each in found if each.block in ("RX", "QUEUE") and not each.copy}

    async def _ring_size(self) -> int:
        return (await self._rings()).get("RING_SIZE", 0)

    async def _rest(self, size: int) -> None:
        """Wait until the driver has posted all its receive buffers again: none is under way. Those missing are kept."""
        if not size:
            return
        missing = size

        async def look() -> bool | None:
            nonlocal missing
            ring = await self._rings()
            missing = size - ((ring["RX_TAIL"] - ring["RX_HEAD"]) & INDEX_MASK)
            return None if missing else True

        with trio.move_on_after(self._quiet):
            await until(look)
        if missing:
            self._missing = {BUFFERS_MISSING: missing}


def too_many_interrupts(grown: Mapping[str, int]) -> dict[str, int]:
    """More interrupts than a driver needs that takes all frames that there are, by name; empty otherwise."""
    moved = grown.get("rx_frames", 0) + grown.get("tx_frames", 0)
    fired = grown.get("interrupts", 0)
    return {TOO_MANY_INTERRUPTS: fired} if fired > FEW_INTERRUPTS + INTERRUPTS_A_FRAME * moved else {}
