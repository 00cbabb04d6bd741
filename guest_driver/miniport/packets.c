// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of packets that are the miniport's for now. */
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

/* NULL from an empty list. What is taken is not touched again: it may be NDIS's the next moment. */
PNDIS_PACKET nic_packets_take(struct nic_packets *packets)
{
	PNDIS_PACKET packet = packets->first;

	if (packet)
		packets->first = *nic_next(packet);
	return packet;
}
