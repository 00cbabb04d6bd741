/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generated from device/nicrig_device/spec/registers.py by `make generate`: do not edit. */
#ifndef NICRIG_HARDWARE_H
#define NICRIG_HARDWARE_H

#define NICRIG_VENDOR_ID                        0x1af4
#define NICRIG_DEVICE_ID_BUS_MASTER             0x10f0
#define NICRIG_DEVICE_ID_SUBORDINATE            0x10f1
#define NICRIG_DEVICE_ID_NON_DMA                0x10f2
#define NICRIG_MAGIC                            0x5243494e
#define NICRIG_VERSION_MAJOR                    0x1
#define NICRIG_BAR_CONTROL                      0x0
#define NICRIG_BAR_DOORBELL                     0x2
#define NICRIG_BAR_RECORDER                     0x3
#define NICRIG_BAR_PORTS                        0x4
#define NICRIG_BAR_BYTES                        0x1000
#define NICRIG_RAM_BAR_BYTES                    0x80000
#define NICRIG_PORTS                            0x10
#define NICRIG_RING_MIN                         0x8
#define NICRIG_RING_MAX                         0x1000
#define NICRIG_RING_ALIGNMENT                   0x40
#define NICRIG_INDEX_MASK                       0xffff
#define NICRIG_FRAME_MIN                        0xe
#define NICRIG_FRAME_MAX                        0x5f2
#define NICRIG_BUFFER_MAX                       0x10000
#define NICRIG_CHAIN_MAX                        0x10
#define NICRIG_FIFO_FRAMES                      0x400
#define NICRIG_FIFO_BYTES                       0x40000
#define NICRIG_PACK_PREFIX                      0x4
#define NICRIG_PACK_ALIGNMENT                   0x4
#define NICRIG_SLOTS                            0x40
#define NICRIG_SLOT_FRAME                       0x10

/* BAR0: Card-wide control registers. Offsets are within the block. */
#define NICRIG_CARD_BASE                        0x0
#define NICRIG_CARD_IDENTITY                    0x0         /* RO, reset 0x5243494e */
#define NICRIG_CARD_VERSION                     0x4         /* RO, reset 0x10004 */
#define NICRIG_CARD_VERSION_MINOR               0xffff
#define NICRIG_CARD_VERSION_MINOR_SHIFT         0x0
#define NICRIG_CARD_VERSION_MAJOR               0xffff0000
#define NICRIG_CARD_VERSION_MAJOR_SHIFT         0x10
#define NICRIG_CARD_CAPABILITY                  0x8         /* RO, reset 0x10000201 */
#define NICRIG_CARD_CAPABILITY_QUEUES           0xff
#define NICRIG_CARD_CAPABILITY_QUEUES_SHIFT     0x0
#define NICRIG_CARD_CAPABILITY_VECTORS          0xff00
#define NICRIG_CARD_CAPABILITY_VECTORS_SHIFT    0x8
#define NICRIG_CARD_CAPABILITY_RING_MAX         0xffff0000
#define NICRIG_CARD_CAPABILITY_RING_MAX_SHIFT   0x10
#define NICRIG_CARD_LIMIT                       0xc         /* RO, reset 0xe05f2 */
#define NICRIG_CARD_LIMIT_FRAME_MAX             0xffff
#define NICRIG_CARD_LIMIT_FRAME_MAX_SHIFT       0x0
#define NICRIG_CARD_LIMIT_FRAME_MIN             0xffff0000
#define NICRIG_CARD_LIMIT_FRAME_MIN_SHIFT       0x10
#define NICRIG_CARD_MAC_LOW                     0x10        /* RO, reset 0x0 */
#define NICRIG_CARD_MAC_HIGH                    0x14        /* RO, reset 0x0 */
#define NICRIG_CARD_MAC_HIGH_BYTES              0xffff
#define NICRIG_CARD_MAC_HIGH_BYTES_SHIFT        0x0
#define NICRIG_CARD_CONTROL                     0x18        /* RW, reset 0x0 */
#define NICRIG_CARD_CONTROL_RESET               0x1
#define NICRIG_CARD_CONTROL_INTERRUPT           0x2
#define NICRIG_CARD_CONTROL_RECEIVE             0x4
#define NICRIG_CARD_STATUS                      0x1c        /* RO, reset 0x3 */
#define NICRIG_CARD_STATUS_READY                0x1
#define NICRIG_CARD_STATUS_LINK                 0x2
#define NICRIG_CARD_STATUS_FAULT                0x4
#define NICRIG_CARD_KICK                        0x20        /* WO, reset 0x0 */
#define NICRIG_CARD_FAULT                       0x24        /* RW, reset 0x0 */
#define NICRIG_CARD_FAULT_CODE                  0xff
#define NICRIG_CARD_FAULT_CODE_SHIFT            0x0
#define NICRIG_CARD_FAULT_TRANSMIT              0x100
#define NICRIG_CARD_FAULT_QUEUE                 0xfe00
#define NICRIG_CARD_FAULT_QUEUE_SHIFT           0x9
#define NICRIG_CARD_FAULT_INDEX                 0xffff0000
#define NICRIG_CARD_FAULT_INDEX_SHIFT           0x10
#define NICRIG_CARD_MODERATION                  0x28        /* RW, reset 0x10000 */
#define NICRIG_CARD_MODERATION_MICROSECONDS     0xffff
#define NICRIG_CARD_MODERATION_MICROSECONDS_SHIFT 0x0
#define NICRIG_CARD_MODERATION_FRAMES           0xffff0000
#define NICRIG_CARD_MODERATION_FRAMES_SHIFT     0x10

