# SPDX-License-Identifier: GPL-2.0-or-later
"""Each sentence of the seed documents, as calls on a live device: the verdict is the one of tests/seeds.py."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from nicrig.session.rig import Rig
from nicrig.verdict.exchange import exchange
from nicrig.verdict.live import live_verdict
from nicrig.verifier.functions import Detail
from nicrig.verifier.records import MiniportInitialize
from nicrig.verifier.verifier import Verifier
from tests.seeds import SENTENCES, Driver, Life, Verdict
from tests.system.conftest import every_kind, udp_frames
from tests.system.test_ndis import kernel_complaints

pytestmark = [pytest.mark.system, pytest.mark.anyio]

RECORD = f"recorder={int(Detail.FRAMES)}"
FRAMES = udp_frames([60 + number * 7 % 1455 for number in range(400)])


def found(verifier: Verifier) -> Verdict:
    return frozenset(f"{each.rule} {each.severity.value}" for each in verifier.violations)


def expected(kind: type[Life] | type[Driver]) -> list[tuple[Life | Driver, Verdict]]:
    """What each life, or each driver, must get."""
    chosen = [each for each in SENTENCES if isinstance(each.live, kind)]
    return [
        (each.live, each.verdict if each.live_verdict is None else each.live_verdict) for each in chosen if each.live
    ]


async def test_the_lives_of_the_sentences_get_their_verdicts(rig: Rig) -> None:
    recorder, before = rig.card.recorder(), len(rig.paths.serial_log.read_text(errors="replace"))
    recorder.skip()
    await rig.guest.run(["modprobe", "nicrig_selftest", "seeds=1"], deadline=60)
    await rig.guest.run(["rmmod", "nicrig_selftest"])
    # The layer warns of what some sentences forbid; the next tests on this machine look for warnings of their own.
    await rig.guest.run(["dmesg", "-c"])
    log = rig.paths.serial_log.read_text(errors="replace")[before:]
    assert re.findall(r"nicrig_selftest: FAILED .*", log) == []
    names = re.findall(r"nicrig_selftest: ok ([^:]+): test_halt: KeGetCurrentIrql", log)
    calls = [event for batch in recorder.read(to_end=True) for event in recorder.events(batch.records)]
    starts = [place for place, event in enumerate(calls) if isinstance(event, MiniportInitialize)]
    verdicts: dict[str, Verdict] = {}
    for name, (start, end) in zip(names, pairwise([*starts, len(calls)]), strict=True):
        guests = [event for event in calls[start:end] if event.sequence and not event.function.startswith("card.")]
        verifier = Verifier(Detail.FRAMES, first=guests[0].sequence)
        verifier.feed(guests)
        verdicts[name] = found(verifier)
    wanted = {each.name: verdict for each, verdict in expected(Life) if isinstance(each, Life)}
    assert {name: verdicts[name] for name in wanted} == wanted


async def verdict_on(rig: Rig, driver: Driver) -> Verdict:
    """Load the driver with its parameters, send frames round, and unload it."""
    async with live_verdict(rig, Detail.FRAMES, from_now=True) as live:
        interface = await rig.guest.load_driver(RECORD, *driver.parameters)
        await interface.up()
        await interface.start_echo()
        echoed = await exchange(rig.card.wire, FRAMES, quiet=rig.deadlines.quiet * rig.deadlines.scale)
        await rig.guest.unload_driver()
    assert echoed == FRAMES, driver
    assert live.verifier.verdict.lost == 0
    return found(live.verifier)


@every_kind
async def test_the_drivers_of_the_sentences_get_their_verdicts(rig: Rig) -> None:
    wanted = {each: verdict for each, verdict in expected(Driver) if isinstance(each, Driver)}
    chosen = {each: verdict for each, verdict in wanted.items() if each.kind == rig.options.kind}
    assert {each: await verdict_on(rig, each) for each in chosen} == chosen
    assert await kernel_complaints(rig) == ""
