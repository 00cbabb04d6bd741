# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest of a rig: its agent, its driver, the card's interface; and, for the process that started it, its reboot."""

from collections.abc import Sequence

from nicrig.errors import GuestCommandError
from nicrig.machine import guest_driver
from nicrig.machine.guest_agent import GuestAgent, connect_agent
from nicrig.machine.guest_interface import DRIVER, Interface
from nicrig.process.polling import until
from nicrig.process.qmp import Qmp
from nicrig.rundir.guest_lock import GuestLock
from nicrig.rundir.paths import RigPaths
from nicrig.session.machine_handle import MachineHandle, OwnMachine
from nicrig.session.services import Services


class GuestHandle(GuestAgent):
    """A running guest. Each load of its driver gets `parameters`."""

    def __init__(self, agent: Qmp, machine: MachineHandle, parameters: Sequence[str]) -> None:
        super().__init__(agent, machine.deadlines)
        self._machine = machine
        self._parameters = parameters
        self.held = machine.held

    async def load_driver(self, *parameters: str) -> Interface:
        """Load nicrig.ko with these further module parameters; returns the interface that it made.

        Raises ParameterError, with the kernel's words, when the driver refuses them, GuestCommandError when it made
        none.
        """
        await guest_driver.load(self, [*self._parameters, *parameters])
        return await self.interface()

    async def bring_up(self, *parameters: str) -> Interface:
        """As load_driver(), and bring its interface up with its address."""
        interface = await self.load_driver(*parameters)
        await interface.up()
        await interface.address()
        return interface

    async def unload_driver(self) -> None:
        await guest_driver.unload(self)

    async def interface(self) -> Interface:
        """The card's network interface as it is called now. Raises GuestCommandError when the guest has none."""
        found = await Interface.find(self)
        if found is None:
            said = await guest_driver.last_words(self)
            raise GuestCommandError(f"the driver {DRIVER} made no network interface; the guest's kernel said:\n{said}")
        return found

    async def wait_interface(self) -> Interface:
        """The interface of a card that was plugged just now; returns when the guest's driver has bound to the card."""
        with self._machine.limit(self.deadlines.command, "the driver to bind to the card"):
            return await until(lambda: Interface.find(self))


class OwnGuest(GuestHandle):
    """The guest of a machine that this process has started."""

    def __init__(self, agent: Qmp, machine: OwnMachine, parameters: Sequence[str]) -> None:
        super().__init__(agent, machine, parameters)
        self._own_machine = machine

    async def reboot(self) -> None:
        """Have the guest reboot at once; returns when its agent answers again, with no driver loaded."""
        with self._own_machine.limit(self.deadlines.boot, "the guest to boot again"):
            async with self._own_machine.rebooting():
                await self.start(["reboot", "-f"])
            await self.ping()


async def reach_agent(machine: MachineHandle, paths: RigPaths, services: Services, lock: GuestLock) -> Qmp:
    """The guest's agent, when it answers. It serves one client at a time, hence the lock."""
    await machine.wait_agent()
    await lock.acquire(machine.deadlines)
    agent = await services.connect("the guest agent", await connect_agent(paths.agent), agent=True)
    await agent.execute("guest-ping")
    return agent