/* BAR0: Receive ring of queue pair q. Offsets are within the block. */
#define NICRIG_RX_BASE                          0x100
#define NICRIG_RX_STRIDE                        0x10
#define NICRIG_RX_RING_BASE_LOW                 0x0         /* RW, reset 0x0 */
#define NICRIG_RX_RING_BASE_HIGH                0x4         /* RW, reset 0x0 */
#define NICRIG_RX_RING_SIZE                     0x8         /* RW, reset 0x0 */
#define NICRIG_RX_RING_CONTROL                  0xc         /* RW, reset 0x0 */
#define NICRIG_RX_RING_CONTROL_ENABLE           0x1

/* BAR0: Transmit ring of queue pair q. Offsets are within the block. */
#define NICRIG_TX_BASE                          0x200
#define NICRIG_TX_STRIDE                        0x10
#define NICRIG_TX_RING_BASE_LOW                 0x0         /* RW, reset 0x0 */
#define NICRIG_TX_RING_BASE_HIGH                0x4         /* RW, reset 0x0 */
#define NICRIG_TX_RING_SIZE                     0x8         /* RW, reset 0x0 */
#define NICRIG_TX_RING_CONTROL                  0xc         /* RW, reset 0x0 */
#define NICRIG_TX_RING_CONTROL_ENABLE           0x1

/* BAR2: Words of queue pair q: one cache line for the driver, one for the card. Offsets are within the block. */
#define NICRIG_QUEUE_BASE                       0x0
#define NICRIG_QUEUE_STRIDE                     0x80
#define NICRIG_QUEUE_RX_TAIL                    0x0         /* driver, reset 0x0 */
#define NICRIG_QUEUE_RX_ARM                     0x4         /* driver, reset 0x0 */
#define NICRIG_QUEUE_RX_ARM_INDEX               0xffff
#define NICRIG_QUEUE_RX_ARM_INDEX_SHIFT         0x0
#define NICRIG_QUEUE_RX_ARM_SEQUENCE            0x7fff0000
#define NICRIG_QUEUE_RX_ARM_SEQUENCE_SHIFT      0x10
#define NICRIG_QUEUE_RX_ARM_ENABLE              0x80000000
#define NICRIG_QUEUE_TX_TAIL                    0x8         /* driver, reset 0x0 */
#define NICRIG_QUEUE_TX_ARM                     0xc         /* driver, reset 0x0 */
#define NICRIG_QUEUE_TX_ARM_INDEX               0xffff
#define NICRIG_QUEUE_TX_ARM_INDEX_SHIFT         0x0
#define NICRIG_QUEUE_TX_ARM_SEQUENCE            0x7fff0000
#define NICRIG_QUEUE_TX_ARM_SEQUENCE_SHIFT      0x10
#define NICRIG_QUEUE_TX_ARM_ENABLE              0x80000000
#define NICRIG_QUEUE_RX_HEAD                    0x40        /* card, reset 0x0 */
#define NICRIG_QUEUE_TX_HEAD                    0x44        /* card, reset 0x0 */

