# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of the contract (docs/ndis51.md section 1) and of the card (docs/datasheet.md) that rules need."""

SUCCESS = 0x00000000
PENDING = 0x00000103
FAILURE = 0xC0000001
RESOURCES = 0xC000009A
NOT_SUPPORTED = 0xC00000BB
RESOURCE_CONFLICT = 0xC001001E

CONTIGUOUS = 0x1
NONCACHED = 0x2
ANY_ADDRESS = 0xFFFFFFFFFFFFFFFF

BUS_MASTER = 0x8
DESERIALIZE = 0x20
SAFE_BUFFER_APIS = 0x200

BUS_ISA = 1
BUS_PCI = 5

DMA_24_BITS, DMA_32_BITS, DMA_64_BITS = range(3)
WIDTH = {DMA_24_BITS: 24, DMA_32_BITS: 32, DMA_64_BITS: 64}

REQUEST_ISR, SHARED_INTERRUPT, LATCHED = 1, 2, 4

PAGED = 0x1
"""The bit of POOL_TYPE that every paged type has."""

SURPRISE_REMOVED = 2
NOT_ASKED = 0xFFFFFFFFFFFFFFFF
"""What NdisQueryPacket records when the caller did not ask for the total."""

PAGE = 0x1000
POINTERS_4 = 32
"""ProtocolReserved of a receive packet: four pointers of 64 bits."""
MAP_REGISTER_LIMIT = 64

DEVICE_BUS_MASTER, DEVICE_SUBORDINATE, DEVICE_NON_DMA = 0x10F0, 0x10F1, 0x10F2
DESCRIPTOR_BYTES = 16
BAR_CONTROL, CONTROL_OFFSET, CONTROL_INTERRUPT = 0, 0x18, 0x2
RX_TAIL_OFFSET, TX_TAIL_OFFSET, PAGE = 0x0, 0x8, 0x1000
"""Where the doorbells lie in a mapping of BAR2, which begins on a page. BAR0 has nothing to write there."""
HALF_OF_INDICES = 0x8000
STATUS_ERROR = 0x2
REFUSED_ADDRESS = 4
GUARD_CHANGED = 6
FINDING, FOR_TRANSMIT = 0xFF, 0x100
"""What was found, in the argument of card.ledger and card.hand_over, and whether it was in the transmit direction."""
INCOMPLETE, DESCRIPTOR_CHANGED = 1, 2
"""Findings of card.hand_over; the others are changed buffers."""
LINE = 64
"""The cache line in bytes, until NdisMGetDmaAlignment has said otherwise."""
CRC = 0xFFFF_FFFF
"""The bits of a digest that are the CRC32C; the others are the slot that keeps the bytes."""

IMAGE = 0xFFFFFFFF80000000
"""Where Linux on x86-64 maps the kernel and its modules: the driver's static memory is above this address."""

POISON = 0x5A5A5A5A
"""Four bytes of the pattern that the NDIS layer fills a new block with."""


def span(address: int, length: int) -> int:
    """Pages that [address, address + length) touches (section 1.3)."""
    return ((address & (PAGE - 1)) + length + PAGE - 1) // PAGE


def worst_span(length: int) -> int:
    """Pages that `length` bytes touch at the worst alignment (section 1.3)."""
    return (length - 2) // PAGE + 2 if length >= 2 else 1
