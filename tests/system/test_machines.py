# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean drivers are judged clean on machines of other sizes and kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import open_rig
from nicrig.verdict.demo import Demo
from nicrig.verdict.legs import one_path
from nicrig.verifier.functions import Detail
from nicrig_interface.vocabulary import CardKind
from tests.system.conftest import KINDS

pytestmark = [pytest.mark.system, pytest.mark.soak, pytest.mark.anyio]

FRAMES = 20_000
MACHINES = {
    "of four processors": Options(cpus=4),
    "of 192 MiB": Options(memory=192),
    "of 8 GiB": Options(memory=8192),
    "whose DMA is bounced": Options(kernel_arguments=("swiotlb=force",)),
    "that is a pc": Options(machine="pc"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("machine", MACHINES)
async def test_a_clean_driver_is_coherent_on_a_machine(provision: Provision, machine: str, kind: CardKind) -> None:
    options = replace(MACHINES[machine], kind=kind, detail=Detail.BYTES, ledger="report")
    outcome = await Demo(options, lambda _: None).on(open_rig(provision, options), [one_path(FRAMES)])
    assert outcome.verdict.coherent, outcome
