# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger (docs/datasheet.md section 17): what the driver has granted, and each DMA held against it.

It stands on the guest's own records, so it judges only what it knows: until a driver begins to record, and when records
were lost, it is blind and says so.
"""

from __future__ import annotations

import enum
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nicrig_device.dma.memory import GuestMemory
from nicrig_device.dma.ring_index import INDEX_MASK
from nicrig_device.ledger.grant_records import GrantRecords, Records, RecordsLostError
from nicrig_device.ledger.grants import Addresses, Grants
from nicrig_device.ledger.guards import Guards
from nicrig_device.recorder import DETAIL, EVERYTHING, GRANTS, Grant, GuestRecord, RecordRing, Trace, TraceEvent
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import LedgerFinding

REVOKED_MAX = 4096
"""Revoked ranges that are remembered."""
HELD_MAX = 256
HELD_SECONDS = 0.1
"""How many touches of unknown memory wait for a late grant, and how long."""
TRACED_MAX = 16
"""Findings of one batch that get an event each; all are counted."""
WHOLE_RING = 0x10000
"""The index of a ring's own memory."""
ANY = 0
BLIND = {
    "not begun": "no driver has begun to record",
    "lost": "records of the guest were lost",
    "full": "the guest has granted more ranges than there is room for",
    "off": "the driver records nothing",
}

Codes: TypeAlias = npt.NDArray[np.uint16]

log = logging.getLogger("nicrig_device")


class Policy(enum.StrEnum):
    """What becomes of a DMA that is not granted."""

    OFF = "off"
    REPORT = "report"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Touch:
    """A piece of guest memory that the card touches for the driver; `index` is the descriptor's or transfer's."""

    address: int
    length: int
    index: int
    transmit: bool


