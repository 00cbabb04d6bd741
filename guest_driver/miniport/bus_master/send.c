// SPDX-License-Identifier: GPL-2.0-or-later
/* The bus master's send path: place, reap, abandon (datasheet section 5; docs/ndis51.md section 5). */
#include "bus_master.h"

static PSCATTER_GATHER_LIST scatter_gather(PNDIS_PACKET packet)
{
	return (PSCATTER_GATHER_LIST)NDIS_PER_PACKET_INFO_FROM_PACKET(packet, ScatterGatherListPacketInfo);
}

/* More pieces than the card takes in one frame, or than fit the ring at all (datasheet section 5). */
NDIS_STATUS bus_master_check(const struct nic_adapter *nic, PNDIS_PACKET packet)
{
	PSCATTER_GATHER_LIST list = scatter_gather(packet);

	if (!list || !list->NumberOfElements || list->NumberOfElements > NICRIG_CHAIN_MAX ||
	    list->NumberOfElements > to_bus_master(nic)->tx.size)
		return NDIS_STATUS_INVALID_PACKET;
	return NDIS_STATUS_PENDING;
}

/*
 * Section 5, send, steps 3 and 4 for one packet: its descriptors, then the flush of each of its buffers. Ownership
 * goes to the card with the next doorbell: no stores to buffer or descriptor until the card is done. Lock held.
 */
static VOID place(struct bus_master_tx *tx, PNDIS_PACKET packet)
{
	PSCATTER_GATHER_LIST list = scatter_gather(packet);
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
static BOOLEAN fits(const struct bus_master_tx *tx, PNDIS_PACKET packet)
{
	return tx->size - nic_span(tx->head, tx->tail) >= scatter_gather(packet)->NumberOfElements;
}

/* Moves waiting packets into the ring, in order and while there is room, and rings once. Lock held. */
VOID bus_master_push(struct nic_adapter *nic, struct nic_packets *done)
{
	struct bus_master_tx *tx = &to_bus_master(nic)->tx;

	UNREFERENCED_PARAMETER(done);
	while (nic->sends.waiting.first && fits(tx, nic->sends.waiting.first))
		place(tx, nic_packets_take(&nic->sends.waiting));
	if (tx->doorbell == tx->tail)
		return;
	tx->doorbell = tx->tail;
	nic_doorbell(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_TAIL, tx->tail);
	nic_kick_if_asleep(nic);
}

/* Any level: whether the descriptor at head has been written back. */
BOOLEAN bus_master_tx_pending(struct bus_master *card)
{
	struct bus_master_tx *tx = &card->tx;

	return tx->head != tx->tail && (tx->ring[tx->head & (tx->size - 1)].status & NICRIG_STATUS_DONE);
}

/* Takes completed frames off the ring. One refused descriptor fails the frame. Lock held. */
VOID bus_master_reap(struct nic_adapter *nic, struct nic_packets *done)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_tx *tx = &card->tx;

	while (bus_master_tx_pending(card)) {
		ULONG slot = tx->head++ & (tx->size - 1);
		PNDIS_PACKET packet = tx->slots[slot];

		if (tx->ring[slot].status & NICRIG_STATUS_ERROR)
			tx->frame_error = TRUE;
		if (!packet)
			continue;
		tx->slots[slot] = NULL;
		nic_send_done(nic, done, packet, tx->frame_error ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS);
		tx->frame_error = FALSE;
	}
}

/* Empties the ring, which starts over at index 0. Lock held. */
VOID bus_master_abandon(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status)
{
	struct bus_master_tx *tx = &to_bus_master(nic)->tx;

	for (; tx->head != tx->tail; tx->head++) {
		PNDIS_PACKET packet = tx->slots[tx->head & (tx->size - 1)];

		tx->slots[tx->head & (tx->size - 1)] = NULL;
		if (packet)
			nic_send_done(nic, done, packet, status);
	}
	tx->head = 0;
	tx->tail = 0;
	tx->doorbell = 0;
	tx->frame_error = FALSE;
}
