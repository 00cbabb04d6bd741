# SPDX-License-Identifier: GPL-2.0-or-later
"""The types in which registers are declared: data only, checked at the declaration."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

WORD_BITS = 32


class Access(enum.Enum):
    """Who may read and write a word. The value is the datasheet's notation."""

    READ = "RO"
    WRITE = "WO"
    READ_WRITE = "RW"
    DRIVER = "driver"  # mapped word that only the driver writes
    CARD = "card"  # mapped word that only the card writes


@dataclass(frozen=True)
class Bar:
    """A base address register of `size` bytes; `fd` is the file behind it if the guest may map it."""

    number: int
    size: int
    fd: int | None = None
    ports: bool = False
    """Whether it takes I/O ports instead of memory."""


@dataclass(frozen=True)
class Field:
    """Bits [low, low + width) of a word."""

    name: str
    low: int
    width: int
    doc: str
    reset: int = 0

    def __post_init__(self) -> None:
        if self.width < 1 or self.low < 0 or self.low + self.width > WORD_BITS:
            raise ValueError(f"field {self.name}: bits [{self.low}, {self.low + self.width}) leave the 32-bit word")
        self.put(self.reset)

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low

    def put(self, value: int) -> int:
        """The value shifted into the field. Raises ValueError when it needs more than `width` bits."""
        if not 0 <= value < 1 << self.width:
            raise ValueError(
                f"field {self.name}: {value} does not fit {self.width} bit(s), 0 to {(1 << self.width) - 1}"
            )
        return value << self.low

    def of(self, word: int) -> int:
        """This field's value in a word."""
        return (word & self.mask) >> self.low


@dataclass(frozen=True)
class Register:
    """One 32-bit word at a byte offset of its block. Bits that no field claims read zero and ignore writes."""

    name: str
    offset: int
    access: Access
    doc: str
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.offset % 4:
            raise ValueError(f"register {self.name}: offset {self.offset:#x} is not a multiple of 4")
        claimed = 0
        for item in self.fields:
            if claimed & item.mask:
                raise ValueError(f"register {self.name}: field {item.name} overlaps another")
            claimed |= item.mask
        object.__setattr__(self, "by_name", {item.name: item for item in self.fields})

    @property
    def reset(self) -> int:
        return self.pack()

    @property
    def mask(self) -> int:
        return sum(item.mask for item in self.fields)

    def pack(self, **values: int) -> int:
        """The word with these field values, the others at reset. Raises KeyError and ValueError."""
        for name in values:
            if name not in self.by_name:
                raise KeyError(f"register {self.name} has no field {name}: {', '.join(self.by_name)}")
        return sum(item.put(values.get(item.name, item.reset)) for item in self.fields)

    def field(self, name: str) -> Field:
        return self.by_name[name]


def word(name: str, offset: int, access: Access, doc: str, reset: int = 0) -> Register:
    """A register that is one 32-bit value."""
    return Register(name, offset, access, doc, (Field("VALUE", 0, WORD_BITS, doc, reset),))


@dataclass(frozen=True)
class RegisterBlock:
    """Registers that stand together in a BAR, `count` times, `stride` bytes apart."""

    name: str
    bar: int
    base: int
    registers: tuple[Register, ...]
    doc: str
    stride: int = 0
    count: int = 1
    letter: str = "q"
    """The letter for the number of a copy in the datasheet."""

    def __post_init__(self) -> None:
        offsets = [register.offset for register in self.registers]
        if len(set(offsets)) != len(offsets):
            raise ValueError(f"block {self.name}: two registers share an offset")
        if self.count > 1 and max(offsets) + 4 > self.stride:
            raise ValueError(f"block {self.name}: registers reach past the stride of {self.stride:#x}")

    def address(self, register: Register, index: int = 0) -> int:
        """Byte offset in the BAR. Raises IndexError when the block has no such copy."""
        if not 0 <= index < self.count:
            raise IndexError(f"block {self.name} has copies 0 to {self.count - 1}, not {index}")
        return self.base + index * self.stride + register.offset
