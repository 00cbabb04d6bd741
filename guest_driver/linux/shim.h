/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Linux shim: a PCI driver that plays the operating system under the miniport, and a network device that plays
 * the protocol above it.
 */
#ifndef NICRIG_SHIM_H
#define NICRIG_SHIM_H

#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>

#include "../ndis/binding.h"

/* Uses types of <ndis.h>, so it comes after it. */
#include "../miniport/hardware.h"
#include "version.h"

#define SHIM_NAME       "nicrig"
#define SHIM_LATE_MAX   256                     /* frames that wait while netpoll runs; more are dropped */
#define SHIM_BATCH      NAPI_POLL_WEIGHT        /* packets in one indication, and in one call to send */

/* What `ethtool -S` shows of the shim itself; ethtool.c has the names in this order. */
struct shim_statistics {
	u64 interrupts;
	u64 polls;
	u64 rx_indicated;
	u64 rx_no_memory;
	u64 tx_batches;
	u64 tx_queue_stops;
	u64 tx_succeeded;
	u64 tx_failed;
	u64 resets;
};

/* What the shim has to know of a kind of card: the driver data of its PCI id. */
struct shim_kind {
	ULONG ring_max;                 /* descriptors; 0: the driver cannot choose the size of its queues */
	bool channel;                   /* has a DMA channel, which the platform sets up */
};

struct shim {
	const struct shim_kind *kind;
	struct net_device *netdev;
	struct pci_dev *pdev;
	struct ndis_adapter *adapter;
	struct shim_statistics statistics;
	u64 counters[NICRIG_COUNTERS];  /* the card's, as last read */
	unsigned long counted;          /* when, in jiffies */
	u64 before[NICRIG_COUNTERS];    /* when the driver was loaded: no reset clears them */
	bool removing;

	/* A subordinate card's DMA channel; unset for the other kinds. */
	const struct ndis_dma_controller *controller;
	void __iomem *control;
	void __iomem *words;

	/* Receive: written by the poll only. */
	struct napi_struct napi;
	unsigned int indicated;         /* packets, since the last poll */
	PNDIS_PACKET held[SHIM_BATCH];
	unsigned int held_count;
	bool netpoll;                   /* netpoll runs the poll: the stack takes no frame now */
	struct sk_buff_head late;       /* copies of frames that came then */

	/* Transmit: the gathered array is guarded by the device's transmit lock. */
	NDIS_HANDLE packet_pool;
	NDIS_HANDLE buffer_pool;
	unsigned int tx_limit;
	PVOID *spaces;                  /* the protocol's own memory for packets, while `fragments` is set */
	unsigned int spaces_made;
	unsigned int spaces_free;       /* those in front are free; done_lock guards them */
	unsigned int fragmented;        /* packets so far */
	PNDIS_PACKET gathered[SHIM_BATCH];
	unsigned int gathered_count;

	/* Completions come from the poll, from within a send, and from a reset; the poll alone reports them. */
	spinlock_t done_lock;
	unsigned int done_packets;
	unsigned int done_bytes;

	struct work_struct reset_work;
	struct delayed_work hang_work;
};

/* netdev.c */
struct net_device *shim_create(struct pci_dev *pdev, const struct shim_kind *kind);
int shim_start(struct shim *shim, struct ndis_wrapper *wrapper, unsigned int vectors,
	       const struct ndis_setting *settings);
void shim_stop(struct shim *shim);
void shim_pause(struct shim *shim);
void shim_unpause(struct shim *shim);
int shim_start_over(struct shim *shim);
int shim_set_power(struct shim *shim, NDIS_DEVICE_POWER_STATE state);
int shim_reset(struct shim *shim);
int shim_query(struct shim *shim, NDIS_OID oid, void *buffer, ULONG length);
ULONG shim_query_ulong(struct shim *shim, NDIS_OID oid);
void shim_read_counters(struct shim *shim);
ULONG shim_ring_size(struct shim *shim, NDIS_OID space, NDIS_OID block);

/* packet.c */
int shim_transmit_create(struct shim *shim, unsigned int descriptors);
void shim_transmit_free(struct shim *shim);
PNDIS_PACKET shim_wrap(struct shim *shim, struct sk_buff *skb);
struct sk_buff *shim_unwrap(struct shim *shim, PNDIS_PACKET packet);
bool shim_transmit_idle(struct shim *shim);

/* transmit.c */
netdev_tx_t shim_xmit(struct sk_buff *skb, struct net_device *netdev);
void shim_send_complete(void *context, PNDIS_PACKET packet, NDIS_STATUS status);
void shim_report_completions(struct shim *shim);

/* poll.c */
void shim_receive(void *context, PPNDIS_PACKET packets, UINT count);
void shim_interrupt(void *context);
int shim_poll(struct napi_struct *napi, int budget);

/* channel.c */
int shim_channel_open(struct shim *shim);
void shim_channel_close(struct shim *shim);

/* ethtool.c */
extern const struct ethtool_ops shim_ethtool_ops;

#endif /* NICRIG_SHIM_H */
