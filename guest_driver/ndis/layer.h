/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the NDIS layer share: the objects behind the handles that a miniport gets. */
#ifndef NICRIG_NDIS_LAYER_H
#define NICRIG_NDIS_LAYER_H

#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include <ndis.h>

#include "binding.h"
#include "noncoherent/cache.h"
#include "recorder/recorder.h"

/* What a driver can hold of the layer, and leave behind (objects.c). */
enum ndis_object_kind {
	NDIS_OBJECT_MEMORY,
	NDIS_OBJECT_POOL_MEMORY,
	NDIS_OBJECT_SHARED_MEMORY,
	NDIS_OBJECT_PACKET_POOL,
	NDIS_OBJECT_PACKET,
	NDIS_OBJECT_BUFFER_POOL,
	NDIS_OBJECT_BUFFER,
	NDIS_OBJECT_MAP_REGISTERS,
	NDIS_OBJECT_MAPPING,
	NDIS_OBJECT_DMA_CHANNEL,
	NDIS_OBJECT_PORTS,
	NDIS_OBJECT_IO_SPACE,
	NDIS_OBJECT_INTERRUPT,
	NDIS_OBJECT_CONFIGURATION,
	NDIS_OBJECT_KINDS,
};

/* An object that the layer finds by its address, so that it can refuse to free anything else. */
struct ndis_object {
	struct hlist_node node;
	enum ndis_object_kind kind;
	const void *address;
};

/* The NDIS_HANDLE that NdisInitializeWrapper gives out: one driver. */
struct ndis_wrapper {
	NDIS_MINIPORT_CHARACTERISTICS miniport;
	bool registered;
};

/* The level in every interrupt's resource. */
#define NDIS_INTERRUPT_LEVEL (DISPATCH_LEVEL + 1)

/* Section 4.3: a limit of NDIS, not of the platform. */
#define NDIS_MAP_REGISTERS_MAX 64

/* Base registers of one adapter. A register in use has the buffer that it maps. The adapter's lock guards them. */
struct ndis_map_registers {
	bool allocated;
	ULONG count;
	ULONG maximum;
	struct ndis_buffer *mapped[NDIS_MAP_REGISTERS_MAX];
};

/* The handle of NdisMRegisterDmaChannel, with the arguments of NdisMSetupDmaTransfer for the transfer under way. */
struct ndis_dma_channel {
	struct ndis_adapter *adapter;
	bool registered;
	bool busy;
	bool mapped;
	ULONG maximum;
	ULONG left;
	PNDIS_BUFFER buffer;
	ULONG offset;
	ULONG length;
	bool write;
	dma_addr_t dma;
	struct ndis_split *split;
};

/*
 * MiniportAdapterHandle, WrapperConfigurationContext and NdisBindingHandle: one adapter. The PCI shim creates it
 * before MiniportInitialize and frees it after MiniportHalt.
 */
struct ndis_adapter {
	struct pci_dev *pdev;
	const NDIS_MINIPORT_CHARACTERISTICS *miniport;
	const struct ndis_protocol *protocol;
	void *protocol_context;
	const struct ndis_setting *settings;
	const struct ndis_dma_controller *controller;
	unsigned int vectors;
	spinlock_t lock;
	spinlock_t requests;            /* held by each request, reset and hang check: one at a time */

	enum ndis_phase phase;
	NDIS_HANDLE context;
	bool attributes_set;
	ULONG attributes;
	unsigned int hang_seconds;
	bool scatter_gather;
	ULONG max_mapping;
	NDIS_MINIPORT_INTERRUPT *interrupt;
	struct ndis_map_registers map;
	struct ndis_dma_channel channel;
	atomic_t shared_blocks;
	struct list_head ports;
	struct list_head timers;
};

/* Who owns a packet. A transition from the wrong owner is a bug of driver or protocol. */
enum ndis_packet_owner {
	NDIS_PACKET_FREE,
	NDIS_PACKET_IDLE,
	NDIS_PACKET_SENT,
	NDIS_PACKET_INDICATED,
};

/* Elements of the scatter-gather list inside every packet. Longer lists come from the heap. */
#define NDIS_INLINE_ELEMENTS 2

