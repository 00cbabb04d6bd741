# SPDX-License-Identifier: GPL-2.0-or-later
"""Names what happened to a frame between two witnesses, by the evidence of words.py."""

from __future__ import annotations

from typing import NamedTuple

from nicrig.verifier.records import NdisFlushBuffer
from nicrig.witnesses.collector import Chunk, within
from nicrig.witnesses.pairing import Pair
from nicrig.witnesses.sighting import Sighting
from nicrig.witnesses.words import Word

END = 1 << 62


class Cause(NamedTuple):
    """The word, and why in a sentence."""

    word: Word
    why: str


def cut_or_run_over(left: Sighting, right: Sighting, who: str) -> Cause | None:
    """What the lengths say. A shorter frame whose beginning cannot be compared counts as a cut one."""
    if right.length < left.length and right.begins(left) is not False:
        return Cause("truncated", f"{who} only the first {right.length} of {left.length} bytes")
    if right.length > left.length:
        return Cause("overrun", f"{who} {right.length} bytes, {right.length - left.length} more than there were")
    return None


def whole_frame(pair: Pair, before: str, after: str) -> Cause | None:
    """What happened to the frame as a whole; its bytes may all be right."""
    if pair.right is None:
        return Cause("lost", f"{before} had the frame, {after} never did")
    if pair.left is None:
        return Cause("unexpected", f"{after} has a frame that {before} never had")
    if pair.again:
        return Cause("duplicated", f"{after} has the frame a second time")
    if pair.late and pair.same:
        return Cause("reordered", f"{after} has the frame out of order")
    return None


def passed_on(pair: Pair, before: str, after: str) -> Cause | None:
    """Judge a hop without memory: between wire and device, either way, or through the guest's own stack."""
    whole = whole_frame(pair, before, after)
    if whole or pair.left is None or pair.right is None or pair.same:
        return whole
    return cut_or_run_over(pair.left, pair.right, f"{after} has") or Cause(
        "corrupted", f"{after} has other bytes than {before}"
    )


