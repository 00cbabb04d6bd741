# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be wrong with a driver while no frame is under way."""

from nicrig.machine.guest_interface import Interface
from nicrig.session.rig import Rig
from nicrig.verdict.guest_trouble import TOO_MANY_INTERRUPTS, WRONG_ADDRESS, WRONG_STATISTICS
from nicrig_interface.answers import CardState

COUNTED = {"rx_indicated": "miniport_rx_ok", "tx_succeeded": "miniport_tx_ok"}
"""What NDIS counts, and what the miniport counts (OID_GEN_RCV_OK, OID_GEN_XMIT_OK)."""
FEW_AT_REST = 10
"""So many interrupts are never too many: the guest may send or get frames of its own."""


async def trouble_at_rest(rig: Rig, interface: Interface) -> dict[str, int]:
    """What is wrong, by name. It takes as long as the guest takes for an answer."""
    before = await _interrupts(rig)
    station = await interface.station()
    fired = await _interrupts(rig) - before
    card = await rig.card.monitor.ask("query-card", CardState)
    rows = await interface.statistics()
    found = {
        TOO_MANY_INTERRUPTS: fired if fired > FEW_AT_REST else 0,
        WRONG_ADDRESS: int(station.hex(":") != card.mac),
        WRONG_STATISTICS: sum(abs(rows[counted] - rows[said]) for counted, said in COUNTED.items()),
    }
    return {name: count for name, count in found.items() if count}


async def _interrupts(rig: Rig) -> int:
    return (await rig.card.counters())["interrupts"]
