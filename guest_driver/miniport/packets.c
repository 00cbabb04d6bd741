// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets while the miniport owns them: lists of them, and their bytes. */
#include "miniport.h"

static PNDIS_PACKET *nic_next(PNDIS_PACKET packet)
{
	return (PNDIS_PACKET *)packet->MiniportReserved;
}

VOID nic_packets_add(struct nic_packets *packets, PNDIS_PACKET packet)
{
	*nic_next(packet) = NULL;
	if (packets->first)
		*nic_next(packets->last) = packet;
	else
		packets->first = packet;
	packets->last = packet;
}

/* NULL from an empty list. The list does not touch a packet that was taken: NDIS may own it already. */
PNDIS_PACKET nic_packets_take(struct nic_packets *packets)
{
	PNDIS_PACKET packet = packets->first;

	if (packet)
		packets->first = *nic_next(packet);
	return packet;
}

/*
 * Copies a packet's bytes, as many as NdisQueryPacket has said there are, by the kind's way to move them. FALSE if its
 * memory cannot be mapped (R80), or is not what was said.
 */
BOOLEAN nic_packet_copy(PNDIS_PACKET packet, PVOID to, ULONG length,
			VOID (*move)(PVOID to, PVOID from, ULONG length))
{
	ULONG offset = 0;
	PNDIS_BUFFER buffer;
	UINT bytes;
	PVOID va;

	NdisQueryPacket(packet, NULL, NULL, &buffer, NULL);
	for (; buffer; offset += bytes) {
		NdisQueryBufferSafe(buffer, &va, &bytes, NormalPagePriority);
		if (!va || bytes > length - offset)
			return FALSE;
		move((PUCHAR)to + offset, va, bytes);
		NdisGetNextBuffer(buffer, &buffer);
	}
	return offset == length;
}
