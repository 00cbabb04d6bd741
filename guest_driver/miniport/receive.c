// SPDX-License-Identifier: GPL-2.0-or-later
/* The receive path: post, collect, indicate, return (datasheet section 5; docs/ndis51.md sections 4.8 and 5). */
#include "miniport.h"

/* Reposts that are worth a doorbell of their own; small rings need theirs sooner. */
static ULONG nic_rx_repost_batch(const struct nic_rx *rx)
{
	return rx->size / 4 < NIC_RX_BATCH ? rx->size / 4 : NIC_RX_BATCH;
}

/* Ownership: the buffer goes from the driver to the card with the next doorbell. Lock held. */
static VOID nic_rx_post(struct nic_rx *rx, struct nic_rx_buffer *item)
{
	ULONG slot = rx->tail & (rx->size - 1);
	volatile struct nicrig_descriptor *descriptor = &rx->ring[slot];

	descriptor->address = item->pa.QuadPart;
	descriptor->length = NIC_RX_BUFFER_BYTES;
	descriptor->flags = 0;
	descriptor->status = 0;
	rx->slots[slot] = item;
	rx->tail++;
}

/* Lock held. */
VOID nic_rx_doorbell(struct nic_adapter *nic)
{
	struct nic_rx *rx = &nic->rx;

	if (rx->doorbell == rx->tail || nic->gone)
		return;
	rx->doorbell = rx->tail;
	nic_doorbell(nic, NICRIG_QUEUE_RX_TAIL, rx->tail);
}

/* After the rings were switched on: every buffer that NDIS does not have is posted again, from index 0. */
VOID nic_rx_rebuild(struct nic_adapter *nic)
{
	struct nic_rx *rx = &nic->rx;
	ULONG i;

	NdisAcquireSpinLock(&rx->lock);
	rx->head = 0;
	rx->tail = 0;
	rx->doorbell = 0;
	for (i = 0; i < rx->size; i++) {
		if (!rx->buffers[i].indicated)
			nic_rx_post(rx, &rx->buffers[i]);
	}
	nic_rx_doorbell(nic);
	NdisReleaseSpinLock(&rx->lock);
}

/* Any level: whether the descriptor at head has been written back. */
BOOLEAN nic_rx_pending(struct nic_adapter *nic)
{
	struct nic_rx *rx = &nic->rx;

	return rx->head != rx->tail && (rx->ring[rx->head & (rx->size - 1)].status & NICRIG_STATUS_DONE);
}

/* How many descriptors from head on are done, at most a batch. */
static ULONG nic_rx_done(const struct nic_rx *rx)
{
	USHORT posted = nic_span(rx->head, rx->tail);
	ULONG done = 0;

	while (done < NIC_RX_BATCH && done < posted &&
	       (rx->ring[(rx->head + done) & (rx->size - 1)].status & NICRIG_STATUS_DONE))
		done++;
	return done;
}

/* The card is not trusted either: a length is good if a frame may have it and the buffer holds it. */
static BOOLEAN nic_rx_good(USHORT status, USHORT flags, ULONG length)
{
	return !(status & NICRIG_STATUS_ERROR) && (flags & NICRIG_FLAG_END_OF_FRAME) && length >= NICRIG_FRAME_MIN &&
	       length <= NICRIG_FRAME_MAX;
}

/*
 * Section 5, receive, for one completed buffer: flush, update, and only then may anybody look at header or payload;
 * then the buffer takes the frame's length.
 */
static VOID nic_rx_hand_over(struct nic_adapter *nic, struct nic_rx_buffer *item, ULONG length)
{
	NdisFlushBuffer(item->buffer, FALSE);
	NdisMUpdateSharedMemory(nic->handle, length, item->va, item->pa);
	NdisAdjustBufferLength(item->buffer, length);
	NdisRecalculatePacketCounts(item->packet);
}

/*
 * Takes what is done off the ring: good frames into the batch, refused ones straight back to the card. Lock held.
 * Packets are marked RESOURCES, so that NDIS copies them, when the card would otherwise run out of buffers.
 */
static ULONG nic_rx_collect(struct nic_adapter *nic)
{
	struct nic_rx *rx = &nic->rx;
	ULONG done = nic_rx_done(rx);
	NDIS_STATUS mark = rx->indicated + done > rx->size - rx->size / 4 ? NDIS_STATUS_RESOURCES :
									    NDIS_STATUS_SUCCESS;
	ULONG good = 0;

	if (!done)
		return 0;
	/* Every status was read before this; length, flags and data of those descriptors are read after it. */
	KeMemoryBarrier();
	for (; done; done--) {
		ULONG slot = rx->head++ & (rx->size - 1);
		volatile struct nicrig_descriptor *descriptor = &rx->ring[slot];
		struct nic_rx_buffer *item = rx->slots[slot];
		ULONG length = descriptor->length;

		if (!nic_rx_good(descriptor->status, descriptor->flags, length)) {
			nic->statistics.rx_error++;
			nic_rx_post(rx, item);
			continue;
		}
		nic_rx_hand_over(nic, item, length);
		NDIS_SET_PACKET_STATUS(item->packet, mark);
		item->indicated = TRUE;
		rx->indicated++;
		rx->batch[good++] = item->packet;
	}
	nic->statistics.rx_ok += good;
	return good;
}

/* Ownership: the buffer is the driver's again and goes back to the card, whole. Lock held. */
static VOID nic_rx_take_back(struct nic_rx *rx, PNDIS_PACKET packet)
{
	struct nic_rx_buffer *item = *nic_rx_buffer_of(packet);

	NdisAdjustBufferLength(item->buffer, NIC_RX_BUFFER_BYTES);
	NdisRecalculatePacketCounts(packet);
	item->indicated = FALSE;
	rx->indicated--;
	nic_rx_post(rx, item);
}

/*
 * At most a batch of receives, as one array. A packet that is PENDING afterwards comes back through
 * MiniportReturnPacket; a returned packet keeps that status until it is indicated again, so it is not taken twice.
 */
VOID nic_rx_poll(struct nic_adapter *nic)
{
	struct nic_rx *rx = &nic->rx;
	ULONG good, i;

	NdisDprAcquireSpinLock(&rx->lock);
	good = nic_rx_collect(nic);
	NdisDprReleaseSpinLock(&rx->lock);

	if (good)
		NdisMIndicateReceivePacket(nic->handle, rx->batch, good);

	NdisDprAcquireSpinLock(&rx->lock);
	for (i = 0; i < good; i++) {
		if (NDIS_GET_PACKET_STATUS(rx->batch[i]) != NDIS_STATUS_PENDING)
			nic_rx_take_back(rx, rx->batch[i]);
	}
	nic_rx_doorbell(nic);
	NdisDprReleaseSpinLock(&rx->lock);
}

VOID NTAPI MiniportReturnPacket(NDIS_HANDLE MiniportAdapterContext, PNDIS_PACKET Packet)
{
	struct nic_adapter *nic = MiniportAdapterContext;
	struct nic_rx *rx = &nic->rx;

	NdisAcquireSpinLock(&rx->lock);
	nic_rx_take_back(rx, Packet);
	if (nic_span(rx->doorbell, rx->tail) >= nic_rx_repost_batch(rx))
		nic_rx_doorbell(nic);
	NdisReleaseSpinLock(&rx->lock);
}
