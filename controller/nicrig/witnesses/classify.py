# SPDX-License-Identifier: GPL-2.0-or-later
"""Names what happened to a frame between two witnesses, by the evidence of words.py."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import NamedTuple

from nicrig.verifier.records import (
    CardDoorbell,
    CardInterrupt,
    MiniportHandleInterrupt,
    NdisFlushBuffer,
    NdisMIndicateReceivePacket,
    NdisMSendComplete,
)
from nicrig.witnesses.collector import Chunk, Flushing, within
from nicrig.witnesses.pairing import Pair
from nicrig.witnesses.sighting import Sighting
from nicrig.witnesses.words import Word

END = 1 << 62
PATIENCE = 1_000_000_000
"""Nanoseconds in which an interrupt may be held back, and a driver may not have looked yet."""
CHANCE_BYTES = 4
"""So many bytes are not alike by chance."""


class Cause(NamedTuple):
    """The word, and why in a sentence."""

    word: Word
    why: str
    by_bytes: bool = False
    """Only the bytes say so, and no call explains them."""


COMPLETED_BEFORE_READ = Cause("completed-before-read", "the driver completed the send before the device had read it")


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
    """Judges a hop between device and CPU. `channel`: the device uses a DMA channel. `line`: a cache line's size.

    `noise` is what an unkind device writes into the memory for receives while it owns it.
    """

    def __init__(self, chunk: Chunk, line: int, *, channel: bool, noise: bytes = b"") -> None:
        self._chunk = chunk
        self._line = line
        self._noise = noise
        self._channel = channel
        self._posting = Posting(chunk)

    def entered(self, pair: Pair) -> Cause | None:
        """Judge the hop from the wire to the device's memory."""
        cause = passed_on(pair, "the wire", "the device")
        if cause and cause.word == "corrupted" and pair.right:
            return self._posting.overwritten(pair.right) or cause
        return cause

    # -- in -------------------------------------------------------------------------------------------------
    def read(self, pair: Pair, before: bytes, until: int) -> Cause | None:
        """Judge the hop from the device's write to the CPU's sighting.

        `before` is what the memory held, as far as it is known; `until` is when the device wrote there again.
        """
        device, cpu = pair.left, pair.right
        if cpu is None and device is not None:
            return self._never_indicated(device, again=until < END or self._transferred_again(device))
        if device is None or cpu is None or pair.again:
            return whole_frame(pair, "the device", "the CPU")
        misdirected = self._misdirected(device, device.posted or device.address, "wrote")
        too_early = self._posting.judge(device, cpu) or self._transfer_open(device, cpu)
        if too_early:
            return too_early
        if pair.same:
            return misdirected or self._elsewhere(device, cpu) or whole_frame(pair, "the device", "the CPU")
        if device.order > cpu.order:
            return Cause("written-after-completion", "the device wrote the frame after the CPU had looked at it")
        return (
            self._unflushed_read(device, cpu, until)
            or self._noisy(device, cpu)
            or misdirected
            or self._elsewhere(device, cpu)
            or cut_or_run_over(device, cpu, "the CPU has")
            or self._miscopied(device, cpu, before)
            or self._older(device, cpu, before)
            or Cause("changed-under-device", "flushed in time, but not what the device wrote: the CPU stored there")
        )

    def _never_indicated(self, device: Sighting, *, again: bool) -> Cause:
        why = never_indicated(device, again=again)
        until, reset = self._chunk.next_reset(device.order) or (END, None)
        if reset and device.event and reset.time - device.event.time < PATIENCE:
            return Cause("lost", f"{why}, for a reset of the card came first")
        interrupted = False
        for order, event in self._chunk.after(device.order):
            if order >= until:
                break
            if isinstance(event, MiniportHandleInterrupt | NdisMIndicateReceivePacket):
                return Cause("not-indicated", why)
            interrupted |= isinstance(event, CardInterrupt)
        if interrupted:
            return Cause("interrupt-ignored", f"{why}. MiniportHandleInterrupt did not run after the interrupt")
        return Cause("no-interrupt", f"{why}. No interrupt followed: the driver had not armed one, or they are off")

    def _transferred_again(self, device: Sighting) -> bool:
        """Whether the channel's buffer took a later transfer."""
        last = self._chunk.device_in[-1].order
        return self._channel and any(within(self._chunk.completed, device.order, last))

    def held(self, pair: Pair) -> Cause | None:
        """Judge the way through the protocol that sends back what it got, in the same memory."""
        cause = passed_on(pair, "the guest's protocol", "the driver below it")
        if cause and pair.left and pair.right:
            return self._noisy_while_lent(pair.left, pair.right) or cause
        return cause

    def _noisy_while_lent(self, frame: Sighting, later: Sighting | None) -> Cause | None:
        """Judge what the protocol has, which may be the buffer of a receive."""
        if later is None or not has_noise(later, frame, self._noise):
            return None
        return Cause(
            "posted-while-lent",
            "the frame became what an unkind card writes into posted buffers: the buffer was posted again while the "
            "protocol had it",
        )

    def _noisy(self, device: Sighting, cpu: Sighting) -> Cause | None:
        if not has_noise(cpu, device, self._noise):
            return None
        noise = "what an unkind card writes into memory that it was given"
        if self._copies(device):
            return Cause("copied-late", f"the driver's copy has {noise}: the driver gave it back before it copied")
        return Cause("posted-early", f"the CPU sees {noise}: the buffer was posted again before it was indicated")

    def _unflushed_read(self, device: Sighting, cpu: Sighting, until: int) -> Cause | None:
        if self._channel or not cpu.cached or device.address != cpu.address:
            return None
        between = self._covered(cpu, device.order, cpu.order)
        if not between:
            if self._covered(cpu, cpu.order, until):
                return Cause("read-before-flush", "the CPU looked at the frame before the flush of its buffer")
            return Cause("stale", "nothing flushed the buffer between the device's write and the CPU's sighting")
        return self._partly(cpu, device.length, between, "the CPU sees what memory had before")

    def _transfer_open(self, device: Sighting, cpu: Sighting) -> Cause | None:
        if not self._channel or device.order > cpu.order:
            return None
        completed = self._chunk.completed
        if any(within(completed, device.order, cpu.order)):
            return None
        if any(within(completed, cpu.order, END)):
            return Cause("read-before-flush", "the CPU looked at the frame before NdisMCompleteDmaTransfer")
        return Cause("stale", "nothing completed the transfer before the CPU looked at the frame")

    def _covered(self, cpu: Sighting, after: int, before: int) -> list[tuple[int, int]]:
        """The byte ranges of the CPU's buffer that were flushed or updated, start and end."""
        return [part(cpu, event) for event in flushes_of(self._chunk, cpu, after, before) if not is_write(event)]

    def _partly(self, cpu: Sighting, length: int, covered: list[tuple[int, int]], else_seen: str) -> Cause | None:
        """The cause, or None when the flushed lines hold the frame's first `length` bytes."""
        address, line = cpu.address, self._line
        flushed = {
            number for start, end in covered for number in range((address + start) // line, -(-(address + end) // line))
        }
        wanted = set(range(address // line, -(-(address + length) // line)))
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

    def _copies(self, device: Sighting) -> bool:
        """Whether the driver copies between the device's memory and the protocol's."""
        return self._channel or not device.address

    def _miscopied(self, device: Sighting, cpu: Sighting, before: bytes) -> Cause | None:
        """Judge a copy: what the CPU sees is the driver's own memory."""
        if not self._copies(device):
            return None
        if cpu.data is not None and device.data is not None:
            if made_of(cpu.data, device.data, before):
                return Cause("copied-early", "the driver's copy has what lay there before the device gave it the frame")
            if made_of(cpu.data, device.data, self._posting.next_data(device)):
                return Cause("copied-late", "the driver's copy has bytes of the frame that the device put there next")
        return Cause("copied-wrong", "the driver's copy is not what the device gave it")

    # -- out ------------------------------------------------------------------------------------------------
    def write(self, pair: Pair) -> Cause | None:
        """Judge the hop from the CPU's sighting before the doorbell to the device's read."""
        cpu, device = pair.left, pair.right
        if device is None and cpu is not None:
            return self._never_read(cpu)
        if cpu is None or device is None or pair.again:
            return whole_frame(pair, "the CPU", "the device")
        misdirected = self._misdirected(device, device.posted or device.address, "read")
        changed = self._changed(cpu, device)
        if changed:
            return changed
        if pair.same:
            return (
                misdirected
                or self._elsewhere(device, cpu)
                or self._misreported(cpu)
                or whole_frame(pair, "the CPU", "the device")
            )
        return (
            self._unflushed_write(cpu, device)
            or misdirected
            or self._elsewhere(device, cpu)
            or cut_or_run_over(cpu, device, "the device read")
            or self._mixed(cpu, device)
        )

    def _never_read(self, cpu: Sighting) -> Cause:
        why = never_read(cpu)
        until, _ = self._chunk.next_reset(cpu.order) or (END, None)
        for order, event in self._chunk.after(cpu.order):
            if order >= until:
                break
            rung = isinstance(event, CardDoorbell) and event.transmit
            if rung or (isinstance(event, NdisMSendComplete) and event.packet == cpu.packet):
                return Cause("lost", why)
        if any(isinstance(event, CardDoorbell) and event.transmit for _, event in self._chunk.timeline):
            return Cause("no-doorbell", f"{why}. No transmit doorbell followed the send")
        return Cause("lost", why)

    def _misreported(self, cpu: Sighting) -> Cause | None:
        """What became of the send. A driver that resets its card, or has lost it, cannot tell."""
        after = cpu.after
        if after is None or not isinstance(after.event, NdisMSendComplete) or not after.event.status:
            return None
        until, _ = self._chunk.next_reset(cpu.order) or (END, None)
        if until < after.order or after.order > self._chunk.succeeded:
            return None
        status = after.event.status
        return Cause("misreported", f"the driver completed the send with status {status:#x}, the device has sent it")

    def _changed(self, cpu: Sighting, device: Sighting) -> Cause | None:
        """What the order of the records, and the bytes at the completion, say."""
        after = cpu.after
        if after is not None and after.order < device.order and not self._copies(device):
            return COMPLETED_BEFORE_READ
        noisy = self._noisy_while_lent(cpu, after) or self._noisy_while_lent(cpu, device)
        if noisy is None and after is not None and after.crc != cpu.crc:
            return Cause("changed-under-device", "the bytes at NdisMSendComplete are not those that were sent")
        return noisy

    def _unflushed_write(self, cpu: Sighting, device: Sighting) -> Cause | None:
        if self._channel or not cpu.cached or cpu.address != device.address:
            return None
        between = [event for event in flushes_of(self._chunk, cpu, cpu.order, device.order) if is_write(event)]
        if not between:
            late = cpu.after.order if cpu.after else END
            if any(map(is_write, flushes_of(self._chunk, cpu, device.order, late))):
                return Cause("read-before-flush", "the device read the frame before the flush of its buffer")
            return Cause("stale", "nothing flushed the buffer before the device read it")
        covered = [part(cpu, event) for event in between]
        # The flushes of the packet's other buffers are not followed.
        return self._partly(cpu, cpu.first or cpu.length, covered, "the device read what memory had before")

    def _mixed(self, cpu: Sighting, device: Sighting) -> Cause:
        if self._copies(device):
            return Cause(
                "copied-wrong", "the device read other bytes than the protocol sent: the driver's copy is wrong"
            )
        if cpu.data is None or device.data is None:
            return Cause(
                "corrupted",
                "the device read other bytes than the CPU has, though flushed in time; the bytes are not kept",
            )
        parts = lines(cpu.address, cpu.length, self._line)
        same = [cpu.data[at:end] == device.data[at:end] for at, end in parts]
        if any(same):
            count = len(same) - sum(same)
            why = f"{count} of {len(same)} cache lines that the device read are not what the CPU sees"
            return Cause("torn", why, by_bytes=True)
        return Cause("stale", "no cache line that the device read is what the CPU sees", by_bytes=True)

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


class Posting:
    """Judges when the driver posted a receive buffer, from the order of writes, indications and returns.

    Only of a driver whose frames stay in the device's memory: one that copies posts as it likes.
    """

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._writes: defaultdict[int, list[Sighting]] = defaultdict(list)
        self._looks: defaultdict[int, list[Sighting]] = defaultdict(list)
        for sighting in chunk.device_in:
            self._writes[sighting.location].append(sighting)
        for sighting in chunk.cpu_in:
            self._looks[sighting.address].append(sighting)

    def judge(self, device: Sighting, cpu: Sighting) -> Cause | None:
        """The cause, if the device had a buffer that it should not have had when it wrote this frame."""
        if not device.address or device.address != cpu.address or device.posted not in (0, device.address):
            return None
        at = f"{device.address:#x}"
        if self._lent(device):
            return Cause("posted-while-lent", f"the device wrote into {at} while the protocol had the packet there")
        following = self._next(device)
        if following is None or following.order > cpu.order or self._look_between(device, following):
            return None
        if self._had_at(device, following):
            return Cause("posted-twice", f"the buffer at {at} was in the ring twice: the device wrote two frames there")
        return Cause("posted-early", f"the buffer at {at} was posted again before its frame was indicated")

    def overwritten(self, device: Sighting) -> Cause | None:
        """The cause of other bytes than came from the wire, if the device wrote the buffer again in the same batch."""
        following = self._next(device) if device.address else None
        if following is None or self._look_between(device, following) or not self._had_at(device, following):
            return None
        return Cause("posted-twice", f"the buffer at {device.address:#x} was in the ring twice: it has the later frame")

    def next_data(self, device: Sighting) -> bytes:
        """The frame that the device put there next; b"" when there is none, or its bytes are not kept."""
        following = self._next(device)
        return (following and following.data) or b""

    def _lent(self, device: Sighting) -> bool:
        looks = self._looks[device.address]
        last = bisect_left(looks, device.order, key=order_of) - 1
        if last < 0:
            return False
        look = looks[last]
        returns = self._chunk.returned.get(look.packet, ())
        after = bisect_left(returns, look.order)
        until = looks[last + 1].order if last + 1 < len(looks) else END
        return after < len(returns) and device.order < returns[after] < until

    def _next(self, device: Sighting) -> Sighting | None:
        """The device's next write to the same place."""
        writes = self._writes[device.location]
        at = bisect_right(writes, device.order, key=order_of)
        return writes[at] if at < len(writes) else None

    def _look_between(self, one: Sighting, other: Sighting) -> bool:
        looks = self._looks[one.address]
        at = bisect_left(looks, one.order, key=order_of)
        return at < len(looks) and looks[at].order < other.order

    def _had_at(self, device: Sighting, following: Sighting) -> bool:
        """Whether the device had the buffer for the next frame already when it wrote this one."""
        rung = bisect_left(self._chunk.posted, (device.order, 0)) - 1
        if rung < 0:
            later = self._chunk.posted[rung + 1][0] if self._chunk.posted else END
            return following.order < later
        order, had = self._chunk.posted[rung]
        return self._written(order, following.order) < had

    def _written(self, after: int, before: int) -> int:
        """How many frames the device wrote in between."""
        writes = self._chunk.device_in
        return bisect_left(writes, before, key=order_of) - bisect_right(writes, after, key=order_of)


def order_of(sighting: Sighting) -> int:
    """The place of a sighting in the recorder's order."""
    return sighting.order


def never_indicated(device: Sighting, *, again: bool) -> str:
    """Who has the frame that the driver did not indicate. `again`: the device wrote to the same place later."""
    where = f"into {device.address:#x}" if device.address else f"into slot {device.location}"
    held = "the driver gave that memory back" if again else "the driver still has that memory"
    return f"the device put the frame {where}, the CPU never had it: {held} and did not indicate the frame"


def never_read(cpu: Sighting) -> str:
    """Who has the packet that the device did not read."""
    after = cpu.after and cpu.after.event
    if isinstance(after, NdisMSendComplete):
        return f"the driver completed the send with status {after.status:#x}, the device never read it"
    return "the driver has the packet and did not complete the send, the device never read it"


def made_of(seen: bytes, frame: bytes, other: bytes) -> bool:
    """Whether each byte is one of the frame or of the other content of the memory, and enough are only the other's."""
    if not other or len(seen) != len(frame):
        return False
    lay = other[: len(frame)] + frame[len(other) :]
    foreign = sum(byte != own for byte, own in zip(seen, frame, strict=True))
    return foreign >= CHANCE_BYTES and all(byte in pair for byte, *pair in zip(seen, frame, lay, strict=True))


def has_noise(seen: Sighting, frame: Sighting, noise: bytes) -> bool:
    """Whether the bytes that are not the frame's are those that an unkind card writes into memory for receives."""
    return seen.data is not None and frame.data is not None and made_of(seen.data, frame.data, noise)


def flushes_of(chunk: Chunk, cpu: Sighting, after: int, before: int) -> list[Flushing]:
    """The flushes of the CPU's buffer, and the updates of its memory, between two numbers of the order."""
    flushes = [*chunk.flushes.get(cpu.buffer, ()), *chunk.flushes.get(cpu.block, ())]
    return [flush for _, flush in sorted((dated for dated in flushes if after < dated[0] < before), key=order_in)]


def order_in(dated: tuple[int, Flushing]) -> int:
    """The number in the order."""
    return dated[0]


def is_write(flush: Flushing) -> bool:
    """Whether it is for a send."""
    return isinstance(flush, NdisFlushBuffer) and bool(flush.write)


def part(cpu: Sighting, flush: Flushing) -> tuple[int, int]:
    """The byte range of the CPU's buffer that a flush or an update covers, start and end."""
    start = flush.address - cpu.start
    return start, start + flush.length


def lines(address: int, length: int, line: int) -> list[tuple[int, int]]:
    """The byte ranges of a frame at a device address that lie in one cache line each, start and end."""
    first = line - address % line
    starts = [0, *range(first, length, line)]
    return list(zip(starts, [*starts[1:], length], strict=True)) if length else []
