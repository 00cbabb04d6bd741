/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the NDIS layer share: what really stands behind the handles that a miniport sees. */
#ifndef NICRIG_NDIS_LAYER_H
#define NICRIG_NDIS_LAYER_H

#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include <ndis.h>

#include "binding.h"
#include "recorder.h"

/* The NDIS_HANDLE that NdisInitializeWrapper gives out: one driver. */
struct ndis_wrapper {
	NDIS_MINIPORT_CHARACTERISTICS miniport;
	bool registered;
};

/*
 * MiniportAdapterHandle, WrapperConfigurationContext and NdisBindingHandle: one adapter. Created by the PCI edge
 * before MiniportInitialize, freed by it after MiniportHalt.
 */
struct ndis_adapter {
	struct pci_dev *pdev;
	const NDIS_MINIPORT_CHARACTERISTICS *miniport;
	const struct ndis_protocol *protocol;
	void *protocol_context;
	const struct ndis_setting *settings;
	unsigned int vectors;

	enum ndis_phase phase;
	NDIS_HANDLE context;
	bool attributes_set;
	ULONG attributes;
	unsigned int hang_seconds;
	bool scatter_gather;
	ULONG max_mapping;
	NDIS_MINIPORT_INTERRUPT *interrupt;
};

/* Who may touch a packet; a transition that does not start where it should is a bug of driver or protocol. */
enum ndis_packet_owner {
	NDIS_PACKET_IDLE,
	NDIS_PACKET_SENT,
	NDIS_PACKET_INDICATED,
};

/* Elements of the scatter-gather list that every packet carries; longer chains get theirs from the heap. */
#define NDIS_INLINE_ELEMENTS 2

struct ndis_packet {
	struct ndis_packet *next_free;
	struct ndis_packet_pool *pool;
	struct ndis_adapter *adapter;
	SCATTER_GATHER_LIST *list;
	enum ndis_packet_owner owner;
	bool overflow;
	u8 inline_list[sizeof(SCATTER_GATHER_LIST) + NDIS_INLINE_ELEMENTS * sizeof(SCATTER_GATHER_ELEMENT)]
		__aligned(8);
	/* Last: the protocol's reserved area, the out-of-band block and the extension follow it. */
	NDIS_PACKET packet;
};

/* An NDIS_BUFFER. `dev` is set while the memory it describes is reachable by the adapter's DMA. */
struct ndis_buffer {
	MDL mdl;
	struct ndis_buffer *next_free;
	struct ndis_buffer_pool *pool;
	struct device *dev;
	dma_addr_t dma;
};

static inline struct ndis_packet *to_ndis_packet(PNDIS_PACKET packet)
{
	return container_of(packet, struct ndis_packet, packet);
}

static inline struct ndis_buffer *to_ndis_buffer(PMDL mdl)
{
	return container_of(mdl, struct ndis_buffer, mdl);
}

/*
 * Allocations may sleep only where the miniport runs at PASSIVE_LEVEL. There a large one fails before the system
 * starts to kill for it: a miniport can ask for less (docs/ndis51.md section 6).
 */
static inline gfp_t ndis_gfp(void)
{
	return __GFP_NOWARN | (KeGetCurrentIrql() == PASSIVE_LEVEL ? GFP_KERNEL | __GFP_RETRY_MAYFAIL : GFP_ATOMIC);
}

/* shared.c: before the first adapter and after the last; the latter waits for memory that is still to be released. */
bool ndis_shared_start(void);
void ndis_shared_stop(void);

/* shared.c: the device and device address of a byte in cached shared memory; false for any other memory. */
bool ndis_shared_lookup(const void *va, struct device **dev, dma_addr_t *dma);

/* sglist.c */
NDIS_STATUS ndis_packet_map(struct ndis_adapter *adapter, struct ndis_packet *packet);
void ndis_packet_unmap(struct ndis_adapter *adapter, struct ndis_packet *packet);

/* interrupt.c */
void ndis_interrupt_check_released(struct ndis_adapter *adapter);

#endif /* NICRIG_NDIS_LAYER_H */
