// SPDX-License-Identifier: GPL-2.0-or-later
/* The subordinate kind's receives: when a transfer ends, copy its packed frames out and indicate them. */
#include "subordinate.h"

/* The length of the frame at this offset of the receive buffer; 0 if impossible. Does not trust the card. */
static ULONG frame_at(const struct subordinate *card, ULONG offset)
{
	ULONG left = card->length - offset;
	ULONG length;

	if (left < NICRIG_PACK_PREFIX)
		return 0;
	length = *(const ULONG *)(card->rx.memory + offset);
	if (length < NICRIG_FRAME_MIN || length > NICRIG_FRAME_MAX || subordinate_packed(length) > left)
		return 0;
	return length;
}

/* As many frames as the card says it has moved. An impossible length ends the search. */
static VOID unpack(struct subordinate *card, ULONG frames)
{
	struct nic_batch *batch = &card->batch;
	ULONG offset = 0, length;

	for (; frames && (length = frame_at(card, offset)); frames--) {
		if (nic_batch_full(batch))
			nic_batch_indicate(&card->nic, batch);
		NdisMoveMemory(nic_batch_room(batch), card->rx.memory + offset + NICRIG_PACK_PREFIX, length);
		nic_batch_add(batch, length);
		offset += subordinate_packed(length);
	}
	card->nic.statistics.rx_error += frames;
	nic_batch_indicate(&card->nic, batch);
}

/* Lock held. Whether a receive has ended, and how many of its frames can be read. */
static BOOLEAN end_receive(struct subordinate *card, ULONG *frames)
{
	if (card->state != SUBORDINATE_RECEIVING || !subordinate_over(card))
		return FALSE;
	if (subordinate_end(card, frames) != NDIS_STATUS_SUCCESS) {
		card->nic.statistics.rx_error += *frames;
		return FALSE;
	}
	card->state = SUBORDINATE_UNPACKING;
	return TRUE;
}

/* While frames are indicated their answers collect; afterwards the channel sends them in one transfer. */
VOID subordinate_receive(struct nic_adapter *nic)
{
	struct subordinate *card = to_subordinate(nic);
	struct nic_packets done = { NULL, NULL };
	BOOLEAN ended;
	ULONG frames;

	NdisDprAcquireSpinLock(&nic->sends.lock);
	ended = end_receive(card, &frames);
	NdisDprReleaseSpinLock(&nic->sends.lock);

	if (ended)
		unpack(card, frames);

	NdisDprAcquireSpinLock(&nic->sends.lock);
	if (ended)
		card->state = SUBORDINATE_IDLE;
	subordinate_push(nic, &done);
	NdisDprReleaseSpinLock(&nic->sends.lock);

	nic_send_complete(nic, &done);
}
