# SPDX-License-Identifier: GPL-2.0-or-later
"""The card of a rig: its monitor, its wire, its recorder; and, for the process that started it, its life and death."""

from nicrig.card.monitor import counters, recorder_layout
from nicrig.card.process import CardProcess
from nicrig.card.wire import Wire, connect
from nicrig.process.deadlines import Deadlines
from nicrig.process.qmp import Qmp
from nicrig.recorder.reader import Recorder
from nicrig.rundir.paths import RigPaths
from nicrig.session.services import Services
from nicrig_interface.answers import RecorderLayout


class CardHandle:
    """A running card. `connect` comes first: it sets `monitor`, the card's QMP, and `wire`, which carries frames."""

    monitor: Qmp
    wire: Wire
    layout: RecorderLayout
    """Where the flight recorder is."""

    def __init__(self, paths: RigPaths, services: Services) -> None:
        self._paths = paths
        self._services = services
        # No guest takes part in what these limit, so no accelerator scales them.
        self._deadlines = Deadlines()

    async def connect(self) -> None:
        """Raises ConnectionLostError or DeadlineError when no card answers."""
        with self._deadlines.limit(self._deadlines.monitor, f"the card to answer at {self._paths.monitor}"):
            self.monitor = await self._services.connect("the card's monitor", self._paths.monitor)
            self.wire = await connect(self._paths.wire)
            self._services.closing.push_async_callback(self.wire.aclose)
            self.layout = await recorder_layout(self.monitor)

    def recorder(self) -> Recorder:
        """A reader of the card's flight recorder, which begins with the next record."""
        recorder = Recorder(self.layout)
        recorder.skip()
        return recorder

    async def counters(self) -> dict[str, int]:
        """The card's counters by the datasheet's names (section 11)."""
        return await counters(self.monitor)

    async def set_link(self, up: bool) -> None:
        """Plug the cable in or out."""
        await self.monitor.execute("set-link", {"up": up})


class OwnCard(CardHandle):
    """A card that this process starts, and so can kill and start again. `start` comes first."""

    def __init__(self, paths: RigPaths, services: Services, process: CardProcess) -> None:
        super().__init__(paths, services)
        self._process = process
        services.closing.push_async_callback(process.close)

    @property
    def pid(self) -> int:
        """The process id. Raises RigError when no card runs."""
        return self._process.pid

    async def start(self) -> None:
        """Start the process and connect. Raises PartDeathError, UsageError or DeadlineError when it does not start."""
        with self._deadlines.limit(self._deadlines.card_ready, "the card to be ready"):
            await self._process.start()
            self._services.nursery.start_soon(self._process.watch)
            await self.connect()

    async def kill(self) -> None:
        """Kill the card's process as a crash would. Unplug the card from the machine before you start it again.

        Not while the guest configures it (just plugged, driver loading): QEMU 11.1.3 then aborts ("*errp == NULL").
        """
        self.monitor.stop()
        await self.wire.aclose()
        await self._process.kill()

    async def restart(self) -> None:
        """Start a fresh card on the same sockets, after `kill`."""
        await self.start()

    def recorder(self) -> Recorder:
        """A reader of the card's flight recorder, which begins with the card's first record."""
        return Recorder(self.layout)
