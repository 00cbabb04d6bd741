// SPDX-License-Identifier: GPL-2.0-or-later
/* Receives and the deferred half of the interrupt: NAPI's poll is NDIS's DPC (docs/ndis51.md section 4.8). */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "edge.h"

/* DIRQL. */
void edge_interrupt(void *context)
{
	struct edge *edge = context;

	edge->statistics.interrupts++;
	napi_schedule_irqoff(&edge->napi);
}

static struct sk_buff *edge_copy(struct edge *edge, PNDIS_PACKET packet)
{
	PNDIS_BUFFER buffer;
	struct sk_buff *skb;
	UINT total, length;
	PVOID va;

	NdisQueryPacket(packet, NULL, NULL, &buffer, &total);
	skb = napi_alloc_skb(&edge->napi, total);
	if (unlikely(!skb)) {
		edge->statistics.rx_no_memory++;
		dev_core_stats_rx_dropped_inc(edge->netdev);
		return NULL;
	}
	while (buffer) {
		NdisQueryBufferSafe(buffer, &va, &length, NormalPagePriority);
		/* A miniport that does not recalculate its totals has told too few bytes (R77). */
		if (unlikely(length > skb_tailroom(skb))) {
			dev_core_stats_rx_dropped_inc(edge->netdev);
			kfree_skb(skb);
			return NULL;
		}
		skb_put_data(skb, va, length);
		NdisGetNextBuffer(buffer, &buffer);
	}
	dev_sw_netstats_rx_add(edge->netdev, total);
	skb->protocol = eth_type_trans(skb, edge->netdev);
	return skb;
}

/*
 * Copies every frame at once, then keeps the packets until the poll returns them, as a protocol may; those that the
 * miniport marked RESOURCES it keeps itself. While the device goes down the frames are dropped.
 */
void edge_receive(void *context, PPNDIS_PACKET packets, UINT count)
{
	struct edge *edge = context;
	bool deliver = netif_running(edge->netdev);
	UINT i;

	edge->indicated += count;
	for (i = 0; i < count; i++) {
		struct sk_buff *skb = deliver ? edge_copy(edge, packets[i]) : NULL;

		if (skb)
			napi_gro_receive(&edge->napi, skb);
		if (NDIS_GET_PACKET_STATUS(packets[i]) == NDIS_STATUS_RESOURCES ||
		    edge->held_count == EDGE_BATCH)
			continue;
		NDIS_SET_PACKET_STATUS(packets[i], NDIS_STATUS_PENDING);
		edge->held[edge->held_count++] = packets[i];
	}
}

/* One deferred call; how many packets it indicated. Those that were kept go back. */
static unsigned int edge_run(struct edge *edge)
{
	unsigned int held;

	edge->indicated = 0;
	ndis_handle_interrupt(edge->adapter);
	held = edge->held_count;
	edge->held_count = 0;
	NdisReturnPackets(edge->held, held);
	edge_report_completions(edge);
	return edge->indicated;
}

/*
 * A full batch, or more from a miniport that has several at once, means that there may be yet more. Otherwise the
 * card is armed before the poll is declared over: an interrupt that falls between the two finds the poll still
 * scheduled, and NAPI then runs it again.
 */
int edge_poll(struct napi_struct *napi, int budget)
{
	struct edge *edge = container_of(napi, struct edge, napi);
	int work;

	if (!budget)
		return 0;
	edge->statistics.polls++;
	work = edge_run(edge);
	if (work >= min(budget, EDGE_BATCH))
		return budget;
	ndis_enable_interrupt(edge->adapter);
	napi_complete_done(napi, work);
	return work;
}
