// SPDX-License-Identifier: GPL-2.0-or-later
/* Sends: an skb becomes a packet, and packets go down in arrays (docs/ndis51.md section 4.8). */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "shim.h"

/* The queue starts again when this part of the pool is free, not for each packet that comes back. */
#define SHIM_WAKE_PART 4

static void shim_flush(struct shim *shim)
{
	unsigned int count = shim->gathered_count;

	if (!count)
		return;
	shim->gathered_count = 0;
	shim->statistics.tx_batches++;
	NdisSendPackets(shim->adapter, shim->gathered, count);
}

static bool shim_pool_spent(struct shim *shim)
{
	return NdisPacketPoolUsage(shim->packet_pool) >= shim->tx_limit;
}

/* Stops the queue while no packet is left, then checks again: a completion may have seen it running. */
static void shim_stop_if_spent(struct shim *shim)
{
	if (!shim_pool_spent(shim))
		return;
	netif_stop_queue(shim->netdev);
	shim->statistics.tx_queue_stops++;
	/* The stop must be visible before the pool is read again; pairs with shim_report_completions(). */
	smp_mb();
	if (!shim_pool_spent(shim))
		netif_start_queue(shim->netdev);
}

netdev_tx_t shim_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct netdev_queue *queue = netdev_get_tx_queue(netdev, 0);
	struct shim *shim = netdev_priv(netdev);
	PNDIS_PACKET packet = NULL;
	bool flush;

	/* Netpoll sends from interrupts too. NDIS sends at DISPATCH_LEVEL at most: netpoll tries again later. */
	if (in_hardirq())
		return NETDEV_TX_BUSY;
	if (!skb_linearize(skb))
		packet = shim_wrap(shim, skb);
	if (!packet) {
		dev_core_stats_tx_dropped_inc(netdev);
		dev_kfree_skb_any(skb);
		flush = !netdev_xmit_more();
	} else {
		skb_tx_timestamp(skb);
		shim->gathered[shim->gathered_count++] = packet;
		shim_stop_if_spent(shim);
		flush = __netdev_tx_sent_queue(queue, skb->len, netdev_xmit_more());
	}
	/* One call, and so one doorbell, for all that the stack hands over at once. */
	if (flush || shim->gathered_count == SHIM_BATCH || netif_xmit_stopped(queue))
		shim_flush(shim);
	return NETDEV_TX_OK;
}

void shim_send_complete(void *context, PNDIS_PACKET packet, NDIS_STATUS status)
{
	struct shim *shim = context;
	struct sk_buff *skb = shim_unwrap(shim, packet);
	unsigned int length = skb->len;
	unsigned long flags;

	spin_lock_irqsave(&shim->done_lock, flags);
	shim->done_packets++;
	shim->done_bytes += length;
	if (status == NDIS_STATUS_SUCCESS)
		shim->statistics.tx_succeeded++;
	else
		shim->statistics.tx_failed++;
	spin_unlock_irqrestore(&shim->done_lock, flags);

	if (status == NDIS_STATUS_SUCCESS) {
		dev_sw_netstats_tx_add(shim->netdev, 1, length);
		dev_consume_skb_any(skb);
		return;
	}
	dev_kfree_skb_any(skb);
	/* Outside the poll only this call reports it, and byte limits and a stopped queue wait for the report. */
	napi_schedule(&shim->napi);
}

/* From the poll, or while it is disabled. Reports what was done to the byte limits, and wakes the queue. */
void shim_report_completions(struct shim *shim)
{
	unsigned int packets, bytes;
	unsigned long flags;

	spin_lock_irqsave(&shim->done_lock, flags);
	packets = shim->done_packets;
	bytes = shim->done_bytes;
	shim->done_packets = 0;
	shim->done_bytes = 0;
	spin_unlock_irqrestore(&shim->done_lock, flags);
	if (!packets)
		return;

	netdev_completed_queue(shim->netdev, packets, bytes);
	/* The freed packets must be visible before the queue's state is read; pairs with shim_stop_if_spent(). */
	smp_mb();
	if (netif_queue_stopped(shim->netdev) && netif_running(shim->netdev) &&
	    NdisPacketPoolUsage(shim->packet_pool) <= shim->tx_limit - shim->tx_limit / SHIM_WAKE_PART)
		netif_wake_queue(shim->netdev);
}
