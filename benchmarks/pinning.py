# SPDX-License-Identifier: GPL-2.0-or-later
"""Pins the parts of a rig to cores, and measures how long a thread has run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nicrig.session.rig import OwnRig


class Pinning:
    """Pins the guest's CPU to the last core that we may use, and decides where everything else may run.

    Under overload everything else stays off that core, because it would take time from the guest. For round trips it
    may run there too: waking a thread on a busy core is faster than waking an idle core.
    """

    def __init__(self, card: int, vcpu: int) -> None:
        self.vcpu = vcpu
        """The thread id of the guest's CPU."""
        self._card = card
        self._cores = sorted(os.sched_getaffinity(0))

    @classmethod
    async def of(cls, rig: OwnRig) -> Pinning:
        cpus = await rig.machine.monitor.execute("query-cpus-fast")
        return cls(rig.card.pid, int(cpus[0]["thread-id"]))

    @property
    def cores(self) -> int:
        return len(self._cores)

    def apart(self) -> str:
        """Keep card, sender and the rest of QEMU off the vCPU's core. Returns a description."""
        return self._pin(self._cores[:-1], "card, sender and the rest of QEMU off it")

    def together(self) -> str:
        """Let card, sender and the rest of QEMU run on any core. Returns a description."""
        return self._pin(self._cores, "card, sender and the rest of QEMU on any core")

    def _pin(self, others: list[int], description: str) -> str:
        if self.cores < 2:
            return "nothing pinned: one core"
        for thread in (*_threads(self.vcpu), *_threads(self._card), *_threads(os.getpid())):
            with suppress(ProcessLookupError):  # a worker thread may have ended
                os.sched_setaffinity(thread, others)
        os.sched_setaffinity(self.vcpu, self._cores[-1:])
        return f"vCPU on core {self._cores[-1]}, {description}"


def _threads(thread: int) -> list[int]:
    """All threads of this thread's process."""
    return [int(path.name) for path in Path(f"/proc/{thread}/task").iterdir()]


def cpu_seconds(thread: int) -> float:
    """How long a thread has run, in user and system mode."""
    return int(Path(f"/proc/{thread}/schedstat").read_text().split()[0]) / 1e9
