# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs mutants: a machine for each kind of card, a fresh driver for each mutant, frames until it is caught."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from controller import verdict
from controller.card import Kind
from controller.demo import exchange
from controller.errors import DeadlineError, GuestCommandError, PartDeathError, RigError
from controller.interface import DRIVER, ECHO, FIND
from controller.mutants.matrix import GUEST_CRASHED, GUEST_HUNG, LOAD_FAILED, Mutant
from controller.provision import Provision
from controller.rig import Options, Rig, open_rig
from controller.verifier.functions import Detail
from controller.watch import Watch

BITE = 32
"""Frames between two looks: fewer than the driver posts."""
SILENT_BITES = 2
"""After so many bites in a row without any echo there will be none."""
RINGS = ("rx_ring_size=64", "tx_ring_size=64")
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
class Result:
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

    result: Result

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._recorder = rig.recorder()

    async def run(self, mutant: Mutant | None, frames: Sequence[bytes]) -> None:
        """Load, inject until what is expected is seen, unload. `result` is kept up to date, whatever ends this."""
        self.result = Result(mutant)
        watch = Watch(self._recorder, Detail.FRAMES)
        try:
            if await self._load(mutant):
                await self._inject(watch, frames)
            else:
                self.result.reports[LOAD_FAILED] = 1
            await self._unload()
        finally:
            await watch.finish()
            self.result.reports.update(watch.verifier.verdict.counts)

    async def _load(self, mutant: Mutant | None) -> bool:
        parameters = [f"recorder={int(Detail.FRAMES)}", *RINGS, *([f"mutate={mutant.name}"] if mutant else [])]
        ended = await self._rig.guest.run(["sh", "-ec", _LOAD, "load", *parameters], check=False)
        if ended.code not in (0, _NO_INTERFACE):
            raise RigError(f"the driver was not set up with {' '.join(parameters)}: {ended.stderr.strip()}")
        return ended.code == 0

    async def _inject(self, watch: Watch, frames: Sequence[bytes]) -> None:
        """The verdict is over all frames so far: what comes late is not lost."""
        rig, quiet = self._rig, QUIET * self._rig.deadlines.scale
        before, echoed, silent = await rig.counters(), list[bytes](), 0
        for start in range(0, len(frames), BITE):
            came = await exchange(rig.wire, frames[start : start + BITE], quiet=quiet)
            echoed, silent = echoed + came, 0 if came else silent + 1
            self.result.frames = min(start + BITE, len(frames))
            await watch.catch_up()
            grown = {name: value - before[name] for name, value in (await rig.counters()).items()}
            judged = verdict.judge(frames[: self.result.frames], echoed, cpu=0, counters=grown)
            self.result.reports = Counter({name: getattr(judged, name) for name in verdict.KINDS})
            self.result.reports.update(judged.violations)
            broken = watch.verifier.verdict.counts
            if silent == SILENT_BITES or self.result.caught or any(map(broken.get, self._expected)):
                return

    @property
    def _expected(self) -> Sequence[str]:
        return self.result.mutant.expected if self.result.mutant else ()

    async def _unload(self) -> None:
        ended = await self._rig.guest.run(["sh", "-ec", _UNLOAD], deadline=UNLOAD)
        self.result.mutated = int(ended.stdout)


async def run_kind(
    provision: Provision,
    kind: Kind,
    mutants: Iterable[Mutant],
    frames: Sequence[bytes],
    tell: Callable[[Result], None],
) -> None:
    """A clean run, each mutant, and a clean run again. A machine that a mutant brings down is replaced."""
    waiting: deque[Mutant | None] = deque([None, *mutants, None])
    while waiting:
        bench = None
        try:
            async with open_rig(provision, Options(kind=kind, detail=Detail.FRAMES)) as rig:
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