/* BAR2: Card-wide words. Offsets are within the block. */
#define NICRIG_EVENT_BASE                       0xf00
#define NICRIG_EVENT_EVENT_ARM                  0x0         /* driver, reset 0x0 */
#define NICRIG_EVENT_EVENT_ARM_INDEX            0xffff
#define NICRIG_EVENT_EVENT_ARM_INDEX_SHIFT      0x0
#define NICRIG_EVENT_EVENT_ARM_SEQUENCE         0x7fff0000
#define NICRIG_EVENT_EVENT_ARM_SEQUENCE_SHIFT   0x10
#define NICRIG_EVENT_EVENT_ARM_ENABLE           0x80000000
#define NICRIG_EVENT_SLEEPING                   0x40        /* card, reset 0x0 */
#define NICRIG_EVENT_EVENT                      0x44        /* card, reset 0x0 */
#define NICRIG_EVENT_LINK                       0x48        /* card, reset 0x1 */

/* BAR0: The DMA channel's stop, at once. Offsets are within the block. */
#define NICRIG_DMA_BASE                         0x300
#define NICRIG_DMA_STOP                         0x0         /* WO, reset 0x0 */

/* BAR2: The DMA channel, set up in NdisMSetupDmaTransfer. Offsets are within the block. */
#define NICRIG_CHANNEL_BASE                     0x800
#define NICRIG_CHANNEL_ADDRESS_LOW              0x0         /* driver, reset 0x0 */
#define NICRIG_CHANNEL_ADDRESS_HIGH             0x4         /* driver, reset 0x0 */
#define NICRIG_CHANNEL_LENGTH                   0x8         /* driver, reset 0x0 */
#define NICRIG_CHANNEL_CONTROL                  0xc         /* driver, reset 0x0 */
#define NICRIG_CHANNEL_CONTROL_ENABLE           0x1
#define NICRIG_CHANNEL_CONTROL_WRITE_TO_DEVICE  0x2
#define NICRIG_CHANNEL_COUNT                    0x40        /* card, reset 0x0 */
#define NICRIG_CHANNEL_ACTIVE                   0x44        /* card, reset 0x0 */

