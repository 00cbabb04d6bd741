# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test may not do to its machine; tests/examples and tests/system do the rest on real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nicrig.errors import UsageError
from nicrig.pytest_plugin.machine_control import MachineControl
from nicrig.pytest_plugin.test_session import TestSession
from nicrig.rundir.paths import RigPaths
from nicrig.session.options import Options
from nicrig.session.rig import OwnRig, Rig
from nicrig_interface.vocabulary import InterruptMode

pytestmark = pytest.mark.anyio

DRIVER = "an interface"


def session(state: dict[str, object], *, kind: type[Rig] = OwnRig, interrupts: InterruptMode = "msi") -> TestSession:
    """A session whose rig has no parts: every step that goes on to one of them fails."""
    none: Any = None
    parts = {"agent": none, "lock": none} if kind is OwnRig else {}
    rig = kind(RigPaths(Path("/rigs/dev")), Options(interrupts=interrupts), none, none, none, **parts)
    whole = {"card_runs": True, "plugged": True, "interface": DRIVER}
    return cast(TestSession, SimpleNamespace(rig=rig, **(whole | state)))


def test_a_rig_of_another_process_is_refused_in_one_line() -> None:
    with pytest.raises(
        UsageError, match=r"another process started the rig dev, .*: run this test without --nicrig-rig"
    ):
        MachineControl(session({}, kind=Rig))


@pytest.mark.parametrize("step", [MachineControl.unplug, MachineControl.kill_card])
async def test_a_card_with_msix_stays_in_its_machine(step: Callable[[MachineControl], Awaitable[None]]) -> None:
    with pytest.raises(UsageError, match=r"MSI-X cannot be unplugged.*nicrig\(interrupts=\"msi\"\)"):
        await step(MachineControl(session({}, interrupts="msix")))


@pytest.mark.parametrize(
    ("step", "state", "told"),
    [
        (MachineControl.unplug, {"interface": None}, "no driver has the card: load one"),
        (MachineControl.plug, {}, "the card is in the machine"),
        (MachineControl.plug, {"plugged": False, "card_runs": False}, "the card is dead: start it"),
        (MachineControl.restart_card, {}, "the card runs"),
        (MachineControl.restart_card, {"card_runs": False}, "QEMU still holds the dead card"),
        (MachineControl.reboot, {"plugged": False}, "the machine has no running card"),
        (MachineControl.reboot, {"card_runs": False}, "the machine has no running card"),
    ],
)
async def test_a_step_out_of_order_is_refused(
    step: Callable[[MachineControl], Awaitable[None]], state: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        await step(MachineControl(session(state)))
