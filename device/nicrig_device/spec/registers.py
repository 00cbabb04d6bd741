# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's registers (docs/datasheet.md sections 2 to 4, 15 and 16): data only.

The C header and the datasheet's tables are generated from this file by `python -m nicrig_device.generate`.
"""

from __future__ import annotations

from nicrig_device.spec.layout import Access, Field, Register, RegisterBlock, word

RO, WO, RW, DRIVER, CARD = Access.READ, Access.WRITE, Access.READ_WRITE, Access.DRIVER, Access.CARD

# -- identity ---------------------------------------------------------------------------------------
VENDOR_ID = 0x1AF4
"""Red Hat's id; QEMU's docs/specs/pci-ids sets 10f0 to 10ff aside for experiments."""
DEVICE_ID_BUS_MASTER, DEVICE_ID_SUBORDINATE, DEVICE_ID_NON_DMA = 0x10F0, 0x10F1, 0x10F2
REVISION = 1
CLASS_CODE = (0x02, 0x00, 0x00)
MAGIC = int.from_bytes(b"NICR", "little")
VERSION_MAJOR, VERSION_MINOR = 1, 4

# -- sizes and limits -------------------------------------------------------------------------------
BAR_CONTROL, BAR_MSIX, BAR_DOORBELL, BAR_RECORDER, BAR_PORTS = 0, 1, 2, 3, 4
BAR_BYTES = 0x1000
RAM_BAR_BYTES = 0x80000
"""BAR2 of the non-DMA kind: the words, then the slots."""
PORTS = 16
VECTORS = 2
"""Interrupt vectors: one for frames, one for events. In MSI mode there is one."""
MSIX_TABLE_OFFSET, MSIX_PBA_OFFSET = 0x000, 0x800
QUEUES = 1
"""Queue pairs of a bus master; the address map has room for MAX_QUEUES."""
MAX_QUEUES = 8
RING_MIN, RING_MAX = 8, 4096
RING_ALIGNMENT = 64
INDEX_BITS = 16
"""Ring indices run freely modulo 2**INDEX_BITS, so that full and empty differ."""
FRAME_MIN, FRAME_MAX = 14, 1522
BUFFER_MAX = 65536
CHAIN_MAX = 16
FIFO_FRAMES, FIFO_BYTES = 1024, 0x40000
"""Capacity of the subordinate kind's receive FIFO; bytes as packed for a transfer."""
PACK_PREFIX, PACK_ALIGNMENT = 4, 4
"""In a transfer each frame has this many bytes of length before it, and is padded to a multiple of this."""
SLOTS = 64
"""Slots of the non-DMA kind in each direction."""
SLOT_FRAME = 0x10
"""Offset of the frame in its slot."""

# -- BAR0: control registers, trapped ---------------------------------------------------------------
IDENTITY = word("IDENTITY", 0x000, RO, '"NICR" in ASCII, little endian.', MAGIC)
VERSION = Register(
    "VERSION",
    0x004,
    RO,
    "Interface version (section 10).",
    (
        Field("MINOR", 0, 16, "Grows when something is added.", VERSION_MINOR),
        Field("MAJOR", 16, 16, "Grows when an older driver would fail.", VERSION_MAJOR),
    ),
)
CAPABILITY = Register(
    "CAPABILITY",
    0x008,
    RO,
    "What this card has.",
    (
        Field("QUEUES", 0, 8, "Rx/Tx queue pairs; 0 for a kind without rings.", QUEUES),
        Field("VECTORS", 8, 8, "Interrupt vectors: 2, or 1 in MSI mode.", VECTORS),
        Field("RING_MAX", 16, 16, "Most descriptors a ring may have; 0 for a kind without rings.", RING_MAX),
    ),
)
LIMIT = Register(
    "LIMIT",
    0x00C,
    RO,
    "Frame sizes, without CRC, in bytes.",
    (
        Field("FRAME_MAX", 0, 16, "Longest frame.", FRAME_MAX),
        Field("FRAME_MIN", 16, 16, "Shortest frame.", FRAME_MIN),
    ),
)
MAC_LOW = word("MAC_LOW", 0x010, RO, "Bytes 0 to 3 of the station address, byte 0 lowest.")
MAC_HIGH = Register(
    "MAC_HIGH", 0x014, RO, "The rest of the station address.", (Field("BYTES", 0, 16, "Bytes 4 and 5, byte 4 lowest."),)
)
CONTROL = Register(
    "CONTROL",
    0x018,
    RW,
    "What the card may do.",
    (
        Field("RESET", 0, 1, "Write 1: function reset (section 8). Reads 0."),
        Field("INTERRUPT", 1, 1, "1: vectors may fire. 0: all masked."),
        Field("RECEIVE", 2, 1, "1: frames from the wire are taken. 0: dropped and counted."),
    ),
)
STATUS = Register(
    "STATUS",
    0x01C,
    RO,
    "The state of the card.",
    (
        Field("READY", 0, 1, "0 only when the card is gone (reads give all-ones) or broken.", 1),
        Field("LINK", 1, 1, "1: link is up.", 1),
        Field("FAULT", 2, 1, "1: something was refused since the last write to FAULT."),
    ),
)
KICK = word("KICK", 0x020, WO, "Any write wakes a sleeping card (section 6).")
FAULT = Register(
    "FAULT",
    0x024,
    RW,
    "The last refusal (section 9); any write clears it and STATUS.FAULT.",
    (
        Field("CODE", 0, 8, "Refusal code, 0 for none."),
        Field("TRANSMIT", 8, 1, "1: transmit, 0: receive."),
        Field("QUEUE", 9, 7, "Queue pair."),
        Field("INDEX", 16, 16, "Index of the descriptor, slot or transfer, or the doorbell's low half."),
    ),
)
MODERATION = Register(
    "MODERATION",
    0x028,
    RW,
    "Receive interrupt moderation (section 7).",
    (
        Field("MICROSECONDS", 0, 16, "Longest wait after the first completion."),
        Field("FRAMES", 16, 16, "Completions that end the wait early; 0 counts as 1.", 1),
    ),
)
CARD_BLOCK = RegisterBlock(
    "CARD",
    BAR_CONTROL,
    0x000,
    (
        IDENTITY,
        VERSION,
        CAPABILITY,
        LIMIT,
        MAC_LOW,
        MAC_HIGH,
        CONTROL,
        STATUS,
        KICK,
        FAULT,
        MODERATION,
    ),
    "Card-wide control registers.",
)

