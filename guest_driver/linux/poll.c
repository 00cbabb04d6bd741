// SPDX-License-Identifier: GPL-2.0-or-later
/* Receives and the deferred half of the interrupt: NAPI's poll is NDIS's DPC (docs/ndis51.md section 4.8). */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "shim.h"

/* DIRQL. */
void shim_interrupt(void *context)
{
	struct shim *shim = context;

	shim->statistics.interrupts++;
	napi_schedule_irqoff(&shim->napi);
}

static struct sk_buff *shim_allocate(struct shim *shim, UINT length)
{
	if (!shim->netpoll)
		return napi_alloc_skb(&shim->napi, length);
	return skb_queue_len(&shim->late) < SHIM_LATE_MAX ? netdev_alloc_skb_ip_align(shim->netdev, length) : NULL;
}

static struct sk_buff *shim_copy(struct shim *shim, PNDIS_PACKET packet)
{
	PNDIS_BUFFER buffer;
	struct sk_buff *skb;
	UINT total, length;
	PVOID va;

	NdisQueryPacket(packet, NULL, NULL, &buffer, &total);
	skb = shim_allocate(shim, total);
	if (unlikely(!skb)) {
		shim->statistics.rx_no_memory++;
		dev_core_stats_rx_dropped_inc(shim->netdev);
		return NULL;
	}
	while (buffer) {
		NdisQueryBufferSafe(buffer, &va, &length, NormalPagePriority);
		/* A miniport that does not recalculate its totals reports too few bytes (R77). */
		if (unlikely(length > skb_tailroom(skb))) {
			dev_core_stats_rx_dropped_inc(shim->netdev);
			kfree_skb(skb);
			return NULL;
		}
		skb_put_data(skb, va, length);
		NdisGetNextBuffer(buffer, &buffer);
	}
	dev_sw_netstats_rx_add(shim->netdev, total);
	skb->protocol = eth_type_trans(skb, shim->netdev);
	return skb;
}

/*
 * Copies every frame at once, then keeps the packets until the poll returns them, as a protocol may; those that the
 * miniport marked RESOURCES it keeps itself. While the device goes down the frames are dropped.
 */
void shim_receive(void *context, PPNDIS_PACKET packets, UINT count)
{
	struct shim *shim = context;
	bool deliver = netif_running(shim->netdev);
	UINT i;

	shim->indicated += count;
	shim->statistics.rx_indicated += count;
	for (i = 0; i < count; i++) {
		struct sk_buff *skb = deliver ? shim_copy(shim, packets[i]) : NULL;

		if (skb && shim->netpoll)
			__skb_queue_tail(&shim->late, skb);
		else if (skb)
			napi_gro_receive(&shim->napi, skb);
		if (NDIS_GET_PACKET_STATUS(packets[i]) == NDIS_STATUS_RESOURCES ||
		    shim->held_count == SHIM_BATCH)
			continue;
		NDIS_SET_PACKET_STATUS(packets[i], NDIS_STATUS_PENDING);
		shim->held[shim->held_count++] = packets[i];
	}
}

/* One deferred call; returns how many packets it indicated. The packets that the shim kept go back. */
static unsigned int shim_run(struct shim *shim)
{
	unsigned int held;

	shim->indicated = 0;
	ndis_handle_interrupt(shim->adapter);
	held = shim->held_count;
	shim->held_count = 0;
	NdisReturnPackets(shim->held, held);
	shim_report_completions(shim);
	return shim->indicated;
}

/*
 * Netpoll waits for sends to end, with interrupts off. The stack takes no frame then: those that NDIS indicates wait
 * for the poll proper, which is scheduled whenever netpoll runs this one.
 */
static void shim_netpoll(struct shim *shim)
{
	if (in_hardirq())
		return;
	shim->netpoll = true;
	shim_run(shim);
	shim->netpoll = false;
}

static void shim_deliver_late(struct shim *shim)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&shim->late)))
		napi_gro_receive(&shim->napi, skb);
}

/*
 * A full batch, or more from a miniport that has several at once, means that there may be yet more. Otherwise the
 * card is armed before the poll is declared over: an interrupt that falls between the two finds the poll still
 * scheduled, and NAPI then runs it again.
 */
int shim_poll(struct napi_struct *napi, int budget)
{
	struct shim *shim = container_of(napi, struct shim, napi);
	int work;

	if (!budget) {
		shim_netpoll(shim);
		return 0;
	}
	shim->statistics.polls++;
	shim_deliver_late(shim);
	work = shim_run(shim);
	if (work >= min(budget, SHIM_BATCH))
		return budget;
	ndis_enable_interrupt(shim->adapter);
	napi_complete_done(napi, work);
	return work;
}
