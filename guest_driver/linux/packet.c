// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The protocol's packets (docs/ndis51.md sections 4.1, 4.5, 4.6): an skb becomes a packet with one buffer. With the
 * parameter fragments=N a packet has 1 to N buffers, over the protocol's own memory.
 */
#include <linux/module.h>
#include <linux/netdevice.h>

#include "shim.h"

/* A frame lies across the border of its space's two pages. */
#define SHIM_SPACE (2 * PAGE_SIZE)
/* The card takes one piece more in a frame: a border of pages may cut a buffer in two. */
#define SHIM_FRAGMENTS_MAX (NICRIG_CHAIN_MAX - 1)

static uint fragments;
module_param(fragments, uint, 0444);
MODULE_PARM_DESC(fragments, "The most buffers of a packet that is sent, up to 15; each packet then lies across two "
		 "pages of the protocol's own memory. 0: one buffer, the system's own");

static unsigned int shim_fragments(void)
{
	return min_t(unsigned int, fragments, SHIM_FRAGMENTS_MAX);
}

/* What the protocol keeps with its packet. */
struct shim_send {
	struct sk_buff *skb;
	PVOID space;            /* NULL: the buffer describes the skb's own bytes */
};

static struct shim_send *shim_send_of(PNDIS_PACKET packet)
{
	return (struct shim_send *)packet->ProtocolReserved;
}

static void shim_free_spaces(struct shim *shim)
{
	if (!shim->spaces)
		return;
	while (shim->spaces_made)
		NdisFreeMemory(shim->spaces[--shim->spaces_made], SHIM_SPACE, 0);
	NdisFreeMemory(shim->spaces, shim->tx_limit * sizeof(*shim->spaces), 0);
	shim->spaces = NULL;
}

/* Section 4.1: a protocol, too, may ask for plain memory, with MemoryFlags 0. A space for each packet. */
static NDIS_STATUS shim_allocate_spaces(struct shim *shim)
{
	const NDIS_PHYSICAL_ADDRESS anywhere = { .QuadPart = -1 };
	NDIS_STATUS status;
	PVOID va;

	status = NdisAllocateMemory(&va, shim->tx_limit * sizeof(*shim->spaces), 0, anywhere);
	shim->spaces = va;
	shim->spaces_made = 0;
	while (status == NDIS_STATUS_SUCCESS && shim->spaces_made < shim->tx_limit) {
		status = NdisAllocateMemory(&va, SHIM_SPACE, 0, anywhere);
		if (status == NDIS_STATUS_SUCCESS)
			shim->spaces[shim->spaces_made++] = va;
	}
	shim->spaces_free = shim->spaces_made;
	if (status != NDIS_STATUS_SUCCESS)
		shim_free_spaces(shim);
	return status;
}

/* One packet for each transmit descriptor, so the packets that are out fit the ring. */
int shim_transmit_create(struct shim *shim, unsigned int descriptors)
{
	NDIS_STATUS status;

	shim->tx_limit = descriptors;
	NdisAllocatePacketPool(&status, &shim->packet_pool, shim->tx_limit, sizeof(struct shim_send));
	if (status != NDIS_STATUS_SUCCESS)
		return -ENOMEM;
	NdisAllocateBufferPool(&status, &shim->buffer_pool, shim->tx_limit * max(shim_fragments(), 1U));
	if (status != NDIS_STATUS_SUCCESS)
		goto have_packets;
	if (shim_fragments() && shim_allocate_spaces(shim) != NDIS_STATUS_SUCCESS)
		goto have_buffers;
	return 0;

have_buffers:
	NdisFreeBufferPool(shim->buffer_pool);
have_packets:
	NdisFreePacketPool(shim->packet_pool);
	return -ENOMEM;
}

void shim_transmit_free(struct shim *shim)
{
	shim_free_spaces(shim);
	NdisFreeBufferPool(shim->buffer_pool);
	NdisFreePacketPool(shim->packet_pool);
}

bool shim_transmit_idle(struct shim *shim)
{
	return !NdisPacketPoolUsage(shim->packet_pool);
}

static PVOID shim_take_space(struct shim *shim)
{
	PVOID space;
	unsigned long flags;

	spin_lock_irqsave(&shim->done_lock, flags);
	space = shim->spaces_free ? shim->spaces[--shim->spaces_free] : NULL;
	spin_unlock_irqrestore(&shim->done_lock, flags);
	return space;
}

static void shim_give_space(struct shim *shim, PVOID space)
{
	unsigned long flags;

	if (!space)
		return;
	spin_lock_irqsave(&shim->done_lock, flags);
	shim->spaces[shim->spaces_free++] = space;
	spin_unlock_irqrestore(&shim->done_lock, flags);
}

/* The packet goes, with all buffers that it has by now and with its space. */
static void shim_free_packet(struct shim *shim, PNDIS_PACKET packet)
{
	PVOID space = shim_send_of(packet)->space;
	PNDIS_BUFFER buffer;

	for (;;) {
		NdisUnchainBufferAtFront(packet, &buffer);
		if (!buffer)
			break;
		NdisFreeBuffer(buffer);
	}
	NdisFreePacket(packet);
	shim_give_space(shim, space);
}

/* So many buffers, side by side over these bytes. */
static NDIS_STATUS shim_chain(struct shim *shim, PNDIS_PACKET packet, u8 *bytes, UINT length, unsigned int buffers)
{
	PNDIS_BUFFER buffer;
	NDIS_STATUS status;
	unsigned int i;

	for (i = 0; i < buffers; i++) {
		UINT start = length * i / buffers, end = length * (i + 1) / buffers;

		NdisAllocateBuffer(&status, &buffer, shim->buffer_pool, bytes + start, end - start);
		if (status != NDIS_STATUS_SUCCESS)
			return status;
		NdisChainBufferAtBack(packet, buffer);
	}
	return NDIS_STATUS_SUCCESS;
}

/* One to N buffers in turn, with the border of the pages at each eighth of the frame in turn. */
static NDIS_STATUS shim_fragment(struct shim *shim, PNDIS_PACKET packet, struct sk_buff *skb)
{
	unsigned int turn = shim->fragmented++, buffers = turn % shim_fragments() + 1;
	PVOID space = shim_take_space(shim);
	u8 *bytes;

	if (!space)
		return NDIS_STATUS_RESOURCES;
	shim_send_of(packet)->space = space;
	bytes = (u8 *)space + PAGE_SIZE - skb->len * (turn % 8 + 1) / 8;
	skb_copy_bits(skb, 0, bytes, skb->len);
	return shim_chain(shim, packet, bytes, skb->len, min(buffers, skb->len));
}

/* NULL without a descriptor. */
PNDIS_PACKET shim_wrap(struct shim *shim, struct sk_buff *skb)
{
	PNDIS_PACKET packet;
	NDIS_STATUS status;

	NdisAllocatePacket(&status, &packet, shim->packet_pool);
	if (status != NDIS_STATUS_SUCCESS)
		return NULL;
	*shim_send_of(packet) = (struct shim_send){ .skb = skb };
	if (shim_fragments())
		status = shim_fragment(shim, packet, skb);
	else
		status = shim_chain(shim, packet, skb->data, skb->len, 1);
	if (status != NDIS_STATUS_SUCCESS) {
		shim_free_packet(shim, packet);
		return NULL;
	}
	return packet;
}

/* The packet goes; its skb stays. */
struct sk_buff *shim_unwrap(struct shim *shim, PNDIS_PACKET packet)
{
	struct sk_buff *skb = shim_send_of(packet)->skb;

	shim_free_packet(shim, packet);
	return skb;
}
