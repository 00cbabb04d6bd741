// SPDX-License-Identifier: GPL-2.0-or-later
/* The receive path: post, collect, indicate, return (datasheet section 5; docs/ndis51.md sections 4.8 and 5). */
#include "bus_master.h"

/* The receive buffer behind a packet of the receive pool. */
struct bus_master_buffer **bus_master_buffer_of(PNDIS_PACKET packet)
{
	return (struct bus_master_buffer **)packet->MiniportReserved;
}

/* After so many reposts the driver rings the doorbell; small rings need it sooner. */
static ULONG repost_batch(const struct bus_master_rx *rx)
{
	return rx->size / 4 < NIC_BATCH ? rx->size / 4 : NIC_BATCH;
}

/* Ownership: the buffer goes from the driver to the card with the next doorbell. Lock held. */
static VOID post(struct bus_master_rx *rx, struct bus_master_buffer *item)
{
	ULONG slot = rx->tail & (rx->size - 1);
	volatile struct nicrig_descriptor *descriptor = &rx->ring[slot];

	descriptor->address = item->pa.QuadPart;
	descriptor->length = NIC_FRAME_BYTES;
	descriptor->flags = 0;
	descriptor->status = 0;
	rx->slots[slot] = item;
	rx->tail++;
}

/* Lock held. */
static VOID doorbell(struct bus_master *card)
{
	struct bus_master_rx *rx = &card->rx;

	if (rx->doorbell == rx->tail || card->nic.gone)
		return;
	rx->doorbell = rx->tail;
	nic_doorbell(&card->nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_TAIL, rx->tail);
}

/* After the rings were switched on: posts every buffer there is that NDIS does not have, from index 0. */
VOID bus_master_rx_rebuild(struct bus_master *card)
{
	struct bus_master_rx *rx = &card->rx;
	ULONG i;

	NdisAcquireSpinLock(&rx->lock);
	rx->head = 0;
	rx->tail = 0;
	rx->doorbell = 0;
	for (i = 0; i < rx->size; i++) {
		if (rx->buffers[i].ready && !rx->buffers[i].indicated)
			post(rx, &rx->buffers[i]);
	}
	doorbell(card);
	NdisReleaseSpinLock(&rx->lock);
}

/* Any level: whether the descriptor at head has been written back. */
BOOLEAN bus_master_rx_pending(struct bus_master *card)
{
	struct bus_master_rx *rx = &card->rx;

	return rx->head != rx->tail && (rx->ring[rx->head & (rx->size - 1)].status & NICRIG_STATUS_DONE);
}

/* How many descriptors from head on are done, at most a batch. */
static ULONG count_done(const struct bus_master_rx *rx)
{
	USHORT posted = nic_span(rx->head, rx->tail);
	ULONG done = 0;

	while (done < NIC_BATCH && done < posted &&
	       (rx->ring[(rx->head + done) & (rx->size - 1)].status & NICRIG_STATUS_DONE))
		done++;
	return done;
}

/* Does not trust the card: a length is good if a frame may have it and the buffer holds it. */
static BOOLEAN good_frame(USHORT status, USHORT flags, ULONG length)
{
	return !(status & NICRIG_STATUS_ERROR) && (flags & NICRIG_FLAG_END_OF_FRAME) && length >= NICRIG_FRAME_MIN &&
	       length <= NICRIG_FRAME_MAX;
}

/*
 * Section 5, receive, for one completed buffer: flush or update, and only then may header or payload be read; then the
 * buffer takes the frame's length.
 */
static VOID hand_over(struct bus_master *card, struct bus_master_buffer *item, ULONG length)
{
	if (card->ways.update_memory) {
		/* Nothing in the genuine headers for NDIS 5. */
		NdisMUpdateSharedMemory(card->nic.handle, length, item->va, item->pa);
	} else {
		NdisFlushBuffer(item->buffer, FALSE);
	}
	NdisAdjustBufferLength(item->buffer, length);
	NdisRecalculatePacketCounts(item->packet);
}

/*
 * Takes what is done off the ring: good frames into the batch, refused ones straight back to the card. Lock held.
 * Packets are marked RESOURCES, so that NDIS copies them, when the card would otherwise run out of buffers.
 */
