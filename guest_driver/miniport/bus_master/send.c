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
	struct bus_master *card = to_bus_master(nic);
	UINT buffers;
	ULONG pieces = bus_master_pieces(card, packet, &buffers);

	if (!pieces || pieces > NICRIG_CHAIN_MAX || pieces > card->tx.size)
		return NDIS_STATUS_INVALID_PACKET;
	return NDIS_STATUS_PENDING;
}

/* Fills the descriptor at the tail, as one of a frame that goes on. Lock held. */
VOID bus_master_put(struct bus_master_tx *tx, NDIS_PHYSICAL_ADDRESS address, ULONG length)
{
	ULONG slot = tx->tail++ & (tx->size - 1);
	volatile struct nicrig_descriptor *descriptor = &tx->ring[slot];

	descriptor->address = address.QuadPart;
	descriptor->length = length;
	descriptor->flags = 0;
	descriptor->status = 0;
	tx->slots[slot] = NULL;
}

static VOID put_list(struct bus_master_tx *tx, PSCATTER_GATHER_LIST list)
{
	ULONG i;

	for (i = 0; i < list->NumberOfElements; i++)
		bus_master_put(tx, list->Elements[i].Address, list->Elements[i].Length);
}

/*
 * Section 5, send, steps 2 to 4 for one packet: its descriptors, then the flush of each of its buffers. Ownership goes
 * to the card with the next doorbell: no stores to buffer or descriptor until the card is done. FALSE without a
 * mapping. Lock held.
 */
static BOOLEAN place(struct bus_master *card, PNDIS_PACKET packet)
{
	struct bus_master_tx *tx = &card->tx;
	PNDIS_BUFFER buffer;
	ULONG last;

	if (!card->ways.map_registers)
		put_list(tx, scatter_gather(packet));
	else if (!bus_master_map(card, packet))
		return FALSE;
	last = (ULONG)(tx->tail - 1) & (tx->size - 1);
	tx->ring[last].flags = NICRIG_FLAG_END_OF_FRAME;
	tx->slots[last] = packet;

	NdisQueryPacket(packet, NULL, NULL, &buffer, NULL);
	while (buffer) {
		NdisFlushBuffer(buffer, TRUE);
		NdisGetNextBuffer(buffer, &buffer);
	}
	return TRUE;
}

/* Lock held. */
static BOOLEAN fits(const struct bus_master *card, PNDIS_PACKET packet)
{
	const struct bus_master_tx *tx = &card->tx;
	UINT buffers;

	return tx->size - nic_span(tx->head, tx->tail) >= bus_master_pieces(card, packet, &buffers) &&
	       bus_master_registers_left(tx, buffers);
}

/* Moves waiting packets into the ring, in order and while there is room, and rings once. Lock held. */
VOID bus_master_push(struct nic_adapter *nic, struct nic_packets *done)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_tx *tx = &card->tx;

	while (nic->sends.waiting.first && fits(card, nic->sends.waiting.first)) {
		PNDIS_PACKET packet = nic_packets_take(&nic->sends.waiting);

		if (!place(card, packet))
			nic_send_done(nic, done, packet, NDIS_STATUS_FAILURE);
	}
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
		bus_master_unmap(card, packet);
		nic_send_done(nic, done, packet, tx->frame_error ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS);
		tx->frame_error = FALSE;
	}
}

/* Empties the ring, which starts over at index 0. Lock held. */
VOID bus_master_abandon(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_tx *tx = &card->tx;

	for (; tx->head != tx->tail; tx->head++) {
		PNDIS_PACKET packet = tx->slots[tx->head & (tx->size - 1)];

		tx->slots[tx->head & (tx->size - 1)] = NULL;
		if (!packet)
			continue;
		bus_master_unmap(card, packet);
		nic_send_done(nic, done, packet, status);
	}
	tx->head = 0;
	tx->tail = 0;
	tx->doorbell = 0;
	tx->frame_error = FALSE;
}
