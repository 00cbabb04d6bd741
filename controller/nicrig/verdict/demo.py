# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job: boot a guest, have its stack echo mixed frames, judge every byte. Ends with a verdict in any case."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
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
from nicrig.machine.guest_interface import Interface
from nicrig.provision import provide
from nicrig.rundir.paths import RigPaths
from nicrig.session.options import Options
from nicrig.session.rig import Rig, attach_rig, open_rig
from nicrig.traffic import generator
from nicrig.verdict.echo_run import EchoRun
from nicrig.verdict.guest_trouble import GUEST_CRASHED, GUEST_HUNG, LOAD_FAILED, Console
from nicrig.verdict.live import LiveVerdict, live_verdict
from nicrig.verdict.outcome import EchoOutcome, firsts
from nicrig.verdict.run_verdict import findings, unseen
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig_interface.answers import LedgerState, TimingState

Report = Callable[[str], None]


async def run_demo(
    options: Options,
    *,
    count: int,
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
    the frames meets an unkind card, whose moments are drawn from `seed` too. A guest that hangs or panics and a driver
    that does not come up end the run early: the outcome has what is known. An error of which nothing is known but the
    error is raised.
    """
    demo = Demo(options, report, save, fail_on)
    try:
        async with await demo.rig() if paths is None else attach_rig(paths, options) as rig:
            await demo.run(rig, count=count, seed=seed, timing=timing)
    except ParameterError:
        raise
    except RigError as error:
        if not demo.has_evidence:
            raise
        return demo.outcome(error)
    return demo.outcome()


class Demo:
    """One run. All that it finds out stays here, so that a run that ends early has a verdict too."""

    def __init__(self, options: Options, report: Report, save: Path | None = None, fail_on: Severity = FAIL_ON) -> None:
        self._options = options
        self._report = report
        self._save = save
        self._fail_on = fail_on
        self._clock = Stages()
        self._loading = True
        self._accelerator = ""
        self._live: LiveVerdict | None = None
        self._echo: EchoRun | None = None
        self._console = Console()
        self._ledger: dict[str, int] = {}
        self._blind: str | None = None
        self._timings: list[str] = []
        """The card's timings, in the order in which frames met them."""

    async def rig(self) -> AbstractAsyncContextManager[Rig]:
        """The rig to start."""
        provision = await provide(self._report)
        self._clock.stage("setup")
        self._report("starting the card and booting the guest")
        return open_rig(provision, self._options)

    async def run(self, rig: Rig, *, count: int, seed: int, timing: str | None = None) -> None:
        """Load a fresh driver, run `count` frames drawn from `seed`, and unload it."""
        injected = generator.mixed(count, seed=seed)
        self._options, self._accelerator = rig.options, rig.machine.accelerator.name
        loaded = await guest_driver.loaded(rig.guest)
        if loaded:
            await rig.guest.unload_driver()
        with self._console.following(rig.paths.serial_log):
            async with (
                self._timed(rig, timing or self._options.timing),
                live_verdict(rig, self._options.recorded, self._save, fail_on=self._fail_on) as self._live,
                self._driver(rig) as interface,
            ):
                self._report(f"injecting {count} frames (seed {seed})")
                self._echo = EchoRun(rig, interface, self._live)
                half_way = None if timing else partial(self._set_timing, rig, f"unkind:{abs(seed)}")
                await self._echo.run(injected, half_way)
            # After the driver's last reset nothing is under way: the ledger's findings are complete.
            self._ledger = findings(await rig.card.counters())
            if judges_dma(self._options):
                self._blind = (await rig.card.monitor.ask("query-ledger", LedgerState)).blind
        self._clock.stage("traffic")
        if loaded:
            await rig.guest.bring_up()

    @asynccontextmanager
    async def _timed(self, rig: Rig, timing: str) -> AsyncIterator[None]:
        """In this block the card begins with `timing`; after it, it has the rig's own again if it still answers."""
        await self._set_timing(rig, timing)
        try:
            yield
        finally:
            with suppress(RigError):
                await rig.card.monitor.execute("set-timing", {"timing": self._options.timing})

    async def _set_timing(self, rig: Rig, timing: str) -> None:
        await rig.card.monitor.execute("set-timing", {"timing": timing})
        now = (await rig.card.monitor.ask("query-timing", TimingState)).timing
        if now not in self._timings:
            self._timings.append(now)

    @asynccontextmanager
    async def _driver(self, rig: Rig) -> AsyncIterator[Interface]:
        """In this block a fresh driver is up, and the guest's stack echoes."""
        with rig.machine.limit(rig.deadlines.driver, "the driver to load and to come up"):
            interface = await rig.guest.load_driver()
            await interface.up()
            await interface.start_echo()
        self._loading = False
        self._clock.stage("boot")
        yield interface
        with rig.machine.limit(rig.deadlines.driver, "the driver to unload"):
            await rig.guest.unload_driver()

    @property
    def has_evidence(self) -> bool:
        """Whether anything is known of the driver or of frames."""
        return bool(self._live and self._live.verifier.verdict.calls) or bool(self._echo and self._echo.injected)

    def outcome(self, ended: RigError | None = None) -> EchoOutcome:
        """The verdict over all that is known; `ended` is why the run ended early."""
        assert self._live is not None
        rules = self._live.verifier
        judged = self._echo.verdict() if self._echo else EchoRun.nothing()
        refused = {**judged.violations, **self._ledger, **rules.verdict.broken, **self._trouble(ended)}
        why = unseen(rules.verdict, self._options.recorded)
        if ended:
            why = "; ".join(filter(None, ["the run ended early", why]))
        return EchoOutcome(
            replace(judged, violations=refused, unseen=why),
            self._options.kind,
            self._accelerator,
            self._clock.seconds,
            firsts(rules.violations),
            bool(self._options.recorded),
            self._blind or None,
            rules.verdict.minor,
            self._console.lines(),
            ended,
            self._timings,
        )

    def _trouble(self, ended: RigError | None) -> dict[str, int]:
        """What the guest suffered, by name."""
        ending = how_it_ended(ended, loading=self._loading) if ended else None
        return self._console.counts() | ({ending: 1} if ending else {})


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
