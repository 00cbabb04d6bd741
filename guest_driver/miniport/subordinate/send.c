// SPDX-License-Identifier: GPL-2.0-or-later
/* The subordinate kind's sends: copy packets into the send buffer, which one transfer empties. */
#include "subordinate.h"

static VOID move(PVOID to, PVOID from, ULONG length)
{
	NdisMoveMemory(to, from, length);
}

/* Packs the packet for the card, at this offset of the send buffer (datasheet section 15). */
static BOOLEAN pack(PUCHAR to, PNDIS_PACKET packet, ULONG length)
{
	/* The padding, if there is any, lies in the last four bytes: the frame is longer. */
	*(PULONG)(to + subordinate_packed(length) - sizeof(ULONG)) = 0;
	*(PULONG)to = length;
	return nic_packet_copy(packet, to + NICRIG_PACK_PREFIX, length, move);
}

/* Packs waiting packets in order while the buffer has room; returns their bytes. Lock held. */
static ULONG fill(struct subordinate *card, struct nic_packets *done)
{
	struct nic_packets *waiting = &card->nic.sends.waiting;
	ULONG offset = 0;
	UINT length;

	while (waiting->first) {
		PNDIS_PACKET packet;

		NdisQueryPacket(waiting->first, NULL, NULL, NULL, &length);
		if (subordinate_packed(length) > card->bytes - offset)
			break;
		packet = nic_packets_take(waiting);
		if (!pack(card->tx.memory + offset, packet, length)) {
			nic_send_done(&card->nic, done, packet, NDIS_STATUS_FAILURE);
			continue;
		}
		nic_packets_add(&card->sent, packet);
		offset += subordinate_packed(length);
	}
	return offset;
}

/* The first `frames` packets of the buffer were sent, the others were not. Lock held. */
static VOID finish(struct subordinate *card, struct nic_packets *done, ULONG frames)
{
	PNDIS_PACKET packet;

	while ((packet = nic_packets_take(&card->sent))) {
		nic_send_done(&card->nic, done, packet, frames ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE);
		if (frames)
			frames--;
	}
}

/* Begins a transfer of waiting packets. Packets that cannot be sent fail. Lock held, the channel idle. */
VOID subordinate_send(struct subordinate *card, struct nic_packets *done)
{
	ULONG length = fill(card, done);

	if (length && subordinate_begin(card, length, TRUE) != NDIS_STATUS_SUCCESS)
		finish(card, done, 0);
}

/* R107: a packet is sent when NDIS has completed its transfer. Lock held. */
VOID subordinate_reap(struct nic_adapter *nic, struct nic_packets *done)
{
	struct subordinate *card = to_subordinate(nic);
	ULONG frames;

	if (card->state != SUBORDINATE_SENDING || !subordinate_over(card))
		return;
	if (subordinate_end(card, &frames) != NDIS_STATUS_SUCCESS)
		frames = 0;
	finish(card, done, frames);
}
