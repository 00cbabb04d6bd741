# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cores the parts of a rig run on, and how long a thread has run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nicrig.session.rig import OwnRig


class Placement:
    """The guest's CPU on the last core that we may use, and where everything else may run.

    Under overload it is kept off that core: what it took there, the guest could not receive. For round trips it is not,
    since waking a thread on a core that is awake takes less time than waking the core.
    """

    def __init__(self, card: int, vcpu: int) -> None:
        self.vcpu = vcpu
        """The thread of the guest's CPU."""
        self._card = card
        self._cores = sorted(os.sched_getaffinity(0))

    @classmethod
    async def of(cls, rig: OwnRig) -> Placement:
        cpus = await rig.machine.monitor.execute("query-cpus-fast")
        return cls(rig.card.pid, int(cpus[0]["thread-id"]))

    @property
    def cores(self) -> int:
        return len(self._cores)

    def apart(self) -> str:
        """Card, sender and the rest of QEMU off the vCPU's core; what was done, in words."""
        return self._pin(self._cores[:-1], "card, sender and the rest of QEMU off it")

    def together(self) -> str:
        """Card, sender and the rest of QEMU on any core; what was done, in words."""
        return self._pin(self._cores, "card, sender and the rest of QEMU on any core")

    def _pin(self, others: list[int], words: str) -> str:
        if self.cores < 2:
            return "nothing pinned: one core"
        for thread in (*_threads(self.vcpu), *_threads(self._card), *_threads(os.getpid())):
            with suppress(ProcessLookupError):  # a worker that was retired meanwhile
                os.sched_setaffinity(thread, others)
        os.sched_setaffinity(self.vcpu, self._cores[-1:])
        return f"vCPU on core {self._cores[-1]}, {words}"


def _threads(thread: int) -> list[int]:
    """All threads of the process that this one belongs to."""
    return [int(path.name) for path in Path(f"/proc/{thread}/task").iterdir()]


def cpu_seconds(thread: int) -> float:
    """How long a thread has run, user and system."""
    return int(Path(f"/proc/{thread}/schedstat").read_text().split()[0]) / 1e9