RING_BASE_LOW = word("RING_BASE_LOW", 0x00, RW, "Device address of the ring, bits 31 to 0; 64-byte aligned.")
RING_BASE_HIGH = word("RING_BASE_HIGH", 0x04, RW, "Device address of the ring, bits 63 to 32.")
RING_SIZE = word("RING_SIZE", 0x08, RW, "Descriptors in the ring: a power of two, 8 to 4096.")
RING_CONTROL = Register(
    "RING_CONTROL",
    0x0C,
    RW,
    "Ring switch.",
    (Field("ENABLE", 0, 1, "0 to 1 checks the ring and starts at index 0; reads 0 if refused."),),
)
RING_REGISTERS = (RING_BASE_LOW, RING_BASE_HIGH, RING_SIZE, RING_CONTROL)
RX_BLOCK = RegisterBlock("RX", BAR_CONTROL, 0x100, RING_REGISTERS, "Receive ring of queue pair q.", 0x10, MAX_QUEUES)
TX_BLOCK = RegisterBlock("TX", BAR_CONTROL, 0x200, RING_REGISTERS, "Transmit ring of queue pair q.", 0x10, MAX_QUEUES)

# -- BAR2: doorbells and published words, mapped ----------------------------------------------------
ARM_FIELDS = (
    Field("INDEX", 0, 16, "Index (or count) up to which the driver has consumed."),
    Field("SEQUENCE", 16, 15, "Differs from the last arm word, so that no arm is mistaken for an old one."),
    Field("ENABLE", 31, 1, "1: fire once when something lies past INDEX."),
)
RX_TAIL = word("RX_TAIL", 0x00, DRIVER, "Doorbell: index one past the last posted buffer.")
RX_ARM = Register("RX_ARM", 0x04, DRIVER, "Asks for one interrupt on receive.", ARM_FIELDS)
TX_TAIL = word("TX_TAIL", 0x08, DRIVER, "Doorbell: index one past the last descriptor to send.")
TX_ARM = Register("TX_ARM", 0x0C, DRIVER, "Asks for one interrupt on transmit completion.", ARM_FIELDS)
RX_HEAD = word("RX_HEAD", 0x40, CARD, "Index one past the last completed receive descriptor.")
TX_HEAD = word("TX_HEAD", 0x44, CARD, "Index one past the last completed transmit descriptor.")
QUEUE_BLOCK = RegisterBlock(
    "QUEUE",
    BAR_DOORBELL,
    0x000,
    (
        RX_TAIL,
        RX_ARM,
        TX_TAIL,
        TX_ARM,
        RX_HEAD,
        TX_HEAD,
    ),
    "Words of queue pair q: one cache line for the driver, one for the card.",
    0x80,
    MAX_QUEUES,
)

EVENT_ARM = Register("EVENT_ARM", 0x00, DRIVER, "Asks for one interrupt on a link change or a fault.", ARM_FIELDS)
SLEEPING = word("SLEEPING", 0x40, CARD, "1: a doorbell must be followed by KICK (section 6).")
EVENT = word("EVENT", 0x44, CARD, "Counts link changes and faults, modulo 2**16.")
LINK = word("LINK", 0x48, CARD, "1: link is up.", 1)
EVENT_BLOCK = RegisterBlock("EVENT", BAR_DOORBELL, 0xF00, (EVENT_ARM, SLEEPING, EVENT, LINK), "Card-wide words.")

