# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger (docs/datasheet.md section 17): the memory that the driver has granted, and the check of every DMA.

It works from the guest's own records. It is blind, and says why, until a driver begins to record and after records
were lost.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.memory import GuestMemory
from nicrig_device.dma.ring_index import INDEX_MASK
from nicrig_device.hooks import Hooks
from nicrig_device.ledger.grant_records import GrantRecords, RecordsLostError
from nicrig_device.ledger.grants import Addresses, Grants
from nicrig_device.ledger.guards import Guards
from nicrig_device.log import log
from nicrig_device.recorder import (
    DETAIL,
    EVERYTHING,
    GRANTS,
    Grant,
    GuestRecord,
    RecordRing,
    Records,
    Trace,
    TraceEvent,
)
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import LedgerFinding
from nicrig_interface.vocabulary import LedgerPolicy

REVOKED_MAX = 4096
"""How many revoked ranges are kept."""
HELD_MAX = 256
HELD_SECONDS = 0.1
"""How many touches of unknown memory wait for a late grant, and for how long."""
TRACED_MAX = 16
"""How many findings of one batch get an event each. All are counted."""
WHOLE_RING = 0x10000
"""The index that stands for a ring's own memory."""
ANY = 0
BLIND = {
    "not begun": "no driver has begun to record",
    "lost": "records of the guest were lost",
    "full": "the guest has granted more ranges than there is room for",
    "off": "the driver records nothing",
}

Positions: TypeAlias = npt.NDArray[np.intp]
"""For each address the number of the last persistent grant that begins at or below it, from 1; 0 for none."""
NO_POSITIONS: Positions = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class Touch:
    """A range of guest memory that the card touches; `index` is a ring index or a transfer's number."""

    address: int
    length: int
    index: int
    transmit: bool


