# SPDX-License-Identifier: GPL-2.0-or-later
"""Injects frames into a guest that echoes, and judges them with the card's and the driver's counters."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial

import trio

from nicrig.machine.addresses import BENCH_MAC
from nicrig.machine.guest_interface import Interface
from nicrig.process.polling import until
from nicrig.session.rig import Rig
from nicrig.verdict.at_rest import trouble_at_rest
from nicrig.verdict.exchange import WINDOW, Exchange
from nicrig.verdict.guest_trouble import BUFFERS_MISSING, ERROR_IGNORED, REFUSAL_HIDDEN, TOO_MANY_INTERRUPTS
from nicrig.verdict.live import LiveVerdict
from nicrig.verdict.one_way import Intake, Outlet
from nicrig.verdict.run_verdict import RunVerdict, Tally, conclude, drops_of
from nicrig.verifier.functions import Detail
from nicrig.witnesses.judge import Witnesses
from nicrig.witnesses.words import DROPPED, Word
from nicrig_interface.answers import RegisterState

CHUNK = 4000
"""How many frames' records fit into the recorder's ring, with room to spare."""
SLOTS, FIFO_FRAMES = 64, 1024
"""How many frames the kinds without rings hold (datasheet section 1)."""
BATCH = 128
"""The most frames that go in at once to a guest that keeps them."""
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
    """One run of frames. `verdict` is over all that is known, also when the run ended early.

    `begin` it, then call `echo`, `keep` and `send` in any order, and `finish` it. Frames go in chunks whose records fit
    into the recorder's ring. A guest that lets no frame pass any more gets no more (`stalled`). All of these raise
    DeadlineError when the guest does not answer either.
    """

    def __init__(self, rig: Rig, interface: Interface, live: LiveVerdict | None) -> None:
        self._rig = rig
        self._interface = interface
        self._live = live
        self._witnesses = Witnesses() if live is None else live.witnesses
        self._before: tuple[int, dict[str, int]] = (0, {})
        self._made: list[Exchange | Intake | Outlet] = []
        self._under_way = False
        """Whether the frames of the last of them are not judged yet."""
        self._sent = self._excused = 0
        self._cpu: int | None = None
        self._grown: dict[str, int] = {}
        self._trouble: dict[str, int] = {}

    @staticmethod
    def nothing() -> RunVerdict:
        """The verdict when no frame was injected."""
        return conclude(Witnesses(), Tally(0, 0, 0))

    @property
    def injected(self) -> int:
        """How many frames were injected so far."""
        return sum(each.sent for each in self._made)

    @property
    def stalled(self) -> bool:
        """Whether the guest lets no frame pass any more."""
        return any(each.stalled for each in self._made[-1:])

    async def run(self, frames: Sequence[bytes]) -> None:
        """The whole of a run in which the guest sends all frames back."""
        await self.begin()
        await self.echo(frames)
        await self.finish()

    async def begin(self) -> None:
        """Count from here."""
        self._before = await self._received(), await self._rig.card.counters()
        self._witnesses.restart()
        self._witnesses.station = await self._interface.station()

    async def finish(self) -> None:
        """Count to here, when all is at rest."""
        await self.rest()
        with self._rig.machine.limit(self._rig.deadlines.answer, "the guest to answer"):
            self._trouble |= await trouble_at_rest(self._rig, self._interface)
        if self._witnesses.refused:
            self._trouble[REFUSAL_HIDDEN] = self._witnesses.refused
        received, counters = self._before
        after, now = await self._received(), await self._rig.card.counters()
        self._cpu, self._grown = after - received, {name: value - counters[name] for name, value in now.items()}

    async def echo(
        self,
        frames: Sequence[bytes],
        *,
        window: int = 0,
        losing: int = 0,
        dropping: bool = False,
        quiet: float = 0,
        erroneous: int = 0,
        meanwhile: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Run frames that the guest sends back, at most `window` at a time; 0 is a window that its rings hold.

        A card with slots gets no more frames at a time than it has slots, unless it may drop some. Up to `losing` of
        them may be missing, and with `dropping` those that the card drops. `quiet` is as Exchange has it, before
        scaling; 0 is the deadlines' own.
        `meanwhile` runs beside them. `erroneous` of them come with an error: the driver must drop them.
        """
        window, lost = window if window and dropping else await self._window(window), 0
        for chunk in _chunks(frames):
            dropped = await self._drops()
            await self._begin(chunk)
            made = Exchange(
                self._rig.card.wire,
                chunk,
                quiet=quiet * self._rig.deadlines.scale or self._quiet,
                window=window,
                station=self._witnesses.station,
            )
            async with trio.open_nursery() as nursery:
                if meanwhile:
                    nursery.start_soon(meanwhile)
                await self._run(made)
            if meanwhile:
                await made.rest()
            missing, dropped = made.sent - len(made.echoed), await self._drops() - dropped
            excused = missing if 0 < missing <= losing + dropping * dropped["rx_no_buffer"] else 0
            self._excused += excused
            lost += max(missing, 0)
            await self._settle(dropped=None if excused else dropped, under_way=bool(excused))
            if made.stalled:
                break
        if lost < erroneous:
            self.suffered(ERROR_IGNORED, erroneous - lost)

    async def keep(self, frames: Sequence[bytes], *, pause: float = 0.0) -> None:
        """Run frames that the guest is to receive and to keep (Interface.keep). With `pause`, seconds, one by one."""
        await self.rest()
        before, arrived = await self._rig.card.counters(), await self._received()
        first, capacity = (await self.rings()).get("RX_HEAD"), await self.capacity()
        sent = 0

        async def room(count: int) -> int:
            rings, now = await self.rings(), await self._rig.card.counters()
            dropped = now["rx_no_buffer"] - before["rx_no_buffer"]
            if first is None:
                return capacity - (sent + count - (now["rx_frames"] - before["rx_frames"] + dropped))
            # Each frame takes a slot of those posted since. An unkind card publishes head late, so head does not count.
            slots = (rings["RX_TAIL"] - first - (sent + count - dropped)) & INDEX_MASK
            return slots if slots <= capacity else 0

        for chunk in _chunks(frames):
            dropped = await self._drops()
            await self._begin(())
            quiet, batch = self._quiet, 1 if pause else min(BATCH, capacity // 2)
            made = Intake(self._rig.card.wire, chunk, quiet=quiet, batch=batch, room=room, pause=pause)
            await self._run(made)
            sent += made.sent
            with trio.move_on_after(quiet):
                await until(partial(self._has, arrived + sent))
            await self._settle(dropped=await self._drops() - dropped)
            if made.stalled:
                break

    async def send(
        self,
        count: int,
        sizes: tuple[int, int],
        *,
        pause: float = 0.0,
        losing: int = 0,
        quiet: float = 0,
        first: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Have the guest send so many frames by itself, as Interface.send() does. The rest is as for echo().

        `first` must be over before a frame is awaited.
        """
        await self._begin(())
        source = bytes.fromhex(BENCH_MAC.replace(":", ""))
        quiet = quiet * self._rig.deadlines.scale or self._quiet
        made = Outlet(self._rig.card.wire, count, quiet=quiet, source=source)
        self._sent += count
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._interface.send, count, sizes, pause)
            if first:
                await first()
            await self._run(made)
        missing = count - len(made.echoed)
        excused = missing if 0 < missing <= losing else 0
        self._excused += excused
        made.stalled = made.stalled and not excused
        await self._settle(under_way=bool(excused))

    def suffered(self, name: str, count: int = 1) -> None:
        """The guest has this trouble."""
        self._trouble[name] = count

    def verdict(self) -> RunVerdict:
        """The verdict on all frames so far. Of a chunk that was cut off, frames that are missing count as under way."""
        if self._under_way:
            self._under_way = False
            self._witnesses.settle(*self._made[-1].wire_had, under_way=True)
        came = sum(len(each.echoed) for each in self._made if isinstance(each, Outlet))
        tally = Tally(
            injected=self.injected,
            cpu=self._witnesses.frames["in"] if self._cpu is None else self._cpu,
            echoed=sum(len(each.echoed) for each in self._made) - came,
            own=sum(each.own for each in self._made),
            kept=sum(each.sent for each in self._made if isinstance(each, Intake)),
            sent=self._sent,
            came=came,
            excused=self._excused,
            dropped=sum(drops_of(self._witnesses.counts).values()),
        )
        return conclude(
            self._witnesses,
            tally,
            counters=self._grown,
            trouble=self._trouble | too_many_interrupts(self._grown),
            whole=self._cpu is not None,
        )

    async def _begin(self, known: Sequence[bytes]) -> None:
        if self._live:
            await self._live.begin(known, quiet=self._quiet)

    async def _run(self, made: Exchange | Intake | Outlet) -> None:
        self._made.append(made)
        self._under_way = True
        await made.run()
        if made.stalled:
            await self._received()  # raises for a guest that hangs: its frames are under way, and none is lost

    async def _settle(self, *, dropped: Mapping[Word, int] | None = None, under_way: bool = False) -> None:
        """Judge the last of what was made."""
        injected, echoed = self._made[-1].wire_had
        if None in (injected, echoed) and not self._recorded:  # nothing to compare the wire with, but the counts
            injected = echoed = ()
        if self._live:
            await self._live.settle(injected, echoed, quiet=self._quiet, dropped=dropped, under_way=under_way)
        else:
            self._witnesses.settle(injected, echoed, dropped=dropped, under_way=under_way)
        self._under_way = False

    def refuses(self, count: int) -> None:
        """The card reports that many sends as refused, and sends them: the driver must say that they failed."""
        self._witnesses.refused += count

    async def _has(self, count: int) -> bool | None:
        return True if await self._received() >= count else None

    @property
    def _recorded(self) -> bool:
        """Whether card and driver record the frames."""
        return self._live is not None and self._rig.options.recorded >= Detail.FRAMES

    async def _drops(self) -> Counter[Word]:
        return drops(await self._rig.card.counters())

    @property
    def _quiet(self) -> float:
        return self._rig.deadlines.quiet * self._rig.deadlines.scale

    async def _received(self) -> int:
        limit = self._rig.deadlines.answer
        with self._rig.machine.limit(limit, "the guest to answer"):
            return await self._interface.received()

    async def rings(self) -> dict[str, int]:
        """The card's registers of its first receive ring, its indices and counts; each kind has others."""
        found = await self._rig.card.monitor.ask("query-registers", list[RegisterState])
        blocks = ("RX", "QUEUE", "TRANSFER")
        return {each.name: each.value or 0 for each in found if each.block in blocks and not each.copy}

    async def capacity(self) -> int:
        """How many frames the card takes that the driver has not taken yet (datasheet sections 3, 15, 16)."""
        rings = await self.rings()
        return rings.get("RING_SIZE", 0) or (SLOTS if "RX_TAIL" in rings else FIFO_FRAMES)

    async def _window(self, wanted: int) -> int:
        rings = await self.rings()
        ring = rings.get("RING_SIZE", 0)
        if not wanted:
            return min(WINDOW, ring // 4) if ring else WINDOW
        return min(wanted, SLOTS) if "RX_TAIL" in rings and not ring else wanted

    async def rest(self) -> None:
        """Wait until the driver has posted all its receive buffers again: none is under way. Those missing are kept."""
        size = missing = (await self.rings()).get("RING_SIZE", 0)
        if not size:
            return

        async def look() -> bool | None:
            nonlocal missing
            ring = await self.rings()
            missing = size - ((ring["RX_TAIL"] - ring["RX_HEAD"]) & INDEX_MASK)
            return None if missing else True

        with trio.move_on_after(self._quiet):
            await until(look)
        if missing:
            self.suffered(BUFFERS_MISSING, missing)


def drops(counters: Mapping[str, int]) -> Counter[Word]:
    """The frames that the card has dropped by contract."""
    return Counter({word: counters[word] for word in DROPPED})


def too_many_interrupts(grown: Mapping[str, int]) -> dict[str, int]:
    """More interrupts than a driver needs that takes all frames that there are, by name; empty otherwise."""
    moved = grown.get("rx_frames", 0) + grown.get("tx_frames", 0)
    fired = grown.get("interrupts", 0)
    return {TOO_MANY_INTERRUPTS: fired} if fired > FEW_INTERRUPTS + INTERRUPTS_A_FRAME * moved else {}


def _chunks(frames: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(frames), CHUNK):
        yield frames[start : start + CHUNK]
