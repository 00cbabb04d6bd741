// SPDX-License-Identifier: GPL-2.0-or-later
/* The send path: queue, place, reap, abort (datasheet section 5; docs/ndis51.md sections 4.8 and 5). */
#include "miniport.h"

/* Packets on their way to NdisMSendComplete, which must be called without the lock (R67). */
struct nic_done {
	PNDIS_PACKET first;
	PNDIS_PACKET last;
};

/* The status travels in the out-of-band block, which is NDIS's and the miniport's while the packet is here. */
static VOID nic_done_add(struct nic_done *done, PNDIS_PACKET packet, NDIS_STATUS status)
{
	NDIS_SET_PACKET_STATUS(packet, status);
	*nic_next(packet) = NULL;
	if (done->first)
		*nic_next(done->last) = packet;
	else
		done->first = packet;
	done->last = packet;
}

/* No lock held. After each completion the packet is not the driver's any more: its link is read before. */
static VOID nic_done_complete(struct nic_adapter *nic, struct nic_done *done)
{
	PNDIS_PACKET packet = done->first;

	while (packet) {
		PNDIS_PACKET next = *nic_next(packet);

		NdisMSendComplete(nic->handle, packet, NDIS_GET_PACKET_STATUS(packet));
		packet = next;
	}
}

static PSCATTER_GATHER_LIST nic_list(PNDIS_PACKET packet)
{
	return (PSCATTER_GATHER_LIST)NDIS_PER_PACKET_INFO_FROM_PACKET(packet, ScatterGatherListPacketInfo);
}

/* What the card would refuse is failed here, with a result that says why (datasheet section 9). */
static NDIS_STATUS nic_tx_check(const struct nic_adapter *nic, PNDIS_PACKET packet)
{
	PSCATTER_GATHER_LIST list = nic_list(packet);
	UINT length;

	if (nic->gone)
		return NDIS_STATUS_FAILURE;
	if (!list || !list->NumberOfElements || list->NumberOfElements > NICRIG_CHAIN_MAX ||
	    list->NumberOfElements > nic->tx.size)
		return NDIS_STATUS_INVALID_PACKET;
	NdisQueryPacket(packet, NULL, NULL, NULL, &length);
	if (length < NICRIG_FRAME_MIN || length > NICRIG_FRAME_MAX)
		return NDIS_STATUS_INVALID_LENGTH;
	return NDIS_STATUS_PENDING;
}

/*
 * Section 5, send, steps 3 and 4 for one packet: its descriptors, then the flush of each of its buffers. Ownership
 * goes to the card with the next doorbell; until the card is done nobody stores to buffer or descriptor. Lock held.
 */
static VOID nic_tx_place(struct nic_tx *tx, PNDIS_PACKET packet)
{
	PSCATTER_GATHER_LIST list = nic_list(packet);
	PNDIS_BUFFER buffer;
	ULONG i, slot = 0;

	for (i = 0; i < list->NumberOfElements; i++) {
		volatile struct nicrig_descriptor *descriptor;

		slot = tx->tail++ & (tx->size - 1);
		descriptor = &tx->ring[slot];
		descriptor->address = list->Elements[i].Address.QuadPart;
		descriptor->length = list->Elements[i].Length;
		descriptor->flags = i + 1 == list->NumberOfElements ? NICRIG_FLAG_END_OF_FRAME : 0;
		descriptor->status = 0;
		tx->slots[slot] = NULL;
	}
	tx->slots[slot] = packet;

	NdisQueryPacket(packet, NULL, NULL, &buffer, NULL);
	while (buffer) {
		NdisFlushBuffer(buffer, TRUE);
		NdisGetNextBuffer(buffer, &buffer);
	}
}

/* Lock held. */
static BOOLEAN nic_tx_fits(const struct nic_tx *tx, PNDIS_PACKET packet)
{
	return tx->size - nic_span(tx->head, tx->tail) >= nic_list(packet)->NumberOfElements;
}

static VOID nic_tx_enqueue(struct nic_tx *tx, PNDIS_PACKET packet)
{
	*nic_next(packet) = NULL;
	if (tx->queue_first)
		*nic_next(tx->queue_last) = packet;
	else
		tx->queue_first = packet;
	tx->queue_last = packet;
}

