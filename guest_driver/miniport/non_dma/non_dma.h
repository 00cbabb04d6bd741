/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The non-DMA kind: frames lie in slots of the card's own memory, which the driver maps and copies from and to; a pair
 * of I/O ports leads to the registers (datasheet section 16; docs/ndis51.md section 8.3). A frame comes in by receive.c
 * and goes out by send.c; ports.c reaches the registers.
 *
 * sends.lock guards the transmit slots, ports_lock the pair of ports; the receive slots are the deferred half's.
 */
#ifndef NICRIG_NON_DMA_H
#define NICRIG_NON_DMA_H

#include "../batch.h"

/* Indices run freely: transmit slots [tx_head, tx_tail) are the card's, and receive slots from rx_head on. */
struct non_dma {
	struct nic_adapter nic;
	NDIS_SPIN_LOCK ports_lock;
	USHORT rx_head;
	USHORT tx_head;
	USHORT tx_tail;
	PNDIS_PACKET sent[NICRIG_SLOTS];
	struct nic_batch batch;
};
C_ASSERT(FIELD_OFFSET(struct non_dma, nic) == 0);
C_ASSERT((NICRIG_SLOTS & (NICRIG_SLOTS - 1)) == 0);

static inline struct non_dma *to_non_dma(const struct nic_adapter *nic)
{
	return CONTAINING_RECORD(nic, struct non_dma, nic);
}

/* Offset in BAR2 of the slot for this index, in either direction. */
static inline ULONG non_dma_rx_slot(USHORT index)
{
	return NICRIG_RX_SLOT_BASE + (index & (NICRIG_SLOTS - 1)) * NICRIG_RX_SLOT_STRIDE;
}

static inline ULONG non_dma_tx_slot(USHORT index)
{
	return NICRIG_TX_SLOT_BASE + (index & (NICRIG_SLOTS - 1)) * NICRIG_TX_SLOT_STRIDE;
}

/* The frame in the slot at this offset, in the mapped memory. */
static inline PVOID non_dma_frame(const struct non_dma *card, ULONG slot)
{
	return (PVOID)((ULONG_PTR)card->nic.words + slot + NICRIG_SLOT_FRAME);
}

/* ports.c */
extern const struct nic_access non_dma_port_access;

/* receive.c */
VOID non_dma_give_slots(struct non_dma *card);
VOID non_dma_receive(struct nic_adapter *nic);

/* send.c */
VOID non_dma_push(struct nic_adapter *nic, struct nic_packets *done);
VOID non_dma_reap(struct nic_adapter *nic, struct nic_packets *done);
VOID non_dma_abandon(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status);

#endif /* NICRIG_NON_DMA_H */