# -- subordinate DMA: the channel, which is the platform's, and the transfers, which are the card's ------
STOP = word("STOP", 0x00, WO, "Any write ends the transfer; when it returns no DMA follows.")
DMA_BLOCK = RegisterBlock("DMA", BAR_CONTROL, 0x300, (STOP,), "The DMA channel's stop, at once.")

ADDRESS_LOW = word("ADDRESS_LOW", 0x00, DRIVER, "Device address of the buffer, bits 31 to 0.")
ADDRESS_HIGH = word("ADDRESS_HIGH", 0x04, DRIVER, "Device address of the buffer, bits 63 to 32.")
LENGTH = word("LENGTH", 0x08, DRIVER, "Bytes of the buffer, 1 to BUFFER_MAX.")
CHANNEL_CONTROL = Register(
    "CONTROL",
    0x0C,
    DRIVER,
    "Channel switch; written last.",
    (
        Field("ENABLE", 0, 1, "1: the channel is set up. 0: it is not, and the card moves nothing."),
        Field("WRITE_TO_DEVICE", 1, 1, "1: from memory to the card. 0: from the card to memory."),
    ),
)
COUNT = word(
    "COUNT",
    0x40,
    CARD,
    "Bytes left of LENGTH when a transfer is over. The driver writes LENGTH here when it sets the channel up.",
)
ACTIVE = word("ACTIVE", 0x44, CARD, "1: the card is moving data.")
CHANNEL_BLOCK = RegisterBlock(
    "CHANNEL",
    BAR_DOORBELL,
    0x800,
    (ADDRESS_LOW, ADDRESS_HIGH, LENGTH, CHANNEL_CONTROL, COUNT, ACTIVE),
    "The DMA channel, set up in NdisMSetupDmaTransfer.",
)

START = Register(
    "START",
    0x00,
    DRIVER,
    "Doorbell: starts a transfer.",
    (
        Field("INDEX", 0, 16, "Number of the transfer: DONE + 1, modulo 2**16."),
        Field("TRANSMIT", 16, 1, "1: frames to send. 0: frames that wait."),
    ),
)
RECEIVE_ARM = Register("RECEIVE_ARM", 0x04, DRIVER, "Asks for one interrupt on a frame that waits.", ARM_FIELDS)
DONE_ARM = Register("DONE_ARM", 0x08, DRIVER, "Asks for one interrupt on the end of a transfer.", ARM_FIELDS)
RECEIVED = word("RECEIVED", 0x40, CARD, "Frames that the FIFO has taken since the reset, modulo 2**16.")
WAITING = word("WAITING", 0x44, CARD, "Frames that wait in the FIFO.")
TRANSFER_STATUS = Register(
    "STATUS",
    0x48,
    CARD,
    "How the last transfer ended.",
    (
        Field("FRAMES", 0, 16, "Whole frames moved."),
        Field("ERROR", 16, 1, "1: not all that was asked for has been moved."),
        Field("CODE", 24, 8, "With ERROR: the refusal's code (section 9), 0 when it was stopped."),
    ),
)
DONE = word("DONE", 0x4C, CARD, "Number of the last transfer that is over, modulo 2**16; written last.")
TRANSFER_BLOCK = RegisterBlock(
    "TRANSFER",
    BAR_DOORBELL,
    0x880,
    (START, RECEIVE_ARM, DONE_ARM, RECEIVED, WAITING, TRANSFER_STATUS, DONE),
    "Transfers of the subordinate kind.",
)

# -- non-DMA: slots in the card's own memory, and I/O ports -------------------------------------------
SLOT_LENGTH = word("LENGTH", 0x00, CARD, "Bytes of the frame that begins at SLOT_FRAME.")
RX_SLOT_BLOCK = RegisterBlock("RX_SLOT", BAR_DOORBELL, 0x20000, (SLOT_LENGTH,), "Receive slot n.", 0x800, SLOTS, "n")
SENT_LENGTH = word("LENGTH", 0x00, DRIVER, "Bytes of the frame that begins at SLOT_FRAME.")
SENT_STATUS = word("STATUS", 0x04, CARD, "As a descriptor's (section 5); valid when TX_HEAD has passed the slot.")
TX_SLOT_BLOCK = RegisterBlock(
    "TX_SLOT", BAR_DOORBELL, 0x40000, (SENT_LENGTH, SENT_STATUS), "Transmit slot n.", 0x800, SLOTS, "n"
)
PORT_INDEX = word("INDEX", 0x00, RW, "Offset in BAR0 of the register that DATA means.")
PORT_DATA = word("DATA", 0x04, RW, "That register.")
PORT_BLOCK = RegisterBlock("PORT", BAR_PORTS, 0x00, (PORT_INDEX, PORT_DATA), "I/O ports of the non-DMA kind.")

BLOCKS = (
    *(CARD_BLOCK, RX_BLOCK, TX_BLOCK, QUEUE_BLOCK, EVENT_BLOCK),
    *(DMA_BLOCK, CHANNEL_BLOCK, TRANSFER_BLOCK),
    *(RX_SLOT_BLOCK, TX_SLOT_BLOCK, PORT_BLOCK),
)
