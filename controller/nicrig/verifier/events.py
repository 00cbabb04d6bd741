# SPDX-License-Identifier: GPL-2.0-or-later
"""What every event of a stream has: a record of the guest's recorder, or of the card's own trace.

`records` has a class for each recorded function and each of CARD_EVENTS, with the declared names of its arguments.
"""

from __future__ import annotations

from typing import NamedTuple, cast

CARD_EVENTS: dict[str, tuple[str, ...]] = {
    "card.reset": (),
    "card.register": ("bar", "offset", "value"),  # a trapped register was written
    "card.enable": ("transmit", "base", "size"),  # a ring was switched on: size descriptors of 16 bytes at base
    "card.disable": ("transmit",),
    "card.doorbell": ("transmit", "tail", "head", "size"),  # obeyed: descriptors [head, tail) are the card's
    "card.read": ("index", "address", "length", "status"),  # the card read the buffer of a transmit descriptor
    "card.write": ("index", "address", "length", "status"),  # the card wrote a frame into a posted buffer
    "card.interrupt": ("vector",),
    "card.link": ("up",),
    "card.refusal": ("code", "index", "transmit"),
    "card.frame_in": ("place", "address", "length", "digest"),  # a frame as it was written for the driver
    "card.frame_out": ("place", "address", "length", "digest"),  # a frame as it was read for the wire
    "card.ledger": ("finding", "address", "length", "index"),  # the ledger found something; | 256 for transmit
    "card.hand_over": ("finding", "address", "length", "index"),  # an unkind card found something; | 256 for transmit
    "card.taken": ("index", "address", "length", "status"),  # an unkind card has a posted buffer from now on
}
"""The events that the card records, and their arguments. `status` is the descriptor's status as written back. `digest`
is a CRC32C, with the slot that keeps the bytes in its high half. `place` counts the card's descriptors, transfers or
slots, with the pair of queues in its high half."""

_CHANGED = ("address", "changed", "length")
_PACKET_CHANGED = ("packet", "changed")
LEAVE_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "NdisMIndicateReceivePacket": ("first", "pending", "count"),
    **dict.fromkeys(("NdisFreeMemory", "ExFreePool", "ExFreePoolWithTag"), _CHANGED),
    **dict.fromkeys(
        ("NdisFreePacket", "NdisDprFreePacket", "NdisDprFreePacketNonInterlocked", "NdisMSendComplete"), _PACKET_CHANGED
    ),
}
"""LEAVE records have no arguments, but for these. Bit i of `pending`: the protocol keeps packet `first` + i.

The layer keeps a freed block for a while. It has a LEAVE record then if byte `changed` was stored after the free. So
has a packet that went back to its pool, with the call that the miniport gave it away with.
"""


class PackedPart(NamedTuple):
    """A part of a packed argument: `bits` bits from `shift` on."""

    shift: int
    bits: int


PACKED: dict[str, dict[str, PackedPart]] = {
    "index_write": {"index": PackedPart(1, 63), "write": PackedPart(0, 1)},
    "range": {"offset": PackedPart(32, 32), "length": PackedPart(0, 32)},
    "modes": {"request_isr": PackedPart(0, 1), "shared": PackedPart(1, 1), "latched": PackedPart(2, 1)},
    "place": {"queue": PackedPart(16, 48), "index": PackedPart(0, 16)},
}
"""Arguments that carry several values, and those values' names."""


class Event(NamedTuple):
    """One event. `function` is a name of `functions` or of CARD_EVENTS.

    a to d are the arguments as they are recorded. Only the decoder uses them by position: everything else takes a class
    of `records` and its names.
    """

    sequence: int
    function: str
    kind: int  # functions.RecordKind
    phase: int  # functions.Phase
    irql: int
    locks: int  # spin locks of the miniport that this CPU held
    cpu: int
    time: int  # ns; of the card's clock for the card's events: compare times of one side only
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    result: int = 0
    site: str = ""
    """The call site: FILE:LINE of the call in the driver, or of the handler; module+0xOFFSET without lines; or ""."""

    @property
    def arguments(self) -> tuple[int, int, int, int]:
        """The arguments as they are recorded; those that are not declared are 0."""
        return self.a, self.b, self.c, self.d


class Call(Event):
    """The miniport called NDIS."""

    __slots__ = ()


class Enter(Event):
    """NDIS called a handler of the miniport, or the system began a phase."""

    __slots__ = ()


class Leave(Event):
    """A handler of the miniport returned."""

    __slots__ = ()


class CardEvent(Event):
    """The card did something."""

    __slots__ = ()


class Undeclared(Event):
    """A record of a function or kind that nothing declares. A guest may write anything into its records."""

    __slots__ = ()


def argument(number: int) -> int:
    """The field for argument `number` of an event, from 0: the body of a class in `records` gives it its name.

    It is the descriptor of the tuple's own field, so reading it costs what reading that field costs.
    """
    return cast(int, vars(Event)["abcd"[number]])


def column_of(record: type[Event], field: str) -> str:
    """The field's column in a raw record: "a", "b", "c" or "d". Raises KeyError if the class does not declare it."""
    declared = vars(record)[field]
    return next(name for name, value in vars(Event).items() if value is declared)
