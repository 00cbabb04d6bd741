/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Linux edge: a PCI driver that plays the operating system under the miniport, and a network device that plays
 * the protocol above it.
 */
#ifndef NICRIG_EDGE_H
#define NICRIG_EDGE_H

#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>

#include "../ndis/binding.h"

/* After <ndis.h>, whose types it is written in. */
#include "../miniport/hardware.h"

#define EDGE_NAME       "nicrig"
#define EDGE_VERSION    "0.1.0"
#define EDGE_BATCH      NAPI_POLL_WEIGHT        /* packets in one indication, and in one call to send */

/* What `ethtool -S` shows of the edge itself; the names stand in ethtool.c in this order. */
struct edge_statistics {
	u64 interrupts;
	u64 polls;
	u64 rx_no_memory;
	u64 tx_batches;
	u64 tx_queue_stops;
	u64 tx_failed;
	u64 resets;
};

struct edge {
	struct net_device *netdev;
	struct pci_dev *pdev;
	struct ndis_adapter *adapter;
	struct ndis_setting settings[3];
	struct edge_statistics statistics;
	bool removing;

	/* A subordinate card's DMA channel; unset for the other kinds. */
	const struct ndis_dma_controller *controller;
	void __iomem *control;
	void __iomem *words;

	/* Receive: written by the poll only. */
	struct napi_struct napi;
	unsigned int indicated;         /* packets, since the poll's last look */
	PNDIS_PACKET held[EDGE_BATCH];
	unsigned int held_count;

	/* Transmit: the gathered array is guarded by the device's transmit lock. */
	NDIS_HANDLE packet_pool;
	NDIS_HANDLE buffer_pool;
	unsigned int tx_limit;
	PNDIS_PACKET gathered[EDGE_BATCH];
	unsigned int gathered_count;

	/* Completions come from the poll, from within a send, and from a reset; the poll alone reports them. */
	spinlock_t done_lock;
	unsigned int done_packets;
	unsigned int done_bytes;

	struct work_struct reset_work;
	struct delayed_work hang_work;
};

/* netdev.c */
struct net_device *edge_create(struct pci_dev *pdev, ULONG rx_ring_size, ULONG tx_ring_size);
int edge_start(struct edge *edge, struct ndis_wrapper *wrapper, unsigned int vectors);
void edge_stop(struct edge *edge);
int edge_reset(struct edge *edge);
int edge_query(struct edge *edge, NDIS_OID oid, void *buffer, ULONG length);
ULONG edge_query_ulong(struct edge *edge, NDIS_OID oid);
ULONG edge_ring_size(struct edge *edge, NDIS_OID space, NDIS_OID block);

/* transmit.c */
int edge_transmit_create(struct edge *edge, unsigned int descriptors);
void edge_transmit_free(struct edge *edge);
netdev_tx_t edge_xmit(struct sk_buff *skb, struct net_device *netdev);
void edge_send_complete(void *context, PNDIS_PACKET packet, NDIS_STATUS status);
void edge_report_completions(struct edge *edge);
bool edge_transmit_idle(struct edge *edge);

/* poll.c */
void edge_receive(void *context, PPNDIS_PACKET packets, UINT count);
void edge_interrupt(void *context);
int edge_poll(struct napi_struct *napi, int budget);

/* channel.c */
int edge_channel_open(struct edge *edge);
void edge_channel_close(struct edge *edge);

/* ethtool.c */
extern const struct ethtool_ops edge_ethtool_ops;

#endif /* NICRIG_EDGE_H */
