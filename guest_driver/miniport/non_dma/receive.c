// SPDX-License-Identifier: GPL-2.0-or-later
/* The non-DMA kind's receives: copy frames out of their slots, give the slots back, indicate the copies. */
#include "non_dma.h"

/* The card may fill every slot that has been read. */
VOID non_dma_give_slots(struct non_dma *card)
{
	nic_doorbell(&card->nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_TAIL, (USHORT)(card->rx_head + NICRIG_SLOTS));
}

/* The slot at rx_head. Does not trust the card: reads the length once, and checks it. */
static VOID take_frame(struct non_dma *card)
{
	ULONG slot = non_dma_rx_slot(card->rx_head++);
	ULONG length = nic_word_read(&card->nic, slot + NICRIG_RX_SLOT_LENGTH);

	if (length < NICRIG_FRAME_MIN || length > NICRIG_FRAME_MAX) {
		card->nic.statistics.rx_error++;
		return;
	}
	NdisMoveFromMappedMemory(nic_batch_room(&card->batch), non_dma_frame(card, slot), length);
	nic_batch_add(&card->batch, length);
}

/* Frames that have come since rx_head; none when the card's head is impossible. */
static USHORT frames_wait(struct non_dma *card)
{
	USHORT count = nic_span(card->rx_head,
				(USHORT)nic_word_read(&card->nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_HEAD));

	return count <= NICRIG_SLOTS ? count : 0;
}

/* Datasheet section 16. Takes what is there at the start, at most all slots. */
VOID non_dma_receive(struct nic_adapter *nic)
{
	struct non_dma *card = to_non_dma(nic);
	USHORT count = frames_wait(card);

	/* RX_HEAD was read before this; the slots that it covers are read after it. */
	KeMemoryBarrier();
	while (count) {
		for (; count && !nic_batch_full(&card->batch); count--)
			take_frame(card);
		non_dma_give_slots(card);
		nic_batch_indicate(nic, &card->batch);
	}
}
