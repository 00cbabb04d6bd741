// SPDX-License-Identifier: GPL-2.0-or-later
/* The non-DMA kind's sends: copy packets into slots; the card reports when it has read them. */
#include "non_dma.h"

static VOID move(PVOID to, PVOID from, ULONG length)
{
	NdisMoveToMappedMemory(to, from, length);
}

/* The slot at tx_tail. FALSE: the packet's memory cannot be reached. Lock held. */
static BOOLEAN place(struct non_dma *card, PNDIS_PACKET packet)
{
	ULONG slot = non_dma_tx_slot(card->tx_tail);
	UINT length;

	NdisQueryPacket(packet, NULL, NULL, NULL, &length);
	if (!nic_packet_copy(packet, non_dma_frame(card, slot), length, move))
		return FALSE;
	nic_word_write(&card->nic, slot + NICRIG_TX_SLOT_LENGTH, length);
	card->sent[card->tx_tail++ & (NICRIG_SLOTS - 1)] = packet;
	return TRUE;
}

/* Fills the free slots with waiting packets, in order, and rings once. Lock held. */
VOID non_dma_push(struct nic_adapter *nic, struct nic_packets *done)
{
	struct non_dma *card = to_non_dma(nic);
	USHORT tail = card->tx_tail;

	while (nic->sends.waiting.first && nic_span(card->tx_head, card->tx_tail) < NICRIG_SLOTS) {
		PNDIS_PACKET packet = nic_packets_take(&nic->sends.waiting);

		if (!place(card, packet))
			nic_send_done(nic, done, packet, NDIS_STATUS_FAILURE);
	}
	if (card->tx_tail == tail)
		return;
	nic_doorbell(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_TAIL, card->tx_tail);
	nic_kick_if_asleep(nic);
}

/* Takes the packet of the slot at tx_head. Lock held. */
static VOID take_back(struct non_dma *card, struct nic_packets *done, NDIS_STATUS status)
{
	nic_send_done(&card->nic, done, card->sent[card->tx_head++ & (NICRIG_SLOTS - 1)], status);
}

/* The slots that the card has read; none when the card's head is impossible. Lock held. */
VOID non_dma_reap(struct nic_adapter *nic, struct nic_packets *done)
{
	struct non_dma *card = to_non_dma(nic);
	USHORT count = nic_span(card->tx_head,
				(USHORT)nic_word_read(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_HEAD));

	if (count > nic_span(card->tx_head, card->tx_tail))
		return;
	/* TX_HEAD was read before this; the results of the slots that it covers are read after it. */
	KeMemoryBarrier();
	for (; count; count--) {
		ULONG status = nic_word_read(nic, non_dma_tx_slot(card->tx_head) + NICRIG_TX_SLOT_STATUS);

		take_back(card, done, status & NICRIG_STATUS_ERROR ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS);
	}
}

/* Empties the slots, which start over at index 0. Lock held. */
VOID non_dma_abandon(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status)
{
	struct non_dma *card = to_non_dma(nic);

	while (card->tx_head != card->tx_tail)
		take_back(card, done, status);
	card->tx_head = 0;
	card->tx_tail = 0;
}