/* BAR2: Transfers of the subordinate kind. Offsets are within the block. */
#define NICRIG_TRANSFER_BASE                    0x880
#define NICRIG_TRANSFER_START                   0x0         /* driver, reset 0x0 */
#define NICRIG_TRANSFER_START_INDEX             0xffff
#define NICRIG_TRANSFER_START_INDEX_SHIFT       0x0
#define NICRIG_TRANSFER_START_TRANSMIT          0x10000
#define NICRIG_TRANSFER_RECEIVE_ARM             0x4         /* driver, reset 0x0 */
#define NICRIG_TRANSFER_RECEIVE_ARM_INDEX       0xffff
#define NICRIG_TRANSFER_RECEIVE_ARM_INDEX_SHIFT 0x0
#define NICRIG_TRANSFER_RECEIVE_ARM_SEQUENCE    0x7fff0000
#define NICRIG_TRANSFER_RECEIVE_ARM_SEQUENCE_SHIFT 0x10
#define NICRIG_TRANSFER_RECEIVE_ARM_ENABLE      0x80000000
#define NICRIG_TRANSFER_DONE_ARM                0x8         /* driver, reset 0x0 */
#define NICRIG_TRANSFER_DONE_ARM_INDEX          0xffff
#define NICRIG_TRANSFER_DONE_ARM_INDEX_SHIFT    0x0
#define NICRIG_TRANSFER_DONE_ARM_SEQUENCE       0x7fff0000
#define NICRIG_TRANSFER_DONE_ARM_SEQUENCE_SHIFT 0x10
#define NICRIG_TRANSFER_DONE_ARM_ENABLE         0x80000000
#define NICRIG_TRANSFER_RECEIVED                0x40        /* card, reset 0x0 */
#define NICRIG_TRANSFER_WAITING                 0x44        /* card, reset 0x0 */
#define NICRIG_TRANSFER_STATUS                  0x48        /* card, reset 0x0 */
#define NICRIG_TRANSFER_STATUS_FRAMES           0xffff
#define NICRIG_TRANSFER_STATUS_FRAMES_SHIFT     0x0
#define NICRIG_TRANSFER_STATUS_ERROR            0x10000
#define NICRIG_TRANSFER_STATUS_CODE             0xff000000
#define NICRIG_TRANSFER_STATUS_CODE_SHIFT       0x18
#define NICRIG_TRANSFER_DONE                    0x4c        /* card, reset 0x0 */

/* BAR2: Receive slot n. Offsets are within the block. */
#define NICRIG_RX_SLOT_BASE                     0x20000
#define NICRIG_RX_SLOT_STRIDE                   0x800
#define NICRIG_RX_SLOT_LENGTH                   0x0         /* card, reset 0x0 */

/* BAR2: Transmit slot n. Offsets are within the block. */
#define NICRIG_TX_SLOT_BASE                     0x40000
#define NICRIG_TX_SLOT_STRIDE                   0x800
#define NICRIG_TX_SLOT_LENGTH                   0x0         /* driver, reset 0x0 */
#define NICRIG_TX_SLOT_STATUS                   0x4         /* card, reset 0x0 */

/* BAR4: I/O ports of the non-DMA kind. Offsets are within the block. */
#define NICRIG_PORT_BASE                        0x0
#define NICRIG_PORT_INDEX                       0x0         /* RW, reset 0x0 */
#define NICRIG_PORT_DATA                        0x4         /* RW, reset 0x0 */

/* Datasheet section 5: the descriptor of both rings. */
struct nicrig_descriptor {
	ULONG64 address;       /* Device address of the buffer. */
	ULONG length;          /* Bytes: the buffer's when posted, the frame's when a receive is written back. */
	USHORT flags;          /* END_OF_FRAME. */
	USHORT status;         /* 0 while the card owns the descriptor; written back last. */
};
C_ASSERT(sizeof(struct nicrig_descriptor) == 16);

C_ASSERT(FIELD_OFFSET(struct nicrig_descriptor, address) == 0);
C_ASSERT(FIELD_OFFSET(struct nicrig_descriptor, length) == 8);
C_ASSERT(FIELD_OFFSET(struct nicrig_descriptor, flags) == 12);
C_ASSERT(FIELD_OFFSET(struct nicrig_descriptor, status) == 14);

#define NICRIG_FLAG_END_OF_FRAME                0x1
#define NICRIG_STATUS_DONE                      0x1
#define NICRIG_STATUS_ERROR                     0x2
#define NICRIG_STATUS_CODE_SHIFT                0x8
#define NICRIG_REFUSAL_DOORBELL                 0x1
#define NICRIG_REFUSAL_RING                     0x2
#define NICRIG_REFUSAL_LENGTH                   0x3
#define NICRIG_REFUSAL_ADDRESS                  0x4
#define NICRIG_REFUSAL_CHAIN                    0x5
#define NICRIG_REFUSAL_ACCESS                   0x6
#define NICRIG_REFUSAL_TRANSFER                 0x7
#define NICRIG_REFUSAL_LEDGER                   0x8

