// SPDX-License-Identifier: GPL-2.0-or-later
/* Sends: an skb becomes a packet with one buffer; packets go down in arrays (docs/ndis51.md sections 4.5, 4.6, 4.8). */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "edge.h"

/* The queue starts again when this part of the pool is free: not for every packet that comes back. */
#define EDGE_WAKE_PART 4

static struct sk_buff **edge_skb_of(PNDIS_PACKET packet)
{
	return (struct sk_buff **)packet->ProtocolReserved;
}

/* One packet for each transmit descriptor: what is out is what the ring holds. */
int edge_transmit_create(struct edge *edge, unsigned int descriptors)
{
	NDIS_STATUS status;

	edge->tx_limit = descriptors;
	NdisAllocatePacketPool(&status, &edge->packet_pool, edge->tx_limit, sizeof(struct sk_buff *));
	if (status != NDIS_STATUS_SUCCESS)
		return -ENOMEM;
	NdisAllocateBufferPool(&status, &edge->buffer_pool, edge->tx_limit);
	if (status != NDIS_STATUS_SUCCESS) {
		NdisFreePacketPool(edge->packet_pool);
		return -ENOMEM;
	}
	return 0;
}

void edge_transmit_free(struct edge *edge)
{
	NdisFreeBufferPool(edge->buffer_pool);
	NdisFreePacketPool(edge->packet_pool);
}

bool edge_transmit_idle(struct edge *edge)
{
	return !NdisPacketPoolUsage(edge->packet_pool);
}

static PNDIS_PACKET edge_wrap(struct edge *edge, struct sk_buff *skb)
{
	PNDIS_PACKET packet;
	PNDIS_BUFFER buffer;
	NDIS_STATUS status;

	NdisAllocatePacket(&status, &packet, edge->packet_pool);
	if (status != NDIS_STATUS_SUCCESS)
		return NULL;
	NdisAllocateBuffer(&status, &buffer, edge->buffer_pool, skb->data, skb->len);
	if (status != NDIS_STATUS_SUCCESS) {
		NdisFreePacket(packet);
		return NULL;
	}
	NdisChainBufferAtFront(packet, buffer);
	*edge_skb_of(packet) = skb;
	return packet;
}

static struct sk_buff *edge_unwrap(PNDIS_PACKET packet)
{
	struct sk_buff *skb = *edge_skb_of(packet);
	PNDIS_BUFFER buffer;

	NdisUnchainBufferAtFront(packet, &buffer);
	NdisFreeBuffer(buffer);
	NdisFreePacket(packet);
	return skb;
}

static void edge_flush(struct edge *edge)
{
	unsigned int count = edge->gathered_count;

	if (!count)
		return;
	edge->gathered_count = 0;
	edge->statistics.tx_batches++;
	NdisSendPackets(edge->adapter, edge->gathered, count);
}

static bool edge_pool_spent(struct edge *edge)
{
	return NdisPacketPoolUsage(edge->packet_pool) >= edge->tx_limit;
}

/* Stops the queue while no packet is left. A completion may have seen it still running: hence the second look. */
static void edge_stop_if_spent(struct edge *edge)
{
	if (!edge_pool_spent(edge))
		return;
	netif_stop_queue(edge->netdev);
	edge->statistics.tx_queue_stops++;
	/* The stop must be visible before the pool is read again; pairs with edge_report_completions(). */
	smp_mb();
	if (!edge_pool_spent(edge))
		netif_start_queue(edge->netdev);
}

netdev_tx_t edge_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct netdev_queue *queue = netdev_get_tx_queue(netdev, 0);
	struct edge *edge = netdev_priv(netdev);
	PNDIS_PACKET packet = NULL;
	bool flush;

	if (!skb_linearize(skb))
		packet = edge_wrap(edge, skb);
	if (!packet) {
		dev_core_stats_tx_dropped_inc(netdev);
		dev_kfree_skb_any(skb);
		flush = !netdev_xmit_more();
	} else {
		skb_tx_timestamp(skb);
		edge->gathered[edge->gathered_count++] = packet;
		edge_stop_if_spent(edge);
		flush = __netdev_tx_sent_queue(queue, skb->len, netdev_xmit_more());
	}
	/* One call, and so one doorbell, for all that the stack hands over in one go. */
	if (flush || edge->gathered_count == EDGE_BATCH || netif_xmit_stopped(queue))
		edge_flush(edge);
	return NETDEV_TX_OK;
}

void edge_send_complete(void *context, PNDIS_PACKET packet, NDIS_STATUS status)
{
	struct edge *edge = context;
	struct sk_buff *skb = edge_unwrap(packet);
	unsigned int length = skb->len;

	spin_lock_bh(&edge->done_lock);
	edge->done_packets++;
	edge->done_bytes += length;
	if (status != NDIS_STATUS_SUCCESS)
		edge->statistics.tx_failed++;
	spin_unlock_bh(&edge->done_lock);

	if (status == NDIS_STATUS_SUCCESS) {
		dev_sw_netstats_tx_add(edge->netdev, 1, length);
		dev_consume_skb_any(skb);
		return;
	}
	dev_kfree_skb_any(skb);
	/* Outside the poll nobody else would report it: byte limits and a stopped queue wait for that. */
	napi_schedule(&edge->napi);
}

/* From the poll, or while it is disabled. Tells the byte limits what was done, and wakes the queue. */
void edge_report_completions(struct edge *edge)
{
	unsigned int packets, bytes;

	spin_lock_bh(&edge->done_lock);
	packets = edge->done_packets;
	bytes = edge->done_bytes;
	edge->done_packets = 0;
	edge->done_bytes = 0;
	spin_unlock_bh(&edge->done_lock);
	if (!packets)
		return;

	netdev_completed_queue(edge->netdev, packets, bytes);
	/* The freed packets must be visible before the queue's state is read; pairs with edge_stop_if_spent(). */
	smp_mb();
	if (netif_queue_stopped(edge->netdev) && netif_running(edge->netdev) &&
	    NdisPacketPoolUsage(edge->packet_pool) <= edge->tx_limit - edge->tx_limit / EDGE_WAKE_PART)
		netif_wake_queue(edge->netdev);
}
