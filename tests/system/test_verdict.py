# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that hangs or panics while frames run: the demo ends with the verdict on what is known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from nicrig.errors import DeadlineError, GuestPanicError, RigError
from nicrig.process.deadlines import Deadlines
from nicrig.process.polling import until
from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import OwnRig, open_rig
from nicrig.verdict.demo import Demo
from nicrig.verdict.guest_trouble import GUEST_CRASHED, GUEST_HUNG
from nicrig.verdict.legs import one_path
from nicrig.verifier.functions import Detail

pytestmark = [pytest.mark.system, pytest.mark.anyio]

OPTIONS = Options(detail=Detail.BYTES, parameters=("mutate=NdisFlushBuffer:skip:1/10",))
"""A driver of which something is known: it breaks R96."""
FRAMES = 50_000
SOME = 500


async def hang(rig: OwnRig) -> None:
    await rig.machine.monitor.execute("stop")


async def panic(rig: OwnRig) -> None:
    await rig.guest.start(["sh", "-c", "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger"])


@pytest.mark.parametrize(
    ("end", "error", "name"), [(hang, DeadlineError, GUEST_HUNG), (panic, GuestPanicError, GUEST_CRASHED)]
)
async def test_a_guest_that_ends_under_the_frames_leaves_the_verdict(
    provision: Provision,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[OwnRig], Awaitable[None]],
    error: type[RigError],
    name: str,
) -> None:
    async def end_it(rig: OwnRig) -> None:
        async def look() -> bool | None:
            return (await rig.card.counters())["tx_frames"] > SOME or None

        await until(look)
        # The waits need not be those of an emulated guest: it does not answer however long they are.
        monkeypatch.setattr(rig.machine, "deadlines", Deadlines())
        await end(rig)

    demo = Demo(OPTIONS, print)

    async def run() -> None:
        async with open_rig(provision, OPTIONS) as rig, trio.open_nursery() as nursery:
            # A guest that hangs does not answer however long the waits are.
            monkeypatch.setattr(rig.machine, "deadlines", Deadlines(driver=40, command=40, quiet=2, answer=2))
            nursery.start_soon(end_it, rig)
            await demo.run(rig, [one_path(FRAMES)])
            nursery.cancel_scope.cancel()

    with pytest.raises(error) as ended:
        await run()
    outcome = demo.outcome(ended.value)
    print("\n".join(outcome.lines()))
    judged = outcome.verdict
    assert judged.violations[name] == 1
    assert judged.violations["R96"] > SOME // 20
    assert SOME < judged.echoed <= judged.injected < FRAMES
    assert judged.counts == {}, "what was under way is not lost"
    assert judged.word == "incoherent"
    # A guest that stops in the middle of a record leaves that one incomplete, and what the card did after it unknown.
    assert outcome.lines()[-2].startswith("the run ended early")
