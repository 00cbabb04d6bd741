# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs mutants: a machine per kind of card, a fresh driver per mutant, and frames until the mutant is reported."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import trio

from nicrig.errors import DeadlineError, GuestCommandError, PartDeathError, RigError
from nicrig.machine.guest_agent import number
from nicrig.machine.guest_interface import DRIVER, ECHO, FIND
from nicrig.mutants.matrix import Mutant
from nicrig.session.options import Options
from nicrig.session.rig import Rig
from nicrig.text.printable import printable
from nicrig.verdict.exchange import exchange
from nicrig.verdict.guest_trouble import GUEST_CRASHED, GUEST_HUNG, LOAD_FAILED
from nicrig.verdict.live import LiveVerdict
from nicrig.verdict.run_verdict import violations
from nicrig.verifier.functions import Detail
from nicrig_interface.vocabulary import CardKind

BITE = 32
"""Frames between two checks of the reports: fewer than the driver posts buffers."""
SILENT_BITES = 2
"""So many bites in a row without any echo end the run."""
SILENCE = 0.01
"""Seconds without a frame, before scaling, after which the wire of an unloaded driver is empty."""
TRIAL = 128
"""Frames to try first: without a mutated call in them, no more are injected."""
PARAMETERS = ("rx_ring_size=64", "tx_ring_size=64", "noncoherent=64:1")
"""Small rings, so that a driver loads fast and indices wrap within one run."""
QUIET = 0.1
"""Seconds without any echo, before scaling, after which the frames under way count as lost."""
UNLOAD = 1.0
"""Seconds that an unload may take, before scaling."""

_NO_INTERFACE = 3
_LOAD = f"""
modprobe {DRIVER} "$@"
net=$({FIND})
[ -n "$net" ] || exit {_NO_INTERFACE}
ip link set dev "$net" up
for look in 1 2 3 4 5; do
	read -r carrier < "/sys/class/net/$net/carrier" && [ "$carrier" = 1 ] && break
	sleep 0.01
done
{ECHO.replace("$0", "$net")}
"""
_UNLOAD = f"""
for device in /sys/bus/pci/drivers/{DRIVER}/0*; do
	[ ! -e "$device" ] || echo "${{device##*/}}" > /sys/bus/pci/drivers/{DRIVER}/unbind
done
cat /sys/module/{DRIVER}/parameters/mutated
rmmod {DRIVER}
"""


def _of(mutant: Mutant | None) -> tuple[str, ...]:
    """The driver's parameters for this mutant."""
    return (f"mutate={mutant.name}", *mutant.parameters) if mutant else ()


@dataclass
class MutantResult:
    """What one run of a driver showed: every report with its count, and how many frames were injected.

    `mutated` is how many calls were changed. It is None if the driver was not loaded any more, so nothing could count.
    """

    mutant: Mutant | None
    frames: int = 0
    reports: Counter[str] = field(default_factory=Counter)
    mutated: int | None = None

    @property
    def caught(self) -> list[str]:
        """The reports that were expected; none without a mutant."""
        return [name for name in self.mutant.expected if self.reports[name]] if self.mutant else []

    @property
    def killed(self) -> bool:
        """Whether an expected report came, and the mutation changed a call."""
        return bool(self.caught) and self.mutated != 0


class Bench:
    """A running rig, and the result of its last driver."""

    result: MutantResult

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._recorder = rig.card.recorder()

    async def run(self, mutant: Mutant | None, frames: Sequence[bytes]) -> None:
        """Load the driver, inject until an expected report comes, unload. `result` is current even if this raises."""
        self.result = MutantResult(mutant)
        watch, before = LiveVerdict(self._recorder, Detail.BYTES), await self._rig.card.counters()
        try:
            if await self._load(mutant):
                await self._inject(watch, frames)
            else:
                self.result.reports[LOAD_FAILED] = 1
            await self._unload()
            await self._drain()
            counters = await self._rig.card.counters()
            self.result.reports.update(violations({name: counters[name] - before[name] for name in before}))
        finally:
            await watch.finish()
            self._take(watch)

    def _take(self, watch: LiveVerdict) -> None:
        """Take over the reports so far."""
        for name, count in watch.verifier.verdict.counts.items():
            self.result.reports[name] = count
        for word, times in watch.witnesses.counts.items():
            self.result.reports[word] = times

    async def _load(self, mutant: Mutant | None) -> bool:
        parameters = [f"recorder={int(Detail.BYTES)}", *PARAMETERS, *_of(mutant)]
        ended = await self._rig.guest.run(["sh", "-ec", _LOAD, "load", *parameters], check=False)
        if ended.code not in (0, _NO_INTERFACE):
            raise RigError(f"the driver was not set up with {' '.join(parameters)}: {printable(ended.stderr.strip())}")
        return ended.code == 0

    async def _inject(self, watch: LiveVerdict, frames: Sequence[bytes]) -> None:
        silent, loaded = 0, await self._mutated()
        for start in range(0, len(frames), BITE):
            if start == TRIAL and self.result.mutant and await self._mutated() == loaded:
                return
            echoed = await self._bite(watch, frames[start : start + BITE])
            silent = 0 if echoed else silent + 1
            if silent == SILENT_BITES or self.result.caught:
                return

    async def _bite(self, watch: LiveVerdict, bite: Sequence[bytes]) -> list[bytes]:
        deadlines = self._rig.deadlines
        quiet = (QUIET if self.result.mutant else deadlines.quiet) * deadlines.scale
        self.result.frames += len(bite)
        await watch.begin(bite, quiet=quiet)
        echoed = await exchange(self._rig.card.wire, bite, quiet=quiet)
        await watch.settle(bite, echoed, quiet=quiet)
        self._take(watch)
        return echoed

    async def _mutated(self) -> int:
        said = (await self._rig.guest.run(["cat", f"/sys/module/{DRIVER}/parameters/mutated"])).stdout
        return number(said, "the count of mutated calls")

    async def _drain(self) -> None:
        """Read what this driver still sends, so that the next one is not blamed for it."""
        while True:
            with trio.move_on_after(SILENCE * self._rig.deadlines.scale) as silence:
                await self._rig.card.wire.receive()
            if silence.cancelled_caught:
                return

    async def _unload(self) -> None:
        ended = await self._rig.guest.run(["sh", "-ec", _UNLOAD], deadline=UNLOAD)
        self.result.mutated = number(ended.stdout, "the count of mutated calls")


def machine(kind: CardKind) -> Options:
    """The options of the rig in which the mutants of this kind run."""
    return Options(kind=kind, detail=Detail.BYTES, ledger="report")


async def run_all(
    open_rig: Callable[[], AbstractAsyncContextManager[Rig]],
    mutants: Iterable[Mutant],
    frames: Sequence[bytes],
    tell: Callable[[MutantResult], None],
) -> None:
    """Run a clean driver, each mutant, and a clean driver again. Replace a machine that a mutant brings down."""
    waiting: deque[Mutant | None] = deque([None, *mutants, None])
    while waiting:
        bench = None
        try:
            async with open_rig() as rig:
                bench = Bench(rig)
                while waiting:
                    await bench.run(waiting[0], frames)
                    waiting.popleft()
                    tell(bench.result)
        except (PartDeathError, DeadlineError, GuestCommandError) as error:
            if bench is None or waiting[0] is None:
                raise
            waiting.popleft()
            bench.result.reports[GUEST_HUNG if isinstance(error, DeadlineError) else GUEST_CRASHED] = 1
            tell(bench.result)
