# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m tests.soak --seconds 600`: rigs side by side, each in a place of its own, and the fuzzers beside them."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from random import Random

import trio

from nicrig.errors import leaves
from nicrig.process.signals import TerminationError, stop_on_sigterm
from nicrig.provision import Provision, provide
from nicrig.session.options import Options
from nicrig_interface.vocabulary import CardKind, InterruptMode, LedgerPolicy
from tests.soak.commands import commands
from tests.soak.diary import Clock, Diary
from tests.soak.fuzzers import fuzz
from tests.soak.many_cards import many_cards
from tests.soak.own_rig import blows

KINDS: tuple[CardKind, ...] = ("bus-master", "subordinate", "non-dma")
MODES: tuple[InterruptMode, ...] = ("msix", "msi")
POLICIES: tuple[LedgerPolicy, ...] = ("off", "report", "enforce")
MEMORY = (192, 256, 512, 1024, 2048, 4096, 8192)
"""MiB of a guest. Only the first rig may have more than SHARED, so that all fit into a machine of 16 GiB."""
SHARED = 2048
CARDS = 8
"""The most cards on one machine."""
PARTS = ("blows", "commands", "cards", "fuzzers")


def options_of(draw: Random, most: int) -> Options:
    """The options of a random rig whose guest has at most so many MiB."""
    kind, mode, policy = draw.choice(KINDS), draw.choice(MODES), draw.choice(POLICIES)
    memory = draw.choice([each for each in MEMORY if each <= most])
    return Options(kind=kind, interrupts=mode, ledger=policy, memory=memory, cpus=draw.choice([1, 2]))


async def place(provision: Provision, diary: Diary, most: int, parts: Sequence[str]) -> None:
    """One rig after the other, until the time is over."""
    while not diary.clock.over:
        options = options_of(diary.draw, most)
        part = diary.draw.choice(parts)
        if part == "blows":
            await blows(provision, options, diary)
        elif part == "commands":
            await commands(options, diary)
        else:
            await many_cards(provision, replace(options, interrupts="msix"), diary, diary.draw.randint(2, CARDS))


async def watched(diary: Diary, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work. When something is found, print it with the actions that led to it."""
    try:
        await work()
    except trio.Cancelled:
        raise
    except BaseException as error:
        found = [each for each in leaves(error) if not isinstance(each, trio.Cancelled)]
        if found:
            print(f"FOUND at {diary.name}:", *(f"{type(each).__name__}: {each}" for each in found), sep="\n  ")
            print("the last actions there:", diary.last(), sep="\n", flush=True)
        raise


async def soak(given: argparse.Namespace, counts: Counter[str]) -> None:
    """All places side by side."""
    provision, clock = await provide(print), Clock(given.seconds)
    rigs = [part for part in given.parts if part != "fuzzers"]

    def diary(name: str) -> Diary:
        return Diary(name, Random(f"{given.seed} {name}"), clock, counts, aloud=not given.quiet)

    async with trio.open_nursery() as nursery:
        for number in range(given.rigs if rigs else 0):
            here = diary(f"rig {number}")
            most = MEMORY[-1] if number == 0 else SHARED
            nursery.start_soon(watched, here, partial(place, provision, here, most, rigs))
        if "fuzzers" in given.parts:
            here = diary("fuzzers")
            nursery.start_soon(watched, here, partial(fuzz, here))


def main() -> int:
    """Exit code 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="after this time no rig begins another action")
    parser.add_argument("--seed", type=int, default=Random().getrandbits(32), help="decides all that chance decides")
    parser.add_argument("--rigs", type=int, default=4, help="how many rigs run at once")
    parser.add_argument("--parts", choices=PARTS, nargs="+", default=PARTS, help="only these parts")
    parser.add_argument("--quiet", action="store_true", help="do not print each action")
    given, counts = parser.parse_args(), Counter[str]()
    print(f"soak: {given.seconds:.0f} s, seed {given.seed}", flush=True)
    try:
        trio.run(stop_on_sigterm, partial(soak, given, counts))
    except BaseException as error:
        if any(isinstance(each, KeyboardInterrupt | TerminationError) for each in leaves(error)):
            print("soak: interrupted")
            return 130
        traceback.print_exception(error)
        again = f"python -m tests.soak --seconds {given.seconds:.0f} --seed {given.seed}"
        print(f"soak: repeat it, as far as time allows: {again}")
        return 1
    print("soak: nothing found in", ", ".join(f"{count} x {name}" for name, count in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