class Ledger:
    """Knows the granted ranges, current before each look; counts and records what is found."""

    def __init__(self, recorder: RecordRing, memory: GuestMemory, counters: Counters, trace: Trace) -> None:
        self._words = recorder.words
        self._records = GrantRecords(recorder)
        self._counters = counters
        self._trace = trace
        self.persistent, self.streaming = Grants(), Grants()
        self._guards = Guards(memory, self.persistent)
        self._revoked: deque[tuple[int, int]] = deque(maxlen=REVOKED_MAX)
        self._held: list[Touch] = []
        self._held_until = 0.0
        self._judged = np.zeros(0, np.intp)
        """Places in `lasting` of what was judged last."""
        self.generation = 0
        """How many grants there have been."""
        self.drained = 0
        """How many records have been read."""
        self.blind = "not begun"
        """Why nothing is judged, one of BLIND; empty while it is."""
        self.policy = Policy.OFF

    def set_policy(self, policy: Policy) -> None:
        """From OFF the ledger begins blind: what was granted while nobody looked is not known."""
        if Policy.OFF in (policy, self.policy):
            self._records.restart()
            self._forget("not begun")
        self.policy = policy
        self._words[GRANTS] = int(policy is not Policy.OFF)

    def reset(self) -> None:
        """The card is reset: nothing is under way. What is granted stays granted: that is the guest's memory."""
        self._settle()
        self._revoked.clear()

    # -- what is granted ------------------------------------------------------------------------------
    def sees(self) -> bool:
        """Take in what the guest has recorded; whether there is anything to judge by."""
        if self.policy is Policy.OFF:
            return False
        if self._records.pending():
            self._drain()
        if not self._words[DETAIL] and not self.blind:
            self._lose("off")
        return not self.blind

    def _drain(self) -> None:
        try:
            records = self._records.take()
        except RecordsLostError:
            self._lose("lost")
            return
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
            self._revoked.append((address, address + length))

    def _sort(self, how: int) -> Grants:
        return self.streaming if how & Grant.STREAMING else self.persistent

    def _lose(self, why: str) -> None:
        if not self.blind:
            log.warning("the ledger is blind until the driver begins anew: %s", BLIND[why])
        self._forget(why)

    def _forget(self, blind: str) -> None:
        self._settle()
        self.persistent.clear()
        self.streaming.clear()
        self._revoked.clear()
        self.blind = blind

    # -- what is touched ------------------------------------------------------------------------------
    def judge(
        self, address: Addresses, length: npt.NDArray[np.uint32], codes: Codes, *, transmit: bool, index: int
    ) -> bool:
        """Hold the buffers of descriptors from ring index `index` on against the grants, but those refused already.

        `enforce` refuses the others that are not granted; whether it did. Only while it sees.
        """
        end = address + length
        access = Grant.READ if transmit else Grant.WRITE
        self._judged = self.persistent.place(address)
        bad = end > self.persistent.reach(self._judged, access)
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
        if self.policy is not Policy.ENFORCE:
            return False
        codes[which] = Refusal.LEDGER
        return True

    def allows(self, touch: Touch, access: int, *, streaming_only: bool = False) -> bool:
        """Whether one piece may be touched; what is not granted is reported, and allowed but for `enforce`."""
        if not self.sees():
            return True
        address, end = np.array([touch.address], np.uint64), touch.address + touch.length
        self._judged = self.persistent.place(address)
        for sort in self._sorts(streaming_only):
            if end <= int(self._reach(sort, address, access)[0]):
                return True
        self._find([touch], streaming_only=streaming_only)
        return self.policy is not Policy.ENFORCE

    def look_behind(self, index: int) -> None:
        """After the card has written: look at the guard bytes of the lasting grants that were judged just before."""
        if self.blind:
            return
        for start, length in self._guards.changed(self._judged):
            self._tell(LedgerFinding.GUARD_CHANGED, [Touch(start, length, index, False)])

    def _sorts(self, streaming_only: bool) -> tuple[Grants, ...]:
        return (self.streaming,) if streaming_only else (self.persistent, self.streaming)

    @staticmethod
    def _reach(sort: Grants, address: Addresses, access: int) -> Addresses:
        return sort.reach(sort.place(address), access)

    # -- what is found --------------------------------------------------------------------------------
    def _find(self, touches: list[Touch], *, streaming_only: bool) -> None:
        """Name what is wrong with these, or hold them until it is clear."""
        address = np.array([touch.address for touch in touches], np.uint64)
        end = address + np.array([touch.length for touch in touches], np.uint64)
        reach = np.maximum.reduce([self._reach(sort, address, ANY) for sort in self._sorts(streaming_only)])
        found = np.select(
            [end <= reach, address < reach, self._inside_revoked(address, end)],
            [LedgerFinding.WRONG_DIRECTION, LedgerFinding.ACROSS_END, LedgerFinding.AFTER_FREE],
            0,
        )
        for finding in np.unique(found[found != 0]):
            self._tell(LedgerFinding(finding), [touches[which] for which in np.flatnonzero(found == finding)])
        unknown = [touches[which] for which in np.flatnonzero(found == 0)]
        if unknown:
            self._hold(unknown)

    def _inside_revoked(self, address: Addresses, end: Addresses) -> npt.NDArray[np.bool_]:
        revoked = np.array(sorted(self._revoked) or [(0, 0)], np.uint64)
        reach = np.concatenate(([np.uint64(0)], np.maximum.accumulate(revoked[:, 1])))
        return end <= reach[revoked[:, 0].searchsorted(address, "right")]

    def _tell(self, finding: LedgerFinding, touches: list[Touch]) -> None:
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
            self._tell(LedgerFinding.OUTSIDE, touches[room:])

    def due(self, now: float) -> float | None:
        """When the touches that are held are to be told, a late grant or not; None while there are none."""
        if self._held and self._records.pending():
            self._drain()
        if self._held and now >= self._held_until:
            self._settle()
        return self._held_until if self._held else None

    def _settle_by(self, granted: Records) -> None:
        """A grant that covers a held touch came late; the first grants to come decide."""
        if not len(granted):
            return
        start, end = granted["a"], granted["a"] + granted["b"]
        late = [((start <= touch.address) & (touch.address + touch.length <= end)).any() for touch in self._held]
        self._tell_held(late)

    def _settle(self) -> None:
        """Nobody has granted what is held."""
        self._tell_held([False] * len(self._held))

    def _tell_held(self, late: list[bool]) -> None:
        held, self._held = self._held, []
        for finding, wanted in ((LedgerFinding.BEFORE_GRANT, True), (LedgerFinding.OUTSIDE, False)):
            touches = [touch for touch, was_late in zip(held, late, strict=True) if was_late == wanted]
            if touches:
                self._tell(finding, touches)
