# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs mutants on real QEMU: each operator and each expected report once. `nicrig mutants` runs the whole matrix."""

from __future__ import annotations

from functools import partial
from itertools import chain, zip_longest

import pytest

from nicrig.errors import GuestCommandError
from nicrig.mutants.matrix import KINDS, MATRIX, Mutant
from nicrig.mutants.runner import MutantResult, machine, run_all
from nicrig.provision import Provision
from nicrig.session.rig import Rig, open_rig
from nicrig.traffic.generator import mixed
from nicrig_interface.vocabulary import CardKind
from tests.guest_driver.mutables import operators

pytestmark = [pytest.mark.system, pytest.mark.anyio]

FRAMES = 200
BRINGS_THE_MACHINE_DOWN = ("MiniportReturnPacket", "MiniportSendPackets:repeat")


def operator(mutant: Mutant) -> str:
    return mutant.name.split(":")[1].rstrip("0123456789")


def samples() -> list[Mutant]:
    """One mutant for each operator and each first expected report, taken from the kinds in turn."""
    live = [each for each in MATRIX if each.live and not each.name.startswith(BRINGS_THE_MACHINE_DOWN)]
    by_kind = [[mutant for mutant in live if mutant.kind == kind] for kind in KINDS]
    found: dict[str, Mutant] = {}
    for mutant in filter(None, chain.from_iterable(zip_longest(*by_kind))):
        found.setdefault(operator(mutant), mutant)
        found.setdefault(mutant.expected[0], mutant)
    return list(dict.fromkeys(found.values()))


def test_the_samples_have_every_operator_and_every_kind() -> None:
    assert {operator(mutant) for mutant in samples()} == set(operators())
    assert {mutant.kind for mutant in samples()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
async def test_mutants_are_caught_and_clean_drivers_are_not(provision: Provision, kind: CardKind) -> None:
    mutants, results = [mutant for mutant in samples() if mutant.kind == kind], list[MutantResult]()
    await run_all(partial(open_rig, provision, machine(kind)), mutants, mixed(FRAMES, seed=1), results.append)
    clean = [result for result in results if result.mutant is None]
    assert [(result.frames, +result.reports) for result in clean] == [(FRAMES, {})] * 2
    survivors = [(str(result.mutant), result) for result in results if result.mutant and not result.killed]
    assert survivors == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
async def test_the_mutants_of_the_other_ways_are_caught(provision: Provision, kind: CardKind) -> None:
    mutants = [each for each in MATRIX if each.live and each.kind == kind and each.parameters]
    results = list[MutantResult]()
    await run_all(partial(open_rig, provision, machine(kind)), mutants, mixed(FRAMES, seed=1), results.append)
    assert [str(each.mutant) for each in results if each.mutant and not each.killed] == []


@pytest.mark.parametrize(
    "value",
    [
        "NdisFlushBuffer",
        "NdisNoSuch:skip",
        "NdisFlushBuffer:nosuch",
        "NdisFlushBuffer:early",
        "NdisFlushBuffer:plus1",
        "NdisFlushBuffer:not",
        "NdisFlushBuffer:not9",
        "NdisFlushBuffer:skip:2/1",
        "NdisFlushBuffer:skip:1/0",
        "NdisFlushBuffer:skip:1/2:seed",
        "MiniportHalt:skip",
    ],
)
async def test_an_invalid_mutation_is_a_one_line_error(rig: Rig, value: str) -> None:
    await rig.guest.run(["dmesg", "-c"])
    with pytest.raises(GuestCommandError):
        await rig.guest.load_driver(f"mutate={value}")
    log = (await rig.guest.run(["dmesg"])).stdout.splitlines()
    # modprobe tries to load the module twice.
    (line,) = {line.partition("] ")[2] for line in log if "mutate=" in line}
    assert line.startswith(f"nicrig: mutate={value} is not FUNCTION:OPERATOR")


UNBIND = """
for device in /sys/bus/pci/drivers/nicrig/0*; do
    echo "${device##*/}" > /sys/bus/pci/drivers/nicrig/unbind
done
cat /sys/module/nicrig/parameters/mutated
"""


async def test_the_seed_decides_which_calls_are_mutated(rig: Rig) -> None:
    counts = []
    for seed in (1, 1, 2):
        await rig.guest.load_driver(f"mutate=NdisFreePacket:raise:1/2:{seed}")
        counts.append(int((await rig.guest.run(["sh", "-ec", UNBIND])).stdout))
        await rig.guest.unload_driver()
    assert counts[0] == counts[1] != counts[2]
    assert all(400 < count < 624 for count in counts)
