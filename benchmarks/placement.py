# SPDX-License-Identifier: GPL-2.0-or-later
"""Which core each part of a rig runs on, and how long a thread has run.

Two cores make the rule: whatever else ran on the core of the guest's CPU would be subtracted from what it receives. For
round trips that matters less than waking a thread on a core that is awake, so there the scheduler chooses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from controller.rig import Rig


class Placement:
    """The threads of a rig on the first two cores that we may use; with only one core nothing is pinned."""

    def __init__(self, card: int, vcpu: int) -> None:
        self.vcpu = vcpu
        """The thread of the guest's CPU."""
        self._card = card
        self._cores = sorted(os.sched_getaffinity(0))

    @property
    def cores(self) -> int:
        return len(self._cores)

    @classmethod
    async def of(cls, rig: Rig) -> Placement:
        cpus = await rig.machine.execute("query-cpus-fast")
        return cls(rig.card.pid, int(cpus[0]["thread-id"]))

    def guest_alone(self) -> str:
        """The guest's CPU has a core, everything else has another; what was done, in words."""
        if len(self._cores) < 2:
            return "nothing pinned"
        self._pin(others=self._cores[:1])
        return f"vCPU on core {self._cores[1]}, card, sender and the rest of QEMU on core {self._cores[0]}"

    def guest_and_card(self) -> str:
        """The guest's CPU and the card have a core each, the others go where they may; what was done, in words."""
        if len(self._cores) < 2:
            return "nothing pinned"
        self._pin(others=self._cores)
        return f"vCPU on core {self._cores[1]}, card on core {self._cores[0]}, the others free"

    def _pin(self, others: Iterable[int]) -> None:
        card_core, vcpu_core, *_ = self._cores
        for thread in (*_threads(self.vcpu), *_threads(os.getpid())):
            with suppress(ProcessLookupError):  # a worker that was retired meanwhile
                os.sched_setaffinity(thread, others)
        os.sched_setaffinity(self._card, {card_core})
        os.sched_setaffinity(self.vcpu, {vcpu_core})


def _threads(thread: int) -> list[int]:
    """All threads of the process that this one belongs to."""
    return [int(path.name) for path in Path(f"/proc/{thread}/task").iterdir()]


def cpu_seconds(thread: int) -> float:
    """How long a thread has run, user and system."""
    return int(Path(f"/proc/{thread}/schedstat").read_text().split()[0]) / 1e9
