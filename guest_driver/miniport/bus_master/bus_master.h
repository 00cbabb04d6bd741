/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus-master kind: rings of descriptors in shared memory, and the card moves every frame itself (datasheet sections
 * 3 to 5; docs/ndis51.md section 8.1). A frame comes in by receive.c and goes out by send.c; rxring.c and txring.c
 * have the memory of both, and mapping.c the map registers of the older model.
 *
 * Settings choose the other ways that NDIS allows, so that frames cross them too (struct bus_master_ways).
 *
 * Locks: rx.lock guards everything in struct bus_master_rx, sends.lock everything in struct bus_master_tx. They are
 * never held together.
 */
#ifndef NICRIG_BUS_MASTER_H
#define NICRIG_BUS_MASTER_H

#include "../miniport.h"

/* One receive buffer: a cached shared block with the packet and buffer descriptors that stay with it for life. */
struct bus_master_buffer {
	PVOID va;
	NDIS_PHYSICAL_ADDRESS pa;
	PNDIS_BUFFER buffer;
	PNDIS_PACKET packet;
	BOOLEAN ready;          /* it may be posted */
	BOOLEAN indicated;
};

/* Receive ring. Indices run freely: slots [head, tail) are posted, those before doorbell announced to the card. */
struct bus_master_rx {
	NDIS_SPIN_LOCK lock;
	ULONG size;
	volatile struct nicrig_descriptor *ring;
	NDIS_PHYSICAL_ADDRESS ring_pa;
	struct bus_master_buffer **slots;
	struct bus_master_buffer *buffers;
	NDIS_HANDLE packet_pool;
	NDIS_HANDLE buffer_pool;
	USHORT head;
	USHORT tail;
	USHORT doorbell;
	ULONG ready;            /* buffers that there are */
	ULONG asked;            /* buffers that there are, or that NDIS was asked for */
	ULONG indicated;        /* buffers that NDIS has */
	PNDIS_PACKET batch[NIC_BATCH];
};

/* Transmit ring. slots[] holds a frame's packet at its last descriptor. */
struct bus_master_tx {
	ULONG size;
	volatile struct nicrig_descriptor *ring;
	NDIS_PHYSICAL_ADDRESS ring_pa;
	PNDIS_PACKET *slots;
	USHORT head;
	USHORT tail;
	USHORT doorbell;
	BOOLEAN frame_error;    /* a descriptor of the frame at head was refused */
	USHORT first_register;  /* map registers in use: [first, next), in the order of the sends */
	USHORT next_register;
};

/* Other ways to the same end, each allowed by NDIS. */
struct bus_master_ways {
	BOOLEAN map_registers;  /* instead of scatter-gather lists */
	BOOLEAN pool_memory;    /* software state from the kernel's pool */
	BOOLEAN async_memory;   /* half of the receive buffers while the adapter runs */
	BOOLEAN update_memory;  /* receives by NdisMUpdateSharedMemory instead of NdisFlushBuffer */
};

struct bus_master {
	struct nic_adapter nic;
	struct bus_master_ways ways;
	ULONG alignment;
	struct bus_master_rx rx;
	struct bus_master_tx tx;
};
C_ASSERT(FIELD_OFFSET(struct bus_master, nic) == 0);

static inline struct bus_master *to_bus_master(const struct nic_adapter *nic)
{
	return CONTAINING_RECORD(nic, struct bus_master, nic);
}

/* bus_master.c */
PVOID bus_master_memory(const struct bus_master *card, ULONG bytes);
VOID bus_master_memory_free(const struct bus_master *card, PVOID memory, ULONG bytes);

/* mapping.c */
NDIS_STATUS bus_master_claim_dma(struct bus_master *card);
VOID bus_master_release_dma(struct bus_master *card);
ULONG bus_master_pieces(const struct bus_master *card, PNDIS_PACKET packet, UINT *buffers);
BOOLEAN bus_master_registers_left(const struct bus_master_tx *tx, UINT buffers);
BOOLEAN bus_master_map(struct bus_master *card, PNDIS_PACKET packet);
VOID bus_master_unmap(struct bus_master *card, PNDIS_PACKET packet);

/* rxring.c */
NDIS_STATUS bus_master_describe(struct bus_master *card, struct bus_master_buffer *item);
VOID bus_master_rx_grow(struct bus_master *card);
NDIS_STATUS bus_master_rx_allocate(struct nic_adapter *nic, ULONG size);
VOID bus_master_rx_free(struct bus_master *card);

/* receive.c */
struct bus_master_buffer **bus_master_buffer_of(PNDIS_PACKET packet);
VOID bus_master_rx_rebuild(struct bus_master *card);
BOOLEAN bus_master_rx_pending(struct bus_master *card);
VOID bus_master_rx_arm(struct bus_master *card);
VOID bus_master_receive(struct nic_adapter *nic);
VOID bus_master_allocated(struct nic_adapter *nic, PVOID va, PNDIS_PHYSICAL_ADDRESS pa, PVOID context);
VOID bus_master_return_packet(struct nic_adapter *nic, PNDIS_PACKET packet);

/* txring.c */
NDIS_STATUS bus_master_tx_allocate(struct nic_adapter *nic, ULONG size);
VOID bus_master_tx_free(struct bus_master *card);

/* send.c */
VOID bus_master_put(struct bus_master_tx *tx, NDIS_PHYSICAL_ADDRESS address, ULONG length);
NDIS_STATUS bus_master_check(const struct nic_adapter *nic, PNDIS_PACKET packet);
VOID bus_master_push(struct nic_adapter *nic, struct nic_packets *done);
VOID bus_master_reap(struct nic_adapter *nic, struct nic_packets *done);
VOID bus_master_abandon(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status);
BOOLEAN bus_master_tx_pending(struct bus_master *card);

#endif /* NICRIG_BUS_MASTER_H */
