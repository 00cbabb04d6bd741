# SPDX-License-Identifier: GPL-2.0-or-later
"""One test on a rig: the driver loaded afresh, an address in the guest, and a live verdict over all that happens.

All of it runs in the rig's thread; a test reaches it through `nicrig.pytest_plugin.nic`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio
from scapy.packet import Packet

from nicrig.captures import pcapng
from nicrig.card.monitor import card_state
from nicrig.errors import UsageError
from nicrig.machine.guest_interface import Interface
from nicrig.pytest_plugin.expectations import Expectations
from nicrig.pytest_plugin.expected_packets import Addresses, Wanted
from nicrig.pytest_plugin.judgement import Judgement
from nicrig.pytest_plugin.rig_thread import UNLOAD, RigThread
from nicrig.pytest_plugin.traffic import Traffic
from nicrig.pytest_plugin.wanted import Wanted as WantedRig
from nicrig.recorder.reader import Recorder
from nicrig.rundir.logs import end_of, text_since
from nicrig.verdict.echo_run import CHUNK, drops
from nicrig.verdict.exchange import exchange
from nicrig.verdict.guest_trouble import Console
from nicrig.verdict.live import LiveVerdict
from nicrig.verdict.run_verdict import drops_of, unseen, violations
from nicrig.verifier.functions import Detail
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig.witnesses.words import DROPPED, Word
from nicrig_interface.answers import TimingState
from nicrig_interface.vocabulary import LedgerPolicy

UNLOAD_SECONDS = 10.0


class TestSession:
    """`start` comes first, then what the test does, then `finish`. Its files are in `folder`."""

    __test__ = False
    """Its name begins as a test's does, but pytest must not collect it."""

    interface: Interface | None = None
    addresses: Addresses
    live: LiveVerdict
    evidence: Recorder
    """A reader of its own: whatever happened, the recorder's last records are there."""
    card_runs = True
    plugged = True
    """Whether the card is in the machine."""

    def __init__(
        self, thread: RigThread, wanted: WantedRig, folder: Path, seed: str, fail_on: Severity = FAIL_ON
    ) -> None:
        self.thread = thread
        self.rig = thread.rig
        self.wanted = wanted
        self.folder = folder
        self.random = random.Random(seed)
        self._fail_on = fail_on
        self._recorded = Detail.OFF
        """The most that a driver of this test was to record."""
        self.judgement: Judgement | None = None
        """The last verdict that the test asked for."""
        self._scope = trio.CancelScope()
        self._unwatched: trio.Event | None = None
        """Set when nothing is recorded any more; None while nothing is recorded."""
        self._recordings: list[Path] = []
        self._log_starts = end_of(self.rig.paths.serial_log)
        self.traffic = Traffic(self.rig.card.wire)
        self._expectations = Expectations(self.traffic)

    @property
    def pcapng(self) -> Path:
        return self.folder / "frames.pcapng"

    def files(self) -> list[tuple[str, Path]]:
        """What the test leaves: one recording, and one more after each reboot and each restart of the card."""
        recordings = [(path.stem, path) for path in self._recordings]
        return [("frames", self.pcapng), *recordings, ("guest_log", self.folder / "guest.log")]

    def guest_log(self) -> str:
        """What the guest's kernel logged since the test began."""
        return text_since(self.rig.paths.serial_log, self._log_starts)

    def save(self) -> None:
        """Write the log and the frames; the recordings are written already."""
        (self.folder / "guest.log").write_text(self.guest_log())
        blocks = [pcapng.section(f"nicrig, {self.wanted.kind}"), pcapng.interface("wire", "the card's wire")]
        blocks += [pcapng.packet(0, frame.time, frame.data, frame.way) for frame in self.traffic.frames]
        self.pcapng.write_bytes(b"".join(blocks))

    # -- the test's frame --------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begin to record and to judge, and load a fresh driver."""
        self.thread.clean = False
        await self.watch()
        await self.load(*self.wanted.parameters)

    async def finish(self) -> None:
        """Undo what the test set on card and guest, so that the rig can serve the next test.

        A rig whose card is dead or unplugged stays as it is: it is not clean, and no other test gets it.
        """
        try:
            if self.card_runs and self.plugged:
                await self._unload()
                await self._reset_card(self.rig.options.ledger, self.rig.options.timing)
                self.thread.clean = True
        finally:
            await self.unwatch()

    async def watch(self) -> None:
        """Begin anew to record and to judge: verdict and counters are over what happens from now on."""
        self.evidence, recorder = self.rig.card.recorder(), self.rig.card.recorder()
        recorder.skip()
        line = replace(self.rig.options, parameters=self.wanted.parameters).cache_line
        number = len(self._recordings) + 1
        self._recordings.append(self.folder / ("recording.json" if number == 1 else f"recording_{number}.json"))
        self.live = LiveVerdict(recorder, Detail.BYTES, self._recordings[-1], line=line, fail_on=self._fail_on)
        self.traffic.begin(self.rig.card.wire)
        self._scope, self._unwatched = trio.CancelScope(), trio.Event()
        self.thread.start_soon(self._run)
        await self._reset_card(self.wanted.ledger, self.wanted.card_timing)
        self.live.witnesses.noise = (await self.rig.card.monitor.ask("query-timing", TimingState)).noise
        self._counters = await self.rig.card.counters()
        self._dropped: Counter[Word] = Counter()
        self._judged_from = end_of(self.rig.paths.serial_log)

    async def unwatch(self) -> None:
        """Record and judge nothing any more."""
        if self._unwatched is not None:
            self._scope.cancel()
            await self._unwatched.wait()
            self._unwatched = None
            await self.live.finish()

    async def _reset_card(self, ledger: LedgerPolicy, timing: str) -> None:
        await self.rig.card.monitor.execute("clear-faults")
        await self.rig.card.set_link(True)
        await self.rig.card.monitor.execute("set-ledger", {"policy": ledger})
        await self.rig.card.monitor.execute("set-timing", {"timing": timing})

    async def _run(self) -> None:
        ended = self._unwatched
        assert ended is not None
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.live.run)
                    nursery.start_soon(self.traffic.run)
        finally:
            ended.set()

    # -- the driver --------------------------------------------------------------------------------------
    async def load(self, *parameters: str) -> None:
        """Load the driver with these parameters of its module; a driver that is loaded is unloaded first."""
        await self._unload()
        # One driver that records is enough to expect records.
        self._recorded = max(self._recorded, replace(self.rig.options, parameters=parameters).recorded)
        await self.use(await self.rig.guest.load_driver(*parameters))

    async def use(self, interface: Interface) -> None:
        """Go on with this interface of the card: bring it up, with its address."""
        await interface.up()
        await interface.address()
        self.interface = interface
        mac = (await card_state(self.rig.card.monitor)).mac
        self.addresses = Addresses(mac)
        await self.live.begin((), quiet=self._quiet)

    async def unload(self) -> None:
        """Unload the driver, so that verdict() judges its end too."""
        await self._unload()

    async def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """What the card's monitor returns for this command. Raises RefusedError when it refuses."""
        return await self.rig.card.monitor.execute(command, arguments)

    async def _unload(self) -> None:
        self.interface = None
        await self.rig.guest.run(["sh", "-c", UNLOAD], deadline=UNLOAD_SECONDS)

    # -- frames ------------------------------------------------------------------------------------------
    async def inject(self, *packets: Packet | bytes) -> None:
        """Put packets on the wire to the guest, in order, as fast as the card takes them.

        Addresses that a packet leaves open are filled in: from the bench, to the card and the guest. The card drops
        frames for which the driver has posted no buffer, as any card does.
        """
        await self.traffic.send([self.addresses.frame(packet) for packet in packets])

    async def expect(self, wanted: Wanted, *, timeout: float = 1.0) -> Packet:
        """The first frame out of the guest that is as wanted, and that no expect() has returned yet.

        `wanted` is a layer, such as UDP; a packet, whose given fields must be equal; or the bytes of a frame.
        `timeout` is in seconds under KVM. Raises ExpectationError, which shows the frame that was most like it.
        """
        return await self._expectations.take(wanted, timeout * self.rig.deadlines.scale)

    async def expect_none(self, unwanted: Wanted, *, timeout: float = 0.1) -> None:
        """Returns after `timeout` (seconds under KVM) without such a frame. Raises ExpectationError when one comes."""
        await self._expectations.take_none(unwanted, timeout * self.rig.deadlines.scale)

    async def echo(self, packets: Sequence[Packet | bytes]) -> list[bytes]:
        """Have the guest's network stack send each frame back, byte for byte. Returns the frames that came, in order.

        At most 64 are under way at a time, so that none is lost. verdict() judges their whole way round.
        """
        if self.interface is None:
            raise UsageError("no driver is loaded to echo frames: call nic.load() first")
        await self.settle()
        await self.interface.start_echo()
        self.traffic.forget_read()
        sent = [self.addresses.frame(packet) for packet in packets]
        came: list[bytes] = []
        for start in range(0, len(sent), CHUNK):
            chunk = sent[start : start + CHUNK]
            await self.live.begin(chunk, quiet=self._quiet)
            echoed = await exchange(self.traffic, chunk, quiet=self._quiet)
            dropped = await self._drops()
            await self.live.settle(chunk, echoed, quiet=self._quiet, dropped=dropped)
            self._dropped += dropped
            came += echoed
        self.traffic.settle(len(sent), len(came))
        self._expectations.skip()
        await self.interface.stop_echo()
        await self.live.begin((), quiet=self._quiet)
        return came

    # -- the card ----------------------------------------------------------------------------------------
    async def set_link(self, up: bool) -> None:
        """Plug the cable in or out; returns when the guest has seen it."""
        await self.rig.card.set_link(up)
        if self.interface is not None:
            await self.interface.wait_carrier(up)

    async def counters(self) -> dict[str, int]:
        """By how much the card's counters have grown since the test began, by the datasheet's names."""
        now = await self.rig.card.counters()
        return {name: value - self._counters[name] for name, value in now.items()}

    # -- the verdict -------------------------------------------------------------------------------------
    async def verdict(self, *, expect_drops: bool = False) -> Judgement:
        """Wait until nothing is under way, and judge all that happened since the test began.

        With `expect_drops`, frames that the card dropped by contract are no fault.
        """
        await self.settle()
        witnesses, rules = self.live.witnesses, self.live.verifier
        grown = await self.counters()
        console = Console()
        console.read(text_since(self.rig.paths.serial_log, self._judged_from))
        self.judgement = Judgement(
            injected=len(self.traffic.data("in")),
            received=len(self.traffic.data("out")),
            faults={word: count for word, count in witnesses.counts.items() if word not in DROPPED},
            dropped=drops_of(witnesses.counts),
            drops_expected=expect_drops,
            violations=violations(grown) | console.counts(),
            broken=rules.verdict.broken,
            minor=rules.verdict.minor,
            unseen=rules.verdict.lost,
            unknown=unseen(rules.verdict, self._recorded),
            recorded=bool(self._recorded),
            findings=tuple(witnesses.findings.values()),
            evidence=rules.firsts,
            console=console.lines(),
        )
        return self.judgement

    async def settle(self) -> None:
        """Wait until nothing is under way, and judge the frames that ran."""
        self._dropped += await self.live.settle_wire(self.traffic, self._drops, quiet=self._quiet)

    async def _drops(self) -> Counter[Word]:
        """The frames that the card has dropped by contract, and that are not judged yet."""
        return drops(await self.counters()) - self._dropped

    @property
    def _quiet(self) -> float:
        return self.rig.deadlines.quiet * self.rig.deadlines.scale
