# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `nicrig mutants`, kind by kind."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from nicrig.mutants.matrix import KINDS, Mutant
from nicrig.mutants.outcome import MutantsOutcome
from nicrig.mutants.runner import MutantResult, machine, run_all
from nicrig.provision import provide
from nicrig.session.rig import open_rig
from nicrig.traffic import generator
from nicrig_interface.vocabulary import CardKind

SEED = 1


async def run_mutants(mutants: Sequence[Mutant], *, count: int, report: Callable[[str], None]) -> MutantsOutcome:
    """Run those of the mutants that are live, with at most `count` frames each."""
    begun = time.monotonic()
    outcome = MutantsOutcome([each for each in mutants if not each.live])
    provision = await provide(report)
    injected = generator.mixed(count, seed=SEED)
    for each in KINDS:
        live = [mutant for mutant in mutants if mutant.live and mutant.kind == each]
        if not live:
            continue

        def tell(result: MutantResult, kind: CardKind = each) -> None:
            if result.mutant is None:
                outcome.clean.append((kind, result))
            else:
                outcome.results.append(result)
                report(f"{result.mutant}: {' '.join(result.caught) or 'SURVIVED'}")

        await run_all(partial(open_rig, provision, machine(each)), live, injected, tell)
    outcome.seconds = time.monotonic() - begun
    return outcome
