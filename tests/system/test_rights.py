# SPDX-License-Identifier: GPL-2.0-or-later
"""The rights of a rig's processes while a guest runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nicrig.machine.own_user import COUNT, FIRST
from nicrig.session.rig import OwnRig

pytestmark = [pytest.mark.system, pytest.mark.anyio]


def statuses(rig: OwnRig) -> dict[str, dict[str, str]]:
    """/proc/PID/status of the card and of QEMU."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
            if os.fsencode(rig.paths.folder) in line:
                fields = (line.split(":", 1) for line in (process / "status").read_text().splitlines())
                found["QEMU" if b"qemu-system" in line else "card"] = {name: value.strip() for name, value in fields}
        except OSError:  # it has ended
            continue
    return found


async def test_card_and_qemu_have_no_rights_and_qemu_a_user_of_its_own(rig: OwnRig) -> None:
    found = statuses(rig)
    assert set(found) == {"card", "QEMU"}
    for status in found.values():
        assert (status["NoNewPrivs"], status["Seccomp"], status["CapEff"], status["CapPrm"]) == (
            *("1", "2"),
            *["0" * 16] * 2,
        )
    users = {int(user) for user in found["QEMU"]["Uid"].split()}
    if os.geteuid() == 0:
        assert FIRST <= min(users) == max(users) < FIRST + COUNT, rig.paths.qemu_log.read_text()
        assert (found["QEMU"]["CapBnd"], found["QEMU"]["Groups"]) == ("0" * 16, "")
    else:
        assert users == {os.getuid()}
