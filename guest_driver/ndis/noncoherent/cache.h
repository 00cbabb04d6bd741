/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The non-coherent machine (docs/coherency.md). The module's parameter noncoherent=LINE[:SEED] splits cached memory
 * that the card gets into two views; only flushes and chance move lines between them. Without the parameter nothing
 * here does anything.
 */
#ifndef NICRIG_NDIS_CACHE_H
#define NICRIG_NDIS_CACHE_H

#include <linux/dma-mapping.h>
#include <linux/jump_label.h>

#include <ndis.h>

#include "views.h"

DECLARE_STATIC_KEY_FALSE(ndis_split_key);

static inline bool ndis_noncoherent(void)
{
	return static_branch_unlikely(&ndis_split_key);
}

/* Memory of two views. `dma` is the device address of the first line of the card's view. */
struct ndis_split {
	struct ndis_views views;
	u32 id;
	bool mapped;
	struct device *dev;
	dma_addr_t dma;
	enum dma_data_direction direction;
};

/*
 * split.c: cached shared memory, whole pages, filled with NICRIG_GUARD in both views. PASSIVE_LEVEL. NULL without
 * memory.
 */
struct ndis_split *ndis_split_shared(struct device *dev, size_t bytes);
void ndis_split_shared_free(struct ndis_split *split);

/*
 * split.c: streaming mappings of any memory, as dma_map_single() makes them. `*split` is NULL for memory of one view.
 * The lines of memory with two views count as dirty: the card sees noise there, except where chance has written them
 * back already. False without resources. <= DISPATCH_LEVEL.
 */
bool ndis_cache_map(struct device *dev, void *va, size_t length, enum dma_data_direction direction, dma_addr_t *dma,
		    struct ndis_split **split);
void ndis_cache_unmap(struct device *dev, dma_addr_t dma, size_t length, enum dma_data_direction direction,
		      struct ndis_split **split);

/*
 * write_back: stores go out to the card's view. invalidate: what the card wrote comes into the CPU's view. Any level.
 */
void ndis_split_write_back(struct ndis_split *split, const void *va, size_t length);
void ndis_split_invalidate(struct ndis_split *split, const void *va, size_t length);

/* Bytes of a cache line of the non-coherent machine; 0 on a coherent one. */
unsigned int ndis_cache_line(void);

/* For split.c: what the card sees before anything was written back, and which memory chance evicts from. Any level. */
void ndis_cache_begin(struct ndis_split *split);
bool ndis_cache_remember(struct ndis_split *split);
void ndis_cache_forget(struct ndis_split *split);

/*
 * Evicts a line of some split memory. Called at the start of calls, where the driver is not in a loop of its own. Any
 * level.
 */
void ndis_cache_evict(void);

static inline void ndis_cache_tick(void)
{
	if (ndis_noncoherent())
		ndis_cache_evict();
}

#endif /* NICRIG_NDIS_CACHE_H */