static ULONG collect(struct bus_master *card)
{
	struct bus_master_rx *rx = &card->rx;
	ULONG done = count_done(rx);
	NDIS_STATUS mark = rx->indicated + done > rx->ready - rx->ready / 4 ? NDIS_STATUS_RESOURCES :
									    NDIS_STATUS_SUCCESS;
	ULONG good = 0;

	if (!done)
		return 0;
	/* Every status was read before this; length, flags and data of those descriptors are read after it. */
	KeMemoryBarrier();
	for (; done; done--) {
		ULONG slot = rx->head++ & (rx->size - 1);
		volatile struct nicrig_descriptor *descriptor = &rx->ring[slot];
		struct bus_master_buffer *item = rx->slots[slot];
		ULONG length = descriptor->length;

		if (!good_frame(descriptor->status, descriptor->flags, length)) {
			card->nic.statistics.rx_error++;
			post(rx, item);
			continue;
		}
		hand_over(card, item, length);
		NDIS_SET_PACKET_STATUS(item->packet, mark);
		item->indicated = TRUE;
		rx->indicated++;
		rx->batch[good++] = item->packet;
	}
	card->nic.statistics.rx_ok += good;
	return good;
}

/* Ownership: the buffer is the driver's again and goes back to the card, whole. Lock held. */
static VOID take_back(struct bus_master_rx *rx, PNDIS_PACKET packet)
{
	struct bus_master_buffer *item = *bus_master_buffer_of(packet);

	NdisAdjustBufferLength(item->buffer, NIC_FRAME_BYTES);
	NdisRecalculatePacketCounts(packet);
	item->indicated = FALSE;
	rx->indicated--;
	post(rx, item);
}

/*
 * At most a batch of receives, as one array. A packet that is PENDING afterwards comes back through
 * MiniportReturnPacket; a returned packet keeps that status until it is indicated again, so it is not taken twice.
 */
VOID bus_master_receive(struct nic_adapter *nic)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_rx *rx = &card->rx;
	ULONG good, i;

	NdisDprAcquireSpinLock(&rx->lock);
	good = collect(card);
	NdisDprReleaseSpinLock(&rx->lock);

	if (good)
		NdisMIndicateReceivePacket(card->nic.handle, rx->batch, good);

	NdisDprAcquireSpinLock(&rx->lock);
	for (i = 0; i < good; i++) {
		if (NDIS_GET_PACKET_STATUS(rx->batch[i]) != NDIS_STATUS_PENDING)
			take_back(rx, rx->batch[i]);
	}
	doorbell(card);
	NdisDprReleaseSpinLock(&rx->lock);

	bus_master_rx_grow(card);
}

/*
 * One more buffer, which begins at the card. Without memory, or without its descriptors, the ring stays shorter by it;
 * memory that came is released with the others.
 */
VOID bus_master_allocated(struct nic_adapter *nic, PVOID va, PNDIS_PHYSICAL_ADDRESS pa, PVOID context)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_buffer *item = context;
	struct bus_master_rx *rx = &card->rx;

	if (!va)
		return;
	NdisAcquireSpinLock(&rx->lock);
	item->va = va;
	item->pa = *pa;
	if (bus_master_describe(card, item) == NDIS_STATUS_SUCCESS) {
		rx->ready++;
		post(rx, item);
		doorbell(card);
	}
	NdisReleaseSpinLock(&rx->lock);
}

VOID bus_master_return_packet(struct nic_adapter *nic, PNDIS_PACKET packet)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_rx *rx = &card->rx;

	NdisAcquireSpinLock(&rx->lock);
	take_back(rx, packet);
	if (nic_span(rx->doorbell, rx->tail) >= repost_batch(rx))
		doorbell(card);
	NdisReleaseSpinLock(&rx->lock);
}

/* Buffers that were returned since the last doorbell go to the card first. */
VOID bus_master_rx_arm(struct bus_master *card)
{
	NdisDprAcquireSpinLock(&card->rx.lock);
	doorbell(card);
	NdisDprReleaseSpinLock(&card->rx.lock);
	nic_arm(&card->nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_ARM, card->rx.head);
}