/*
 * `digests`, when `held`, are of what the packet's holder must leave as it is (held.c). `given_by` and `given_at` are
 * the miniport's last call that gave the packet away, and its site.
 */
struct ndis_packet {
	struct ndis_packet *next_free;
	struct ndis_packet_pool *pool;
	struct ndis_adapter *adapter;
	SCATTER_GATHER_LIST *list;
	enum ndis_packet_owner owner;
	bool overflow;
	bool non_interlocked;
	bool held;
	u32 digests[NDIS_PART_EXTENSION + 1];
	enum ndis_function given_by;
	unsigned long given_at;
	u8 inline_list[sizeof(SCATTER_GATHER_LIST) + NDIS_INLINE_ELEMENTS * sizeof(SCATTER_GATHER_ELEMENT)]
		__aligned(8);
	/* Last: the protocol's reserved area, the out-of-band block and the extension follow it. */
	NDIS_PACKET packet;
};

/* Bytes that follow each other for the device. */
struct ndis_run {
	dma_addr_t dma;
	UINT length;
};

/*
 * An NDIS_BUFFER. `dev` is set while the adapter's DMA can reach the memory: always for cached shared memory, else
 * while `mapped` bytes are mapped, in `run_count` runs; those of scattered memory come from the heap. `pool` is NULL
 * for a buffer of the pool whose handle is NULL. `split` has the two views of memory that is not shared, while it is
 * mapped. `flushed` remembers NdisFlushBuffer(TRUE).
 */