/* Moves the queue into the ring in order, as far as it goes, and rings once for all of it. Lock held. */
static VOID nic_tx_push(struct nic_adapter *nic)
{
	struct nic_tx *tx = &nic->tx;
	PNDIS_PACKET packet;

	while ((packet = tx->queue_first) && nic_tx_fits(tx, packet)) {
		tx->queue_first = *nic_next(packet);
		nic_tx_place(tx, packet);
	}
	if (tx->doorbell == tx->tail || nic->gone)
		return;
	tx->doorbell = tx->tail;
	nic_doorbell(nic, NICRIG_QUEUE_TX_TAIL, tx->tail);
	nic_kick_if_asleep(nic);
}

/*
 * Section 4.8, deserialized: every packet is accepted, its order kept, and each is completed by NdisMSendComplete.
 * One doorbell for the whole array.
 */
VOID NTAPI MiniportSendPackets(NDIS_HANDLE MiniportAdapterContext, PPNDIS_PACKET PacketArray, UINT NumberOfPackets)
{
	struct nic_adapter *nic = MiniportAdapterContext;
	struct nic_tx *tx = &nic->tx;
	struct nic_done done = { NULL, NULL };
	UINT i;

	NdisAcquireSpinLock(&tx->lock);
	for (i = 0; i < NumberOfPackets; i++) {
		NDIS_STATUS status = nic_tx_check(nic, PacketArray[i]);

		if (status != NDIS_STATUS_PENDING) {
			nic->statistics.tx_error++;
			nic_done_add(&done, PacketArray[i], status);
			continue;
		}
		NDIS_SET_PACKET_STATUS(PacketArray[i], NDIS_STATUS_PENDING);
		nic_tx_enqueue(tx, PacketArray[i]);
	}
	nic_tx_push(nic);
	NdisReleaseSpinLock(&tx->lock);

	nic_done_complete(nic, &done);
}

/* Any level: whether the descriptor at head has been written back. */
BOOLEAN nic_tx_pending(struct nic_adapter *nic)
{
	struct nic_tx *tx = &nic->tx;

	return tx->head != tx->tail && (tx->ring[tx->head & (tx->size - 1)].status & NICRIG_STATUS_DONE);
}

/* Takes completed frames off the ring; one refused descriptor makes the frame a failed one. Lock held. */
static VOID nic_tx_reap(struct nic_adapter *nic, struct nic_done *done)
{
	struct nic_tx *tx = &nic->tx;

	while (nic_tx_pending(nic)) {
		ULONG slot = tx->head++ & (tx->size - 1);
		PNDIS_PACKET packet = tx->slots[slot];

		if (tx->ring[slot].status & NICRIG_STATUS_ERROR)
			tx->frame_error = TRUE;
		if (!packet)
			continue;
		tx->slots[slot] = NULL;
		if (tx->frame_error)
			nic->statistics.tx_error++;
		else
			nic->statistics.tx_ok++;
		nic_done_add(done, packet, tx->frame_error ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS);
		tx->frame_error = FALSE;
	}
}

VOID nic_tx_poll(struct nic_adapter *nic)
{
	struct nic_tx *tx = &nic->tx;
	struct nic_done done = { NULL, NULL };

	if (tx->head == tx->tail)
		return;
	NdisDprAcquireSpinLock(&tx->lock);
	nic_tx_reap(nic, &done);
	nic_tx_push(nic);
	NdisDprReleaseSpinLock(&tx->lock);

	nic_done_complete(nic, &done);
}

/* The card is reset or gone: completes all that it or the queue had, and starts over at index 0. */
VOID nic_tx_abort(struct nic_adapter *nic, NDIS_STATUS status)
{
	struct nic_tx *tx = &nic->tx;
	struct nic_done done = { NULL, NULL };
	PNDIS_PACKET packet;

	NdisAcquireSpinLock(&tx->lock);
	for (; tx->head != tx->tail; tx->head++) {
		packet = tx->slots[tx->head & (tx->size - 1)];
		tx->slots[tx->head & (tx->size - 1)] = NULL;
		if (packet) {
			nic->statistics.tx_error++;
			nic_done_add(&done, packet, status);
		}
	}
	while ((packet = tx->queue_first)) {
		tx->queue_first = *nic_next(packet);
		nic->statistics.tx_error++;
		nic_done_add(&done, packet, status);
	}
	tx->head = 0;
	tx->tail = 0;
	tx->doorbell = 0;
	tx->frame_error = FALSE;
	tx->hang_checks = 0;
	NdisReleaseSpinLock(&tx->lock);

	nic_done_complete(nic, &done);
}
