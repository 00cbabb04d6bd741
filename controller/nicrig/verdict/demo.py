# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job: boot a guest, have its stack echo mixed frames, judge every byte. Ends with a verdict in any case."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from nicrig.errors import (
    ConnectionLostError,
    DeadlineError,
    GuestCommandError,
    GuestPanicError,
    ParameterError,
    PartDeathError,
    RigError,
)
from nicrig.machine import guest_driver
from nicrig.machine.guest_agent import number
from nicrig.machine.guest_interface import Interface
from nicrig.provision import provide
from nicrig.rundir.paths import RigPaths
from nicrig.session.options import Options, last_parameter
from nicrig.session.rig import Rig, attach_rig, open_rig
from nicrig.verdict.echo_run import EchoRun
from nicrig.verdict.guest_trouble import GUEST_CRASHED, GUEST_HUNG, LOAD_FAILED, Console
from nicrig.verdict.leg_run import LegRun
from nicrig.verdict.legs import CACHES, LEGS, Leg, one_path
from nicrig.verdict.live import LiveVerdict, live_verdict
from nicrig.verdict.outcome import EchoOutcome, LegOutcome
from nicrig.verdict.run_verdict import RunVerdict, combine, unseen, violations
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig_interface.answers import LedgerState, TimingState

Report = Callable[[str], None]


async def run_demo(
    options: Options,
    *,
    count: int | None,
    seed: int,
    report: Report,
    save: Path | None = None,
    paths: RigPaths | None = None,
    fail_on: Severity = FAIL_ON,
    timing: str | None = None,
) -> EchoOutcome:
    """Boot a guest, inject `count` frames drawn from `seed`, and judge the frames and the driver's calls.

    `report` gets a line for each stage; the recording goes to `save`. With `paths`, use the rig that runs there.
    Rules count from the severity `fail_on` on. `timing` is the card's during the run; without it, the second half of
    the frames meets an unkind card, whose moments are drawn from `seed` too. `count` None is a thorough run: it takes
    all legs (legs.py), which say themselves how many frames they inject. A guest that hangs or panics and a driver
    that does not come up end the run early: the outcome has what is known. An error of which nothing is known but the
    error is raised.
    """
    demo = Demo(options, report, save, fail_on, seed=seed, timing=timing)
    rig = await demo.rig() if paths is None else attach_rig(paths, options)
    return await demo.on(rig, LEGS if count is None else [one_path(count)])


@dataclass
class Passed:
    """A leg that has begun, with what was found before it. It has its verdict when it is over."""

    leg: Leg
    before: Counter[str]
    began: float
    run: EchoRun | None = None
    judged: RunVerdict | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def verdict(self, after: Counter[str]) -> RunVerdict:
        """The verdict over it, when `after` is what was found until its end."""
        judged = self.judged or (self.run.verdict() if self.run else EchoRun.nothing())
        found = Counter({**judged.violations, **self.refused, **(after - self.before)})
        return replace(judged, violations=found - Counter(self.leg.excused))


