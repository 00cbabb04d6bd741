// SPDX-License-Identifier: GPL-2.0-or-later
/* The channel: which direction has it, transfers and their end, arm words (datasheet 7 and 15; docs/ndis51.md 4.4). */
#include "subordinate.h"

static BOOLEAN busy(const struct subordinate *card)
{
	return card->state == SUBORDINATE_RECEIVING || card->state == SUBORDINATE_SENDING;
}

/* Whether the transfer under way, if there is one, is over. */
BOOLEAN subordinate_over(struct subordinate *card)
{
	return busy(card) &&
	       nic_word_read(&card->nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_DONE) == card->transfer;
}

/* In the card's FIFO. */
static ULONG frames_waiting(struct subordinate *card)
{
	return nic_word_read(&card->nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_WAITING);
}

/* How many of the frames that the card took since the reset it has moved to the driver; the others still wait. */
static USHORT frames_got(struct subordinate *card)
{
	ULONG received = nic_word_read(&card->nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_RECEIVED);

	/* RECEIVED is read before WAITING: the card writes it after WAITING, so every frame is in one of them. */
	KeMemoryBarrier();
	return (USHORT)(received - frames_waiting(card));
}

/* Section 8.2: NDIS first, then the card. Lock held, the channel idle. */
NDIS_STATUS subordinate_begin(struct subordinate *card, ULONG length, BOOLEAN write)
{
	struct subordinate_buffer *buffer = write ? &card->tx : &card->rx;
	NDIS_STATUS status;

	NdisMSetupDmaTransfer(&status, card->channel, buffer->buffer, 0, length, write);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	card->length = length;
	card->state = write ? SUBORDINATE_SENDING : SUBORDINATE_RECEIVING;
	card->sends_turn = !write;
	card->transfer++;
	nic_doorbell(&card->nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_START,
		     card->transfer | (write ? NICRIG_TRANSFER_START_TRANSMIT : 0));
	nic_kick_if_asleep(&card->nic);
	return NDIS_STATUS_SUCCESS;
}

/*
 * The transfer is over, or the card is reset or gone: the channel is idle afterwards. Returns how many frames the card
 * says it has moved. RESOURCES: the buffer's content is undefined (R107). Lock held.
 */
NDIS_STATUS subordinate_end(struct subordinate *card, ULONG *frames)
{
	BOOLEAN write = card->state == SUBORDINATE_SENDING;
	struct subordinate_buffer *buffer = write ? &card->tx : &card->rx;
	NDIS_STATUS status;

	/* DONE was read before this; what the card wrote before DONE is read after it. */
	KeMemoryBarrier();
	*frames = nic_word_read(&card->nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_STATUS) &
		  NICRIG_TRANSFER_STATUS_FRAMES;
	NdisMCompleteDmaTransfer(&status, card->channel, buffer->buffer, 0, card->length, write);
	card->state = SUBORDINATE_IDLE;
	return status;
}

/*
 * Gives an idle channel to the direction that wants it; if both do, to the one that did not have it last. A receive
 * that cannot be set up is tried again: its frames wait, and the arm word asks for them. Lock held.
 */
VOID subordinate_push(struct nic_adapter *nic, struct nic_packets *done)
{
	struct subordinate *card = to_subordinate(nic);
	BOOLEAN frames;

	if (nic->gone || card->state != SUBORDINATE_IDLE)
		return;
	frames = frames_waiting(card) != 0;
	if (nic->sends.waiting.first && (card->sends_turn || !frames))
		subordinate_send(card, done);
	if (frames && card->state == SUBORDINATE_IDLE)
		subordinate_begin(card, card->bytes, FALSE);
}

/* Ends the transfer, and both directions start over at number 0. Lock held. */
VOID subordinate_abandon(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status)
{
	struct subordinate *card = to_subordinate(nic);
	PNDIS_PACKET packet;
	ULONG frames;

	if (busy(card))
		subordinate_end(card, &frames);
	while ((packet = nic_packets_take(&card->sent)))
		nic_send_done(nic, done, packet, status);
	card->sends_turn = FALSE;
	card->transfer = 0;
}

/*
 * Always arms the end of a transfer, because a send may begin at any time. Arms a waiting frame only while there is no
 * transfer: the end of one leads to the frame anyway.
 */
VOID subordinate_arm(struct nic_adapter *nic)
{
	struct subordinate *card = to_subordinate(nic);
	USHORT ended;

	NdisDprAcquireSpinLock(&nic->sends.lock);
	ended = busy(card) ? (USHORT)(card->transfer - 1) : card->transfer;
	nic_arm(nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_DONE_ARM, ended);
	if (busy(card))
		nic_word_write(nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_RECEIVE_ARM, 0);
	else
		nic_arm(nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_RECEIVE_ARM, frames_got(card));
	NdisDprReleaseSpinLock(&nic->sends.lock);
}

VOID subordinate_disarm(struct nic_adapter *nic)
{
	nic_word_write(nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_RECEIVE_ARM, 0);
	nic_word_write(nic, NICRIG_TRANSFER_BASE + NICRIG_TRANSFER_DONE_ARM, 0);
}

/* Any level. */
BOOLEAN subordinate_pending(struct nic_adapter *nic)
{
	struct subordinate *card = to_subordinate(nic);

	return busy(card) ? subordinate_over(card) : frames_waiting(card) != 0;
}

/* Any level. */
BOOLEAN subordinate_receiving(struct nic_adapter *nic)
{
	return to_subordinate(nic)->state == SUBORDINATE_RECEIVING;
}
