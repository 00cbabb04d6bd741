# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of the contract (docs/ndis51.md section 1) and of the card (docs/datasheet.md) that rules need."""

SUCCESS = 0x00000000
PENDING = 0x00000103
FAILURE = 0xC0000001
RESOURCES = 0xC000009A
NOT_SUPPORTED = 0xC00000BB
RESOURCE_CONFLICT = 0xC001001E
STATUS_NAMES = {
    0x00000000: "SUCCESS",
    0x00000103: "PENDING",
    0x00010001: "NOT_RECOGNIZED",
    0x00010002: "NOT_COPIED",
    0x00010003: "NOT_ACCEPTED",
    0x40010004: "RESET_START",
    0x40010005: "RESET_END",
    0x4001000B: "MEDIA_CONNECT",
    0x4001000C: "MEDIA_DISCONNECT",
    0x80010003: "SOFT_ERRORS",
    0x80010004: "HARD_ERRORS",
    0xC0000001: "FAILURE",
    0xC000009A: "RESOURCES",
    0xC00000BB: "NOT_SUPPORTED",
    0xC0010002: "CLOSING",
    0xC0010004: "BAD_VERSION",
    0xC0010005: "BAD_CHARACTERISTICS",
    0xC0010006: "ADAPTER_NOT_FOUND",
    0xC0010007: "OPEN_FAILED",
    0xC0010008: "DEVICE_FAILED",
    0xC0010009: "MULTICAST_FULL",
    0xC001000C: "REQUEST_ABORTED",
    0xC001000D: "RESET_IN_PROGRESS",
    0xC001000F: "INVALID_PACKET",
    0xC0010014: "INVALID_LENGTH",
    0xC0010015: "INVALID_DATA",
    0xC0010016: "BUFFER_TOO_SHORT",
    0xC0010018: "ADAPTER_REMOVED",
    0xC0010019: "UNSUPPORTED_MEDIA",
    0xC001001E: "RESOURCE_CONFLICT",
    0xC0010022: "INVALID_ADDRESS",
}
"""What follows NDIS_STATUS_ in the name of each status, as guest_driver/ndis/include/ndis.h has them."""

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