class Demo:
    """One run. All that it finds out stays here, so that a run that ends early has a verdict too."""

    def __init__(
        self,
        options: Options,
        report: Report,
        save: Path | None = None,
        fail_on: Severity = FAIL_ON,
        *,
        seed: int = 1,
        timing: str | None = None,
    ) -> None:
        self._options = options
        self._report = report
        self._save = save
        self._fail_on = fail_on
        self._seed = seed
        self._timing = timing
        self._clock = Stages()
        self._loading = True
        self._accelerator = ""
        self._processors = 1
        self._live: LiveVerdict | None = None
        self._passed: list[Passed] = []
        self._console = Console()
        self._blind: str | None = None
        self._timings: list[str] = []
        """The card's timings, in the order in which frames met them."""

    async def rig(self) -> AbstractAsyncContextManager[Rig]:
        """The rig to start."""
        provision = await provide(self._report)
        self._clock.stage("setup")
        self._report("starting the card and booting the guest")
        return open_rig(provision, self._options)

    async def on(self, opened: AbstractAsyncContextManager[Rig], legs: Sequence[Leg]) -> EchoOutcome:
        """Run the legs that the rig's kind of card has, and judge them: see run_demo()."""
        try:
            async with opened as rig:
                await self.run(rig, [leg for leg in legs if rig.options.kind in leg.kinds])
        except ParameterError:
            raise
        except RigError as error:
            if not self.has_evidence:
                raise
            return self.outcome(error)
        return self.outcome()

    async def run(self, rig: Rig, legs: Sequence[Leg]) -> None:
        """Run the legs, each with a fresh driver. Afterwards the guest has a driver if it had one."""
        self._options, self._accelerator = rig.options, rig.machine.accelerator.name
        self._processors = number((await rig.guest.run(["nproc"])).stdout, "the count of processors")
        loaded = await guest_driver.loaded(rig.guest)
        if loaded:
            await rig.guest.unload_driver()
        async with live_verdict(rig, self._options.recorded, self._save, fail_on=self._fail_on) as self._live:
            for leg in legs:
                await self._run_leg(rig, leg, self._live)
        self._clock.stage("traffic")
        if loaded:
            await rig.guest.bring_up()

    async def _run_leg(self, rig: Rig, leg: Leg, live: LiveVerdict) -> None:
        self._report(f"injecting {leg.frames} frames (seed {self._seed}): {leg.name}")
        self._loading = True
        self._passed.append(Passed(leg, self._found(), time.monotonic()))
        passed = self._passed[-1]
        counters = await rig.card.counters()
        parameters = self._parameters(leg)
        options = replace(self._options, parameters=(*parameters, *self._options.parameters))
        live.witnesses.line = options.cache_line
        with self._console.following(rig.paths.serial_log):
            async with self._timed(rig), self._driver(rig, parameters) as interface:
                passed.run = EchoRun(rig, interface, live)
                await LegRun(rig, interface, passed.run, self._seed, partial(self._unkind, rig)).take(leg.steps)
            # After the driver's last reset nothing is under way: the ledger's findings are complete.
            now = await rig.card.counters()
            passed.refused = violations({name: value - counters[name] for name, value in now.items()})
            if judges_dma(self._options):
                self._blind = (await rig.card.monitor.ask("query-ledger", LedgerState)).blind
        await live.catch_up()
        passed.judged, passed.seconds = passed.run.verdict(), time.monotonic() - passed.began

    def _parameters(self, leg: Leg) -> list[str]:
        """The leg's parameters of the module, without those that the user sets, and without what this guest cannot."""
        mine = self._options.parameters
        fits = [each for each in leg.parameters if each != CACHES or self._processors == 1]
        return [each for each in fits if not last_parameter(mine, each.partition("=")[0])]

    @asynccontextmanager
    async def _timed(self, rig: Rig) -> AsyncIterator[None]:
        """In this block the card begins as the user wants it; after it, it has the rig's own timing again."""
        await self._set_timing(rig, self._timing or self._options.timing)
        try:
            yield
        finally:
            with suppress(RigError):
                await rig.card.monitor.execute("set-timing", {"timing": self._options.timing})

    async def _unkind(self, rig: Rig) -> None:
        if not self._timing:
            await self._set_timing(rig, f"unkind:{abs(self._seed)}")

    async def _set_timing(self, rig: Rig, timing: str) -> None:
        await rig.card.monitor.execute("set-timing", {"timing": timing})
        now = await rig.card.monitor.ask("query-timing", TimingState)
        if self._live:
            self._live.witnesses.noise = now.noise
        if now.timing not in self._timings:
            self._timings.append(now.timing)

    @asynccontextmanager
    async def _driver(self, rig: Rig, parameters: Sequence[str]) -> AsyncIterator[Interface]:
        """In this block a fresh driver is up, and the guest's stack echoes."""
        with rig.machine.limit(rig.deadlines.driver, "the driver to load and to come up"):
            interface = await rig.guest.load_driver(*parameters)
            await interface.up()
            await interface.start_echo()
        self._loading = False
        if "boot" not in self._clock.seconds:
            self._clock.stage("boot")
        yield interface
        with rig.machine.limit(rig.deadlines.driver, "the driver to unload"):
            await rig.guest.unload_driver()

    @property
    def has_evidence(self) -> bool:
        """Whether anything is known of the driver or of frames."""
        frames = any(passed.run and passed.run.injected for passed in self._passed)
        return frames or bool(self._live and self._live.verifier.verdict.calls)

    def outcome(self, ended: RigError | None = None) -> EchoOutcome:
        """The verdict over all that is known; `ended` is why the run ended early."""
        assert self._live is not None
        rules = self._live.verifier
        legs = list(self._legs())
        judged = combine([leg.verdict for leg in legs])
        ending = how_it_ended(ended, loading=self._loading) if ended else None
        why = unseen(rules.verdict, self._options.recorded)
        if ended:
            why = "; ".join(filter(None, ["the run ended early", why]))
        refused = {**judged.violations, **({ending: 1} if ending else {})}
        return EchoOutcome(
            replace(judged, violations=refused, unseen=why),
            self._options.kind,
            self._accelerator,
            self._clock.seconds,
            rules.firsts,
            bool(self._options.recorded),
            self._blind or None,
            rules.verdict.minor,
            self._console.lines(refused),
            ended,
            self._timings,
            legs if len(legs) > 1 else (),
        )

    def _legs(self) -> Iterator[LegOutcome]:
        ends = [passed.before for passed in self._passed[1:]] + [self._found()]
        for passed, end in zip(self._passed, ends, strict=True):
            yield LegOutcome(passed.leg.name, passed.verdict(end), passed.seconds)

    def _found(self) -> Counter[str]:
        """The rules that are broken so far, and what the guest has suffered, by name."""
        broken = self._live.verifier.verdict.broken if self._live else {}
        return Counter(broken) + Counter(self._console.counts())


def how_it_ended(error: RigError, *, loading: bool) -> str | None:
    """The name of what the error says about the driver, None if it says nothing: card or QEMU may have failed."""
    if isinstance(error, GuestPanicError):
        return GUEST_CRASHED
    if isinstance(error, PartDeathError | ConnectionLostError):
        return None
    if loading and isinstance(error, DeadlineError | GuestCommandError):
        return LOAD_FAILED
    return GUEST_HUNG if isinstance(error, DeadlineError) else None


def judges_dma(options: Options) -> bool:
    """Whether the card does DMA and has a ledger that is on."""
    return options.ledger != "off" and options.kind != "non-dma"


class Stages:
    """Measures how many seconds each named stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def stage(self, name: str) -> None:
        """The stage `name` ends now."""
        now = time.monotonic()
        self.seconds[name], self._last = now - self._last, now
