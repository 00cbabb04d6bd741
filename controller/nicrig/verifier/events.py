# SPDX-License-Identifier: GPL-2.0-or-later
"""One event of the stream that the verifier judges: a record of the guest's recorder, or of the card's own trace."""

from __future__ import annotations

from typing import NamedTuple

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
}
"""What the card records of itself, and its arguments. `status` is the descriptor's status as written back, `digest` a
CRC32C and in its high half the slot that keeps the bytes."""


class Event(NamedTuple):
    """What happened. `function` is a name of `functions` or of CARD_EVENTS; a to d are its arguments in order."""

    sequence: int
    function: str
    kind: int  # functions.Kind
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