class Ledger:
    """Holds the granted ranges, checks each touch against them, counts and records the findings."""

    def __init__(
        self, recorder: RecordRing, memory: GuestMemory, counters: Counters, trace: Trace, hooks: Hooks
    ) -> None:
        self._words = recorder.words
        self._records = GrantRecords(recorder)
        self._counters = counters
        self._trace = trace
        self._hooks = hooks
        self.persistent, self.streaming = Grants(), Grants()
        self._guards = Guards(memory, self.persistent)
        self.revoked: deque[tuple[int, int]] = deque(maxlen=REVOKED_MAX)
        """Start and end of the ranges that were revoked last."""
        self._held: list[Touch] = []
        self._held_until = 0.0
        self.generation = 0
        """How many grants there have been."""
        self.drained = 0
        """How many records have been read."""
        self.blind = "not begun"
        """Why nothing is judged, a key of BLIND; empty while the ledger judges."""
        self.policy: LedgerPolicy = "off"

    def set_policy(self, policy: LedgerPolicy) -> None:
        """From `off` the ledger starts blind: it has not read the grants made before."""
        if "off" in (policy, self.policy):
            self._records.restart()
            self._forget("not begun")
        self.policy = policy
        self._words[GRANTS] = int(policy != "off")

    def reset(self) -> None:
        """The card is reset: nothing is under way. Grants stay, because the memory is the guest's."""
        self._settle()
        self.revoked.clear()

    # -- what is granted ------------------------------------------------------------------------------
    def update(self) -> None:
        """Read the guest's new GRANT and REVOKE records. Call it before you use `judging` or the grants."""
        if self.policy == "off":
            return
        if self._records.pending():
            self._drain()
        if not self._words[DETAIL] and not self.blind:
            self._lose("off")

    @property
    def judging(self) -> bool:
        """Whether touches are checked: the policy is not `off`, and the ledger is not blind."""
        return not self.blind

    @property
    def holding(self) -> bool:
        """Whether a touch waits for a late grant."""
        return bool(self._held)

    def _drain(self) -> None:
        try:
            records = self._records.take()
        except RecordsLostError:
            self._lose("lost")
            return
        for hook in self._hooks.armed:
            records = hook.records(records)
        self.learn(records)

    def learn(self, records: Records) -> None:
        """Enter these GRANT and REVOKE records."""
        self.drained += len(records)
        for kind, *fields in zip(*(records[name].tolist() for name in ("kind", "a", "b", "c", "d")), strict=True):
            if kind == GuestRecord.GRANT:
                self._grant(*fields)
            elif kind == GuestRecord.REVOKE:
                self._revoke(*fields)
        if self._held and len(records):
            self._settle_by(records[records["kind"] == GuestRecord.GRANT])

    def _grant(self, address: int, length: int, how: int, guard: int) -> None:
        self.generation += 1
        if not self.blind and not self._sort(how).add(address, length, how, guard):
            self._lose("full")

    def _revoke(self, address: int, length: int, how: int, _: int) -> None:
        if length == EVERYTHING:
            self._forget("")
        elif not self.blind and self._sort(how).remove(address, length, how):
            self.revoked.append((address, address + length))

    def _sort(self, how: int) -> Grants:
        return self.streaming if how & Grant.STREAMING else self.persistent

    def _lose(self, why: str) -> None:
        if not self.blind:
            log.warning("the ledger is blind until a driver begins again: %s", BLIND[why])
        self._forget(why)

    def _forget(self, blind: str) -> None:
        self._settle()
        self.persistent.clear()
        self.streaming.clear()
        self.revoked.clear()
        self.blind = blind

    # -- what is touched ------------------------------------------------------------------------------
    def positions(self, address: Addresses) -> Positions:
        """Where in the persistent grants these addresses lie. Valid until the next `update`."""
        return self.persistent.position(address)

    def judge(
        self,
        address: Addresses,
        length: npt.NDArray[np.uint32],
        positions: Positions,
        codes: npt.NDArray[np.uint16],
        *,
        transmit: bool,
        index: int,
    ) -> bool:
        """Check the buffers of descriptors, from ring index `index` on, against the grants, while `judging`.

        Buffers with a code are refused already and are not checked. With `enforce` a buffer that is not granted gets
        the code LEDGER. Returns whether one did.
        """
        end = address + length
        access = Grant.READ if transmit else Grant.WRITE
        bad = end > self.persistent.reach(positions, access)
        if not np.count_nonzero(bad):
            return False
        bad &= codes == 0
        bad &= end > self._reach(self.streaming, address, access)
        which = np.flatnonzero(bad)
        if not len(which):
            return False
        touches = [
            Touch(start, size, (index + number) & INDEX_MASK, transmit)
            for number, start, size in zip(which.tolist(), address[which].tolist(), length[which].tolist(), strict=True)
        ]
        self._find(touches, streaming_only=False)
        if self.policy != "enforce":
            return False
        codes[which] = Refusal.LEDGER
        return True

    def covers(
        self, address: Addresses, length: npt.NDArray[np.integer], access: int, *, streaming_only: bool = False
    ) -> npt.NDArray[np.bool_]:
        """Which of these ranges are granted; all while nothing is judged. Finds nothing and reports nothing."""
        if not self.judging:
            return np.ones(len(address), bool)
        end = address + length.astype(np.uint64)
        reach = np.maximum.reduce([self._reach(sort, address, access) for sort in self._sorts(streaming_only)])
        return np.asarray(end <= reach)

    def allows(self, touch: Touch, access: int, *, streaming_only: bool = False) -> bool:
        """Whether the card may touch this range. One that is not granted is a finding; only `enforce` forbids it."""
        self.update()
        if not self.judging:
            return True
        address, end = np.array([touch.address], np.uint64), touch.address + touch.length
        for sort in self._sorts(streaming_only):
            if end <= int(self._reach(sort, address, access)[0]):
                return True
        self._find([touch], streaming_only=streaming_only)
        return self.policy != "enforce"

    def look_behind(self, positions: Positions, index: int) -> None:
        """After the card has written to these positions: check the guard bytes behind the grants there."""
        if self.judging:
            for start, length in self._guards.changed(positions):
                self._report(LedgerFinding.GUARD_CHANGED, [Touch(start, length, index, False)])

    def _sorts(self, streaming_only: bool) -> tuple[Grants, ...]:
        return (self.streaming,) if streaming_only else (self.persistent, self.streaming)

    @staticmethod
    def _reach(sort: Grants, address: Addresses, access: int) -> Addresses:
        return sort.reach(sort.position(address), access)

    # -- what is found --------------------------------------------------------------------------------
    def _find(self, touches: list[Touch], *, streaming_only: bool) -> None:
        """Name what is wrong with these touches, or hold them until that is clear."""
        address = np.array([touch.address for touch in touches], np.uint64)
        end = address + np.array([touch.length for touch in touches], np.uint64)
        reach = np.maximum.reduce([self._reach(sort, address, ANY) for sort in self._sorts(streaming_only)])
        found = np.select(
            [end <= reach, address < reach, self._inside_revoked(address, end)],
            [LedgerFinding.WRONG_DIRECTION, LedgerFinding.ACROSS_END, LedgerFinding.AFTER_FREE],
            0,
        )
        for finding in np.unique(found[found != 0]):
            self._report(LedgerFinding(finding), [touches[which] for which in np.flatnonzero(found == finding)])
        unknown = [touches[which] for which in np.flatnonzero(found == 0)]
        if unknown:
            self._hold(unknown)

    def _inside_revoked(self, address: Addresses, end: Addresses) -> npt.NDArray[np.bool_]:
        revoked = np.array(sorted(self.revoked) or [(0, 0)], np.uint64)
        reach = np.concatenate(([np.uint64(0)], np.maximum.accumulate(revoked[:, 1])))
        return end <= reach[revoked[:, 0].searchsorted(address, "right")]

    def _report(self, finding: LedgerFinding, touches: list[Touch]) -> None:
        self._counters.add(finding.counter, len(touches))
        for touch in touches[:TRACED_MAX]:
            what = finding | int(touch.transmit) << 8
            self._trace.add(TraceEvent.LEDGER, what, touch.address, touch.length, touch.index)

    # -- late grants ----------------------------------------------------------------------------------
    def _hold(self, touches: list[Touch]) -> None:
        room = HELD_MAX - len(self._held)
        if not self._held:
            self._held_until = time.monotonic() + HELD_SECONDS
        self._held += touches[:room]
        if touches[room:]:
            self._report(LedgerFinding.OUTSIDE, touches[room:])

    def due(self, now: float) -> float | None:
        """Report the held touches once HELD_SECONDS are over. Returns when that is, or None without held touches."""
        if self._held and self._records.pending():
            self._drain()
        if self._held and now >= self._held_until:
            self._settle()
        return self._held_until if self._held else None

    def _settle_by(self, granted: Records) -> None:
        """The first grants to come decide: one that covers a held touch came late."""
        if not len(granted):
            return
        start, end = granted["a"], granted["a"] + granted["b"]
        late = [((start <= touch.address) & (touch.address + touch.length <= end)).any() for touch in self._held]
        self._report_held(late)

    def _settle(self) -> None:
        """No grant came for the held touches."""
        self._report_held([False] * len(self._held))

    def _report_held(self, late: list[bool]) -> None:
        held, self._held = self._held, []
        for finding, wanted in ((LedgerFinding.BEFORE_GRANT, True), (LedgerFinding.OUTSIDE, False)):
            touches = [touch for touch, was_late in zip(held, late, strict=True) if was_late == wanted]
            if touches:
                self._report(finding, touches)