class Memory:
    """Judges a hop between device and CPU. `channel`: the device uses a DMA channel. `line`: a cache line's size."""

    def __init__(self, chunk: Chunk, line: int, *, channel: bool) -> None:
        self._chunk = chunk
        self._line = line
        self._channel = channel

    # -- in -------------------------------------------------------------------------------------------------
    def read(self, pair: Pair, before: bytes, until: int) -> Cause | None:
        """Judge the hop from the device's write to the CPU's sighting.

        `before` is what the memory held, as far as it is known; `until` is when the device wrote there again.
        """
        device, cpu = pair.left, pair.right
        if device is None or cpu is None or pair.again:
            return whole_frame(pair, "the device", "the CPU")
        misdirected = self._misdirected(device, device.posted or device.address, "wrote")
        if pair.same:
            return misdirected or self._elsewhere(device, cpu) or whole_frame(pair, "the device", "the CPU")
        if device.order > cpu.order:
            return Cause("written-after-completion", "the device wrote the frame after the CPU had looked at it")
        return (
            self._unflushed_read(device, cpu, until)
            or misdirected
            or self._elsewhere(device, cpu)
            or cut_or_run_over(device, cpu, "the CPU has")
            or self._older(device, cpu, before)
            or Cause("changed-under-device", "flushed in time, but not what the device wrote: the CPU stored there")
        )

    def _unflushed_read(self, device: Sighting, cpu: Sighting, until: int) -> Cause | None:
        if self._channel:
            return self._transfer_open(device, cpu)
        if not cpu.cached or device.address != cpu.address:
            return None
        between = self._covered(cpu, device.order, cpu.order)
        if not between:
            if self._covered(cpu, cpu.order, until):
                return Cause("read-before-flush", "the CPU looked at the frame before the flush of its buffer")
            return Cause("stale", "nothing flushed the buffer between the device's write and the CPU's sighting")
        return self._partly(device, cpu, between, "the CPU sees what memory had before")

    def _transfer_open(self, device: Sighting, cpu: Sighting) -> Cause | None:
        completed = self._chunk.completed
        if any(within(completed, device.order, cpu.order)):
            return None
        if any(within(completed, cpu.order, END)):
            return Cause("read-before-flush", "the CPU looked at the frame before NdisMCompleteDmaTransfer")
        return Cause("stale", "nothing completed the transfer before the CPU looked at the frame")

    def _covered(self, cpu: Sighting, after: int, before: int) -> list[tuple[int, int]]:
        """The flushed byte ranges of the CPU's buffer, start and end."""
        flushes = within(self._chunk.flushes.get(cpu.buffer, ()), after, before)
        return [part(cpu, event) for event in flushes if not event.write]

    def _partly(self, left: Sighting, right: Sighting, covered: list[tuple[int, int]], else_seen: str) -> Cause | None:
        """The cause, or None when the flushed lines hold the whole frame."""
        address, line = right.address, self._line
        flushed = {
            number for start, end in covered for number in range((address + start) // line, -(-(address + end) // line))
        }
        wanted = set(range(address // line, -(-(address + left.length) // line)))
        if wanted <= flushed:
            return None
        if wanted & flushed:
            return Cause("torn", f"only {len(wanted & flushed)} of {len(wanted)} cache lines were flushed: {else_seen}")
        return Cause("stale", f"no cache line of the frame was flushed: {else_seen}")

    def _older(self, device: Sighting, cpu: Sighting, before: bytes) -> Cause | None:
        """Judge by the bytes: count the cache lines that the device wrote, and those from before the write."""
        if cpu.data is None or device.data is None:
            return None
        new = old = 0
        for at, end in lines(device.address, cpu.length, self._line):
            seen, written, lay = cpu.data[at:end], device.data[at:end], before[at:end]
            if seen not in (written, lay):
                return None
            new += seen == written != lay
            old += seen == lay != written
        if not new:
            return Cause("stale", "the CPU sees what memory had before the device wrote")
        return Cause("torn", f"{new} cache lines are what the device wrote, {old} are from before")

    # -- out ------------------------------------------------------------------------------------------------
    def write(self, pair: Pair) -> Cause | None:
        """Judge the hop from the CPU's sighting before the doorbell to the device's read."""
        cpu, device = pair.left, pair.right
        if cpu is None or device is None or pair.again:
            return whole_frame(pair, "the CPU", "the device")
        misdirected = self._misdirected(device, device.posted or device.address, "read")
        after = cpu.after
        if after is not None and after.crc != cpu.crc:
            return Cause("changed-under-device", "the bytes at NdisMSendComplete are not those that were sent")
        if pair.same:
            return misdirected or self._elsewhere(device, cpu) or whole_frame(pair, "the CPU", "the device")
        return (
            self._unflushed_write(cpu, device)
            or misdirected
            or self._elsewhere(device, cpu)
            or cut_or_run_over(cpu, device, "the device read")
            or self._mixed(cpu, device)
        )

    def _unflushed_write(self, cpu: Sighting, device: Sighting) -> Cause | None:
        if self._channel or not cpu.cached or cpu.address != device.address:
            return None
        flushes = self._chunk.flushes.get(cpu.buffer, ())
        between = [event for event in within(flushes, cpu.order, device.order) if event.write]
        if not between:
            late = cpu.after.order if cpu.after else END
            if any(event.write for event in within(flushes, device.order, late)):
                return Cause("read-before-flush", "the device read the frame before the flush of its buffer")
            return Cause("stale", "nothing flushed the buffer before the device read it")
        covered = [part(cpu, event) for event in between]
        return self._partly(cpu, cpu, covered, "the device read what memory had before")

    def _mixed(self, cpu: Sighting, device: Sighting) -> Cause:
        if cpu.data is None or device.data is None:
            return Cause(
                "corrupted",
                "the device read other bytes than the CPU has, though flushed in time; the bytes are not kept",
            )
        parts = lines(cpu.address, cpu.length, self._line)
        same = [cpu.data[at:end] == device.data[at:end] for at, end in parts]
        if any(same):
            count = len(same) - sum(same)
            return Cause("torn", f"{count} of {len(same)} cache lines that the device read are not what the CPU sees")
        return Cause("stale", "no cache line that the device read is what the CPU sees")

    # -- either way -----------------------------------------------------------------------------------------
    @staticmethod
    def _misdirected(device: Sighting, posted: int, did: str) -> Cause | None:
        if posted == device.address:
            return None
        return Cause("misdirected", f"the device {did} {device.address:#x}, the descriptor said {posted:#x}")

    @staticmethod
    def _elsewhere(device: Sighting, cpu: Sighting) -> Cause | None:
        if not device.address or not cpu.address or device.address == cpu.address:
            return None
        return Cause("misdirected", f"the device used {device.address:#x}, the CPU looked at {cpu.address:#x}")


def part(cpu: Sighting, flush: NdisFlushBuffer) -> tuple[int, int]:
    """The byte range of the CPU's buffer that an NdisFlushBuffer covers, start and end."""
    start = flush.address - cpu.start
    return start, start + flush.length


def lines(address: int, length: int, line: int) -> list[tuple[int, int]]:
    """The byte ranges of a frame at a device address that lie in one cache line each, start and end."""
    first = line - address % line
    starts = [0, *range(first, length, line)]
    return list(zip(starts, [*starts[1:], length], strict=True)) if length else []
