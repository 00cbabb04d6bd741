# SPDX-License-Identifier: GPL-2.0-or-later
"""A card in its MSI mode, unplugged and plugged again on a running machine, also after its process was killed."""

from __future__ import annotations

import pytest

from nicrig.errors import RigError
from nicrig.provision import Provision
from nicrig.session.options import Options
from nicrig.session.rig import OwnRig, open_rig
from tests.system.conftest import check_echo

pytestmark = [pytest.mark.system, pytest.mark.anyio]


async def test_five_rounds_of_hot_plug_the_last_two_after_a_crash(provision: Provision) -> None:
    async with open_rig(provision, Options(interrupts="msi")) as rig:
        interface = await rig.guest.load_driver()
        for round_number in range(5):
            await interface.up()
            await interface.start_echo()
            await check_echo(rig, interface, [60, 1514] * 100)
            if round_number >= 3:
                await rig.card.kill()
                await rig.machine.unplug()
                await rig.card.restart()
            else:
                await rig.machine.unplug()
            await rig.machine.plug()
            interface = await rig.guest.wait_interface()
        await interface.up()
        await interface.start_echo()
        await check_echo(rig, interface, [60, 1514] * 100)


async def test_unplugging_an_msix_card_is_refused_with_the_reason(rig: OwnRig) -> None:
    with pytest.raises(RigError, match="--interrupts msi"):
        await rig.machine.unplug()
