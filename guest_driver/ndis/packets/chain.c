// SPDX-License-Identifier: GPL-2.0-or-later
/* The chain of buffers of a packet, any level (docs/ndis51.md section 4.6). */
#include "../layer.h"

static PNDIS_BUFFER last_of(PNDIS_BUFFER buffer)
{
	while (buffer->Next)
		buffer = buffer->Next;
	return buffer;
}

/* R78: a buffer that is chained again would make the chain endless. */
static bool in_chain(PNDIS_PACKET packet, PNDIS_BUFFER buffer)
{
	PNDIS_BUFFER each;

	for (each = packet->Private.Head; each && each != buffer; each = each->Next)
		;
	return each;
}

/* Section 4.6: the buffer may have others behind it. Refuses a buffer that is in the chain. */
VOID NdisChainBufferAtFront(PNDIS_PACKET Packet, PNDIS_BUFFER Buffer)
{
	PNDIS_BUFFER last = last_of(Buffer);

	ndis_record(NdisChainBufferAtFront, Packet, Buffer, 0, 0, 0);
	if (WARN_ON_ONCE(in_chain(Packet, Buffer)))
		return;
	if (!Packet->Private.Head)
		Packet->Private.Tail = last;
	last->Next = Packet->Private.Head;
	Packet->Private.Head = Buffer;
	Packet->Private.ValidCounts = FALSE;
}

/* Section 4.6: the buffer may have others behind it. Refuses a buffer that is in the chain. */
VOID NdisChainBufferAtBack(PNDIS_PACKET Packet, PNDIS_BUFFER Buffer)
{
	ndis_record(NdisChainBufferAtBack, Packet, Buffer, 0, 0, 0);
	if (WARN_ON_ONCE(in_chain(Packet, Buffer)))
		return;
	if (Packet->Private.Head)
		Packet->Private.Tail->Next = Buffer;
	else
		Packet->Private.Head = Buffer;
	Packet->Private.Tail = last_of(Buffer);
	Packet->Private.ValidCounts = FALSE;
}

/* Section 4.6: NULL if the chain is empty. */
VOID NdisUnchainBufferAtFront(PNDIS_PACKET Packet, PNDIS_BUFFER *Buffer)
{
	PNDIS_BUFFER first = Packet->Private.Head;

	*Buffer = first;
	ndis_record(NdisUnchainBufferAtFront, Packet, first, 0, 0, 0);
	if (!first)
		return;
	Packet->Private.Head = first->Next;
	first->Next = NULL;
	Packet->Private.ValidCounts = FALSE;
}

/* Section 4.6: NULL if the chain is empty. */
VOID NdisUnchainBufferAtBack(PNDIS_PACKET Packet, PNDIS_BUFFER *Buffer)
{
	PNDIS_BUFFER before = NULL, last = Packet->Private.Head;

	for (; last && last->Next; last = last->Next)
		before = last;
	*Buffer = last;
	ndis_record(NdisUnchainBufferAtBack, Packet, last, 0, 0, 0);
	if (!last)
		return;
	if (before)
		before->Next = NULL;
	else
		Packet->Private.Head = NULL;
	Packet->Private.Tail = before;
	Packet->Private.ValidCounts = FALSE;
}

/* Section 4.6: after the length of a chained buffer was changed (R77). */
VOID NdisRecalculatePacketCounts(PNDIS_PACKET Packet)
{
	if (Packet->Private.Head)
		Packet->Private.Tail = last_of(Packet->Private.Head);
	Packet->Private.ValidCounts = FALSE;
}