/* Datasheet section 11: 64-bit counters, low word first, and their names in order. */
#define NICRIG_COUNTER_BASE                     0x400
#define NICRIG_COUNTERS                         0x23
#define NICRIG_COUNTER_RX_FRAMES                0x0
#define NICRIG_COUNTER_RX_BYTES                 0x1
#define NICRIG_COUNTER_RX_NO_BUFFER             0x2
#define NICRIG_COUNTER_RX_DISABLED              0x3
#define NICRIG_COUNTER_RX_LINK_DOWN             0x4
#define NICRIG_COUNTER_RX_TOO_LONG              0x5
#define NICRIG_COUNTER_RX_REFUSED               0x6
#define NICRIG_COUNTER_RX_TOO_SHORT             0x7
#define NICRIG_COUNTER_TX_FRAMES                0x8
#define NICRIG_COUNTER_TX_BYTES                 0x9
#define NICRIG_COUNTER_TX_NO_PEER               0xa
#define NICRIG_COUNTER_TX_STALLED               0xb
#define NICRIG_COUNTER_TX_LINK_DOWN             0xc
#define NICRIG_COUNTER_INTERRUPTS               0xd
#define NICRIG_COUNTER_KICKS                    0xe
#define NICRIG_COUNTER_RESETS                   0xf
#define NICRIG_COUNTER_REFUSED_DOORBELL         0x10
#define NICRIG_COUNTER_REFUSED_RING             0x11
#define NICRIG_COUNTER_REFUSED_LENGTH           0x12
#define NICRIG_COUNTER_REFUSED_ADDRESS          0x13
#define NICRIG_COUNTER_REFUSED_CHAIN            0x14
#define NICRIG_COUNTER_REFUSED_ACCESS           0x15
#define NICRIG_COUNTER_REFUSED_TRANSFER         0x16
#define NICRIG_COUNTER_REFUSED_LEDGER           0x17
#define NICRIG_COUNTER_LEDGER_BEFORE_GRANT      0x18
#define NICRIG_COUNTER_LEDGER_AFTER_FREE        0x19
#define NICRIG_COUNTER_LEDGER_OUTSIDE           0x1a
#define NICRIG_COUNTER_LEDGER_ACROSS_END        0x1b
#define NICRIG_COUNTER_LEDGER_WRONG_DIRECTION   0x1c
#define NICRIG_COUNTER_LEDGER_GUARD_CHANGED     0x1d
#define NICRIG_COUNTER_BEHAVIOUR_DROPPED        0x1e
#define NICRIG_COUNTER_HAND_OVER_INCOMPLETE     0x1f
#define NICRIG_COUNTER_HAND_OVER_DESCRIPTOR_CHANGED 0x20
#define NICRIG_COUNTER_HAND_OVER_SEND_CHANGED   0x21
#define NICRIG_COUNTER_HAND_OVER_RECEIVE_CHANGED 0x22
#define NICRIG_COUNTER_NAMES \
	"rx_frames", \
	"rx_bytes", \
	"rx_no_buffer", \
	"rx_disabled", \
	"rx_link_down", \
	"rx_too_long", \
	"rx_refused", \
	"rx_too_short", \
	"tx_frames", \
	"tx_bytes", \
	"tx_no_peer", \
	"tx_stalled", \
	"tx_link_down", \
	"interrupts", \
	"kicks", \
	"resets", \
	"refused_doorbell", \
	"refused_ring", \
	"refused_length", \
	"refused_address", \
	"refused_chain", \
	"refused_access", \
	"refused_transfer", \
	"refused_ledger", \
	"ledger_before_grant", \
	"ledger_after_free", \
	"ledger_outside", \
	"ledger_across_end", \
	"ledger_wrong_direction", \
	"ledger_guard_changed", \
	"behaviour_dropped", \
	"hand_over_incomplete", \
	"hand_over_descriptor_changed", \
	"hand_over_send_changed", \
	"hand_over_receive_changed"

#endif /* NICRIG_HARDWARE_H */
