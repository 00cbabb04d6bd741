# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs mutants: a machine for each kind of card, a fresh driver for each mutant, frames until it is caught."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import trio

from nicrig.card.process import CardKind
from nicrig.errors import DeadlineError, GuestCommandError, PartDeathError, RigError
from nicrig.machine.guest_interface import DRIVER, ECHO, FIND
from nicrig.mutants.matrix import GUEST_CRASHED, GUEST_HUNG, LOAD_FAILED, Mutant
from nicrig.session.options import Options
from nicrig.session.rig import Rig
from nicrig.verdict.echo_run import exchange
from nicrig.verdict.live import LiveVerdict
from nicrig.verdict.run_verdict import violations
from nicrig.verifier.functions import Detail

BITE = 32
"""Frames between two looks: fewer than the driver posts."""
SILENT_BITES = 2
"""After so many bites in a row without any echo there will be none."""
SILENCE = 0.01
"""Seconds, before scaling, without a frame after which an unloaded driver's wire is empty."""
TRIAL = 128
"""Frames after which more are injected only if these have made calls that are mutated."""
PARAMETERS = ("rx_ring_size=64", "tx_ring_size=64", "noncoherent=64:1")
"""Small, so that a driver is loaded fast, and indices wrap within the frames of one run."""
QUIET = 0.1
"""Seconds without any echo, before scaling, after which what is under way counts as lost."""
UNLOAD = 1.0
"""Seconds, before scaling, that an unload may take."""

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


@dataclass
class MutantResult:
    """What one run of a driver showed: every report with its count, and how many frames were injected by its end.

    `mutated` is how many calls were changed; None where nobody could ask: the driver was not loaded any more.
    """

    mutant: Mutant | None
    frames: int = 0
    reports: Counter[str] = field(default_factory=Counter)
    mutated: int | None = None

    @property
    def caught(self) -> list[str]:
        """The expected ones among the reports; without a mutant none is."""
        return [name for name in self.mutant.expected if self.reports[name]] if self.mutant else []

    @property
    def killed(self) -> bool:
        """Caught for a reason that was expected."""
        return bool(self.caught) and self.mutated != 0


class Bench:
    """A running rig, and what became of the driver that it ran last."""

    result: MutantResult

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._recorder = rig.card.recorder()

    async def run(self, mutant: Mutant | None, frames: Sequence[bytes]) -> None:
        """Load, inject until what is expected is seen, unload. `result` is kept up to date, whatever ends this."""
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
        """What has been reported by now."""
        for name, count in watch.verifier.verdict.counts.items():
            self.result.reports[name] = count
        for word, times in watch.witnesses.counts.items():
            self.result.reports[word] = times

    async def _load(self, mutant: Mutant | None) -> bool:
        parameters = [f"recorder={int(Detail.BYTES)}", *PARAMETERS, *([f"mutate={mutant.name}"] if mutant else [])]
        ended = await self._rig.guest.run(["sh", "-ec", _LOAD, "load", *parameters], check=False)
        if ended.code not in (0, _NO_INTERFACE):
            raise RigError(f"the driver was not set up with {' '.join(parameters)}: {ended.stderr.strip()}")
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
        return int((await self._rig.guest.run(["cat", f"/sys/module/{DRIVER}/parameters/mutated"])).stdout)

    async def _drain(self) -> None:
        """What this driver sent too much of is not the next one's."""
        while True:
            with trio.move_on_after(SILENCE * self._rig.deadlines.scale) as silence:
                await self._rig.card.wire.receive()
            if silence.cancelled_caught:
                return

    async def _unload(self) -> None:
        ended = await self._rig.guest.run(["sh", "-ec", _UNLOAD], deadline=UNLOAD)
        self.result.mutated = int(ended.stdout)


def machine(kind: CardKind) -> Options:
    """What the mutants of this kind run in."""
    return Options(kind=kind, detail=Detail.BYTES, ledger="report")


async def run_all(
    open_rig: Callable[[], AbstractAsyncContextManager[Rig]],
    mutants: Iterable[Mutant],
    frames: Sequence[bytes],
    tell: Callable[[MutantResult], None],
) -> None:
    """A clean run, each mutant, and a clean run again. A machine that a mutant brings down is replaced."""
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
