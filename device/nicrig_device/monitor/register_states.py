# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's registers with their values. Reading them here changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from nicrig_device.card import Card
from nicrig_device.pci import ports
from nicrig_device.spec.layout import WORD_BITS, Register, RegisterBlock
from nicrig_device.spec.registers import BAR_CONTROL, BAR_DOORBELL, BLOCKS, EVENT_BLOCK, PORT_BLOCK
from nicrig_interface.answers import FieldState, RegisterState

BYTES = WORD_BITS // 8


def register_states(card: Card) -> Iterator[RegisterState]:
    """Every register that this kind of card has, in the datasheet's order."""
    copies = {EVENT_BLOCK.name: 1, **{block.name: count for block, count in card.kind.blocks}}
    for block in BLOCKS:
        for copy in range(copies.get(block.name, 0) if block.bar == BAR_DOORBELL else block.count):
            for register in block.registers:
                if _is_there(card, block, block.address(register, copy)):
                    yield _state(card, block, copy, register)


def _is_there(card: Card, block: RegisterBlock, offset: int) -> bool:
    if block.bar == BAR_CONTROL:
        return offset in card.control.handlers
    return block is not PORT_BLOCK or card.kind.has_ports


def _state(card: Card, block: RegisterBlock, copy: int, register: Register) -> RegisterState:
    offset = block.address(register, copy)
    value = _value(card, block, offset)
    fields = [
        FieldState(item.name, item.low, item.width, None if value is None else item.of(value))
        for item in register.fields
        if item.width < WORD_BITS
    ]
    where = (block.name, copy, register.name, block.bar, offset, WORD_BITS)
    return RegisterState(*where, register.access.value, value, fields, register.doc)


def _value(card: Card, block: RegisterBlock, offset: int) -> int | None:
    if block.bar == BAR_DOORBELL:
        return int.from_bytes(card.page.bytes()[offset : offset + BYTES], "little")
    if block is PORT_BLOCK:
        return card.ports.index if offset == ports.INDEX else _control(card, card.ports.index)
    return _control(card, offset)


def _control(card: Card, offset: int) -> int | None:
    handler = card.control.handlers.get(offset)
    return handler.read() if handler is not None and handler.read is not None else None