struct ndis_buffer {
	MDL mdl;
	struct ndis_buffer *next_free;
	struct ndis_buffer_pool *pool;
	UINT length;
	UINT mapped;
	enum ndis_function mapped_by;
	bool used;
	bool flushed;
	struct device *dev;
	struct ndis_run *runs;
	unsigned int run_count;
	struct ndis_run run;
	struct ndis_split *split;
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
 * An allocation may sleep only at PASSIVE_LEVEL. There a large one fails before the system kills processes for it: a
 * miniport can ask for less (docs/ndis51.md section 6).
 */
static inline gfp_t ndis_gfp(void)
{
	return __GFP_NOWARN | (KeGetCurrentIrql() == PASSIVE_LEVEL ? GFP_KERNEL | __GFP_RETRY_MAYFAIL : GFP_ATOMIC);
}

/*
 * What a call that claims a resource of an adapter requires (R01, R04, R60): inside MiniportInitialize, after the
 * attributes, PASSIVE_LEVEL; and what its undo requires (R38): inside MiniportInitialize or MiniportHalt.
 */
static inline bool ndis_may_claim(const struct ndis_adapter *adapter)
{
	return adapter->phase == NDIS_PHASE_INITIALIZE && adapter->attributes_set &&
	       KeGetCurrentIrql() == PASSIVE_LEVEL;
}

static inline bool ndis_may_release(const struct ndis_adapter *adapter)
{
	return adapter->phase != NDIS_PHASE_RUN && KeGetCurrentIrql() == PASSIVE_LEVEL;
}

/* Section 4.3: whether there are DMA resources. Shared memory and the alignment need them (R03). */
static inline bool ndis_has_dma(const struct ndis_adapter *adapter)
{
	return adapter->scatter_gather || adapter->map.allocated || adapter->channel.registered;
}

/* end.c: where the layer's code ends. Kbuild links end.c behind the layer and in front of the rest. */
void ndis_layer_end(void);

/* objects.c: <= DISPATCH_LEVEL. `find` gives NULL if no live object of this kind has the address. */
void ndis_object_add(struct ndis_object *object, enum ndis_object_kind kind, const void *address);
struct ndis_object *ndis_object_find(enum ndis_object_kind kind, const void *address);
void ndis_object_remove(struct ndis_object *object);
/* Counts an object that is found in another way. */
void ndis_object_count(enum ndis_object_kind kind, int change);
unsigned int ndis_objects_alive(void);

/* block.c: memory that the miniport owns. */
struct ndis_block {
	struct ndis_object object;
	size_t length;
	size_t room;
	ULONG flags;
	ULONG tag;
	struct list_head quarantine;
	enum ndis_function freed_by;
	unsigned long freed_at;
};

/*
 * Bytes behind every block that are never the driver's: a store one element behind a block hits no stranger's memory,
 * and is seen when the block is freed (R45).
 */
#define NDIS_GUARD_BYTES 64

void *ndis_block_memory(size_t length, size_t *room);
void ndis_block_memory_free(void *va, size_t room);
struct ndis_block *ndis_block_add(enum ndis_object_kind kind, void *va, size_t length, size_t room);
struct ndis_block *ndis_block_find(enum ndis_object_kind kind, const void *va);
bool ndis_block_kept(const struct ndis_block *block);
void ndis_block_remove(struct ndis_block *block);

/*
 * quarantine.c: takes a plain block from the driver, by this call at this call site, and frees its memory later.
 * <= DISPATCH_LEVEL. The other frees all that is left.
 */
void ndis_quarantine(struct ndis_block *block, enum ndis_function by, unsigned long site);
void ndis_quarantine_empty(void);

/*
 * scattered.c: memory whose pages are no physical run. Whether a plain block of so many bytes is such memory; its
 * allocation, of whole pages, at PASSIVE_LEVEL; its free, <= DISPATCH_LEVEL; and whether a range lies in one block.
 */
bool ndis_scatters(size_t bytes);
void *ndis_scattered_memory(size_t bytes);
void ndis_scattered_free(void *va);
bool ndis_scattered_lookup(const void *va, size_t length);

/* memory.c: whether this page is of noncached memory. */
bool ndis_memory_noncached(const void *va);

/* shared.c: before the first adapter and after the last. The latter waits until all memory is released. */
bool ndis_shared_start(void);
void ndis_shared_stop(void);
/* shared.c: waits until all work items that allocate or release are done. PASSIVE_LEVEL. */
void ndis_shared_settle(void);

/* shared.c: the device address of bytes inside one block of shared memory, and its two views if it has them. */
struct ndis_shared_range {
	struct device *dev;
	dma_addr_t dma;
	bool cached;
	struct ndis_split *split;
};

bool ndis_shared_lookup(const void *va, size_t length, struct ndis_shared_range *range);

/*
 * buffer.c: `by` is the function that gives the addresses away. False, and maps nothing, without resources or if the
 * buffer is mapped already.
 */
bool ndis_buffer_map(struct ndis_buffer *buffer, struct device *dev, enum ndis_function by);
void ndis_buffer_unmap(struct ndis_buffer *buffer);
/* buffer.c: the most runs that a mapping of the buffer can have. */
unsigned int ndis_buffer_runs_max(const struct ndis_buffer *buffer);
/* buffer.c: NdisFlushBuffer. */
void ndis_buffer_flush(struct ndis_buffer *buffer, bool read);

/* packet.c: updates the totals in the packet's private part. */
void ndis_packet_recount(PNDIS_PACKET packet);

/*
 * digest.c: the CRC32C of a packet's bytes, and in the high half the slot that keeps them or 0; 0 for a packet that is
 * not this owner's. Any level.
 */
u64 ndis_digest(const struct ndis_packet *packet, enum ndis_packet_owner owner);

/*
 * held.c: from now on the packet's owner, the miniport or the protocol, must leave it as it is; and the first part that
 * changed since then. Any level.
 */
void ndis_packet_hold(struct ndis_packet *packet);
enum ndis_part ndis_packet_changed(const struct ndis_packet *packet);

/* What memory has that was freed, so that a later store shows. */
#define NDIS_FREED 0x6b

/* sglist.c */
NDIS_STATUS ndis_packet_map(struct ndis_adapter *adapter, struct ndis_packet *packet);
void ndis_packet_unmap(struct ndis_adapter *adapter, struct ndis_packet *packet);

/* mapregister.c, channel.c, ports.c, timer.c, interrupt.c: warn of what Initialize or Halt left, and release it. */
void ndis_map_registers_release_packet(struct ndis_adapter *adapter, PNDIS_PACKET packet);
void ndis_map_registers_check_released(struct ndis_adapter *adapter);
void ndis_dma_channel_check_released(struct ndis_adapter *adapter);
void ndis_ports_check_released(struct ndis_adapter *adapter);
void ndis_timers_check_released(struct ndis_adapter *adapter);
void ndis_interrupt_check_released(struct ndis_adapter *adapter);

#endif /* NICRIG_NDIS_LAYER_H */
