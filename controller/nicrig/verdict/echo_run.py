# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job: inject mixed frames, have the guest's stack echo each of them, and judge every byte."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import msgspec
import trio

from nicrig.machine import guest_driver
from nicrig.machine.guest_interface import Interface
from nicrig.provision import provide
from nicrig.recorder import recording
from nicrig.rundir.paths import RigPaths
from nicrig.session.options import Options
from nicrig.session.rig import Rig, attach_rig, open_rig
from nicrig.traffic import generator
from nicrig.verdict.live import LiveVerdict, live_verdict
from nicrig.verdict.run_verdict import RunVerdict, conclude, findings, unseen
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig.verifier.verdict import Violation, minor_line
from nicrig.witnesses import finding_text as witnessed
from nicrig.witnesses.judge import Witnesses
from nicrig_interface.vocabulary import CardKind

# Fewer than the driver posts: no frame then finds the ring empty, and a missing frame was lost, not refused.
WINDOW = 64
CHUNK = 4000
"""How many frames' records fit into the recorder's ring, with room to spare."""

NOT_RECORDED = (
    "the driver records nothing (recorder=0): the verdict rests on the frames on the wire and on the counters"
)

Report = Callable[[str], None]


@dataclass(frozen=True)
class EchoOutcome:
    """A verdict, with the kind of card, the accelerator, and how many seconds each stage took.

    `broken` is the first violation of each rule of the NDIS contract that the miniport broke, `minor` counts those
    that do not fail the run. `recorded` is whether the driver was to record its calls. `blind` is why the card's
    ledger judged nothing.
    """

    verdict: RunVerdict
    kind: CardKind
    accelerator: str
    seconds: dict[str, float]
    broken: Sequence[Violation] = ()
    recorded: bool = True
    blind: str | None = None
    minor: Mapping[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The text output. The line with the verdict comes last."""
        judged = self.verdict
        counts = " ".join(f"{name} {count}" for name, count in self.counts().items())
        lines = [line for finding in judged.findings for line in witnessed.report(finding)]
        lines += [line for violation in self.broken for line in violation_lines(violation)]
        lines += [f"violation {name}: {count}" for name, count in judged.violations.items()]
        if self.minor:
            lines.append(minor_line(self.minor))
        if judged.unseen:
            lines.append(judged.unseen)
        if not self.recorded:
            lines.append(NOT_RECORDED)
        if self.blind:
            lines.append(f"the ledger of granted memory was blind: {self.blind}")
        times = " ".join(f"{name} {value:.1f}s" for name, value in self.seconds.items())
        return [*lines, f"verdict: {judged.word}: frames {counts} ({self.kind}; {self.accelerator}; {times})"]

    def counts(self) -> dict[str, int]:
        """The five counts that are always shown, and the others that are not zero."""
        judged = self.verdict
        always = {"injected": judged.injected, "cpu": judged.cpu, "echoed": judged.echoed, "lost": 0, "corrupted": 0}
        return always | {str(word): count for word, count in judged.counts.items()}

    def json(self) -> str:
        """The same, as one JSON object on one line."""
        violations = [{"name": name, "count": count} for name, count in self.verdict.violations.items()]
        made = {
            "verdict": self.verdict.word,
            "unseen": self.verdict.unseen,
            "kind": self.kind,
            "accelerator": self.accelerator,
            "frames": self.counts(),
            "witnesses": [witnessed.to_json(finding) for finding in self.verdict.findings],
            "violations": violations,
            "minor": self.minor,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }
        return msgspec.json.encode(made).decode()


def violation_lines(violation: Violation) -> list[str]:
    """A broken rule, and below it the records that show it."""
    return [str(violation), *(f"  | {recording.text(event)}" for event in violation.evidence)]


async def run_demo(
    options: Options,
    *,
    count: int,
    seed: int,
    report: Report,
    save: Path | None = None,
    paths: RigPaths | None = None,
    fail_on: Severity = FAIL_ON,
) -> EchoOutcome:
    """Boot a guest, inject `count` frames drawn from `seed`, and judge the frames and the driver's calls.

    `report` gets a line for each stage; the recording goes to `save`. With `paths`, use the rig that runs there.
    Rules count from the severity `fail_on` on.
    """
    clock = Stages()
    injected = generator.mixed(count, seed=seed)
    async with await _rig(options, report, clock) if paths is None else attach_rig(paths, options) as rig:
        options = rig.options
        loaded = await guest_driver.loaded(rig.guest)
        if loaded:
            await rig.guest.unload_driver()
        detail = options.recorded
        async with live_verdict(rig, detail, save, fail_on=fail_on) as live:
            interface = await rig.guest.load_driver()
            await interface.up()
            await interface.start_echo()
            clock.stage("boot")
            report(f"injecting {count} frames (seed {seed})")
            judged = await echo_and_judge(rig, interface, injected, live)
            await rig.guest.unload_driver()
        # After the driver's last reset nothing is under way: the ledger's findings are complete.
        found, ledger = findings(await rig.card.counters()), await rig.card.monitor.execute("query-ledger")
        clock.stage("traffic")
        name = rig.machine.accelerator.name
        if loaded:
            await rig.guest.bring_up()
    rules = live.verifier
    refused = {**judged.violations, **found, **rules.verdict.broken}
    judged = replace(judged, violations=refused, unseen=unseen(rules.verdict, detail))
    first = {violation.rule: violation for violation in reversed(rules.violations)}
    broken, blind = tuple(first.values())[::-1], judges_dma(options) and ledger["blind"]
    minor = rules.verdict.minor
    return EchoOutcome(judged, options.kind, name, clock.seconds, broken, bool(detail), blind or None, minor)


async def _rig(options: Options, report: Report, clock: "Stages") -> AbstractAsyncContextManager[Rig]:
    provision = await provide(report)
    clock.stage("setup")
    report("starting the card and booting the guest")
    return open_rig(provision, options)


def judges_dma(options: Options) -> bool:
    """Whether the card does DMA and has a ledger that is on."""
    return options.ledger != "off" and options.kind != "non-dma"


async def echo_and_judge(
    rig: Rig, interface: Interface, injected: Sequence[bytes], live: LiveVerdict | None = None
) -> RunVerdict:
    """Inject the frames into a guest that echoes, and judge with the card's and the driver's counters.

    With `live`, the frames go in chunks whose records fit into the recorder's ring.
    """
    before, counters_before = await interface.received(), await rig.card.counters()
    quiet = rig.deadlines.quiet * rig.deadlines.scale
    witnesses = Witnesses() if live is None else live.witnesses
    witnesses.restart()
    echoes = 0
    for start in range(0, len(injected), CHUNK):
        chunk = injected[start : start + CHUNK]
        if live is not None:
            await live.begin(chunk, quiet=quiet)
        echoed = await exchange(rig.card.wire, chunk, quiet=quiet)
        if live is not None:
            await live.settle(chunk, echoed, quiet=quiet)
        else:
            witnesses.settle(chunk, echoed)
        echoes += len(echoed)
    after, counters = await interface.received(), await rig.card.counters()
    grown = {name: value - counters_before[name] for name, value in counters.items()}
    return conclude(witnesses, injected=len(injected), cpu=after - before, echoed=echoes, counters=grown)


class FramePort(Protocol):
    """Frames to the guest, and from the guest."""

    async def send(self, generator: Sequence[bytes]) -> None:
        """Put the frames on the wire."""

    async def receive(self) -> list[bytes]:
        """Wait for frames out of the guest; returns at least one."""


async def exchange(wire: FramePort, injected: Sequence[bytes], *, quiet: float, window: int = WINDOW) -> list[bytes]:
    """Send all frames, at most `window` of them ahead of the echo. Returns the echoed frames in order.

    After `quiet` seconds without an echo, frames under way count as lost, and the rest is sent.
    """
    echoed: list[bytes] = []
    sent = settled = 0
    silent = False
    while sent < len(injected) or settled < sent:
        batch = injected[sent : settled + window]
        if batch:
            await wire.send(batch)
            sent += len(batch)
        with trio.move_on_after(quiet) as silence:
            arrived = await wire.receive()
            echoed += arrived
            settled = min(sent, settled + len(arrived))
        if silence.cancelled_caught:
            settled, silent = sent, True
    # A frame that came twice was counted for one that is still to come. Wait for that, unless only repeats come.
    seen = set(echoed)
    while not silent and (known := len(seen)) < len(set(injected)):
        with trio.move_on_after(quiet) as silence:
            while len(seen) == known:
                arrived = await wire.receive()
                echoed += arrived
                seen.update(arrived)
        silent = silence.cancelled_caught
    return echoed


class Stages:
    """Measures how many seconds each named stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def stage(self, name: str) -> None:
        """The stage `name` ends now."""
        now = time.monotonic()
        self.seconds[name], self._last = now - self._last, now
