# SPDX-License-Identifier: GPL-2.0-or-later
"""The job of `nicrig mutants`: kind by kind."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from controller import frames
from controller.card import Kind
from controller.mutants.matrix import KINDS, Mutant
from controller.mutants.report import Outcome
from controller.mutants.runner import Result, machine, run_all
from controller.provision import provide
from controller.rig import open_rig

SEED = 1


async def run_mutants(mutants: Sequence[Mutant], *, count: int, report: Callable[[str], None]) -> Outcome:
    """Run the live ones of these mutants, with at most `count` frames each."""
    begun = time.monotonic()
    outcome = Outcome([each for each in mutants if not each.live])
    provision = await provide(report)
    injected = frames.mixed(count, seed=SEED)
    for each in KINDS:
        live = [mutant for mutant in mutants if mutant.live and mutant.kind == each]
        if not live:
            continue

        def tell(result: Result, kind: Kind = each) -> None:
            if result.mutant is None:
                outcome.clean.append((kind, result))
            else:
                outcome.results.append(result)
                report(f"{result.mutant}: {' '.join(result.caught) or 'SURVIVED'}")

        await run_all(partial(open_rig, provision, machine(each)), live, injected, tell)
    outcome.seconds = time.monotonic() - begun
    return outcome
