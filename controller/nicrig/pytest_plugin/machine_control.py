# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test may do to its machine: unplug the card, kill it, reboot the guest. Only a rig of its own takes that."""

from __future__ import annotations

from nicrig.errors import UsageError
from nicrig.pytest_plugin.rig_thread import start_echo_service
from nicrig.pytest_plugin.test_session import TestSession
from nicrig.session.rig import OwnRig


class MachineControl:
    """The machine of a test session. Raises UsageError where a step is not possible."""

    def __init__(self, session: TestSession) -> None:
        """Raises UsageError for a rig that another process has started."""
        if not isinstance(session.rig, OwnRig):
            raise UsageError(
                f"another process started the rig {session.rig.paths.folder.name}, and only that process can unplug, "
                "kill or reboot it: run this test without --nicrig-rig"
            )
        self._session = session
        self._rig = session.rig

    async def unplug(self) -> None:
        """Take the card out of the machine; returns when the guest has let go of it."""
        self._check_hot_plug()
        if self._session.interface is None:
            raise UsageError("no driver has the card: load one with nic.load() before you unplug the card")
        if self._session.card_runs:
            await self._session.settle()
            await self._session.unwatch()
        await self._rig.machine.unplug()
        self._session.interface, self._session.plugged = None, False

    async def plug(self) -> None:
        """Put the card in again; returns when the driver has bound to it and its interface is up with its address.

        verdict() and counters() begin anew.
        """
        if self._session.plugged:
            raise UsageError("the card is in the machine: unplug() it before you plug() it")
        if not self._session.card_runs:
            raise UsageError("the card is dead: start it with restart_card() before you plug() it")
        await self._session.unwatch()
        await self._session.watch()
        await self._rig.machine.plug()
        self._session.plugged = True
        await self._session.use(await self._rig.guest.wait_interface())

    async def kill_card(self) -> None:
        """Kill the card's process, as a crash would. The guest has a dead card until you unplug() it."""
        self._check_hot_plug()
        await self._session.unwatch()
        self._session.card_runs = False
        await self._rig.card.kill()

    async def restart_card(self) -> None:
        """Start a fresh card, after kill_card() and unplug()."""
        if self._session.card_runs:
            raise UsageError("the card runs: kill_card() comes before restart_card()")
        if self._session.plugged:
            raise UsageError("QEMU still holds the dead card: unplug() it before you restart it")
        await self._rig.card.restart()
        self._session.card_runs = True

    async def reboot(self) -> None:
        """Reboot the guest at once; returns when its driver is loaded as it was when the test began.

        verdict() and counters() begin anew.
        """
        if not (self._session.card_runs and self._session.plugged):
            raise UsageError("the machine has no running card: restart_card() and plug() it before you reboot")
        # What is under way now would otherwise be taken for frames of the rebooted guest.
        await self._session.settle()
        await self._session.unwatch()
        self._session.interface = None
        await self._rig.guest.reboot()
        await start_echo_service(self._rig.guest)
        await self._session.watch()
        await self._session.load(*self._session.wanted.parameters)

    def _check_hot_plug(self) -> None:
        if not self._rig.options.hot_plug:
            raise UsageError(
                "a card with MSI-X cannot be unplugged, QEMU would abort: "
                'mark the test with @pytest.mark.nicrig(interrupts="msi")'
            )
