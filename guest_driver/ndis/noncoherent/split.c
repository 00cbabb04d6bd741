// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of two views: shared memory for as long as it lives, other memory while it is mapped (cache.h). */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cache.h"
#include "../layer.h"

static void free_shared(struct ndis_split *split)
{
	struct ndis_views *views = &split->views;

	if (views->device)
		dma_free_noncoherent(split->dev, views->bytes, views->device, split->dma, split->direction);
	if (views->cpu)
		free_pages_exact(views->cpu, views->bytes);
	kvfree(views->base);
	kfree(split);
}

struct ndis_split *ndis_split_shared(struct device *dev, size_t bytes)
{
	struct ndis_split *split = kzalloc(sizeof(*split), ndis_gfp());
	struct ndis_views *views;

	if (!split)
		return NULL;
	views = &split->views;
	views->bytes = bytes;
	views->line = ndis_cache_line();
	split->dev = dev;
	split->direction = DMA_BIDIRECTIONAL;
	views->cpu = alloc_pages_exact(bytes, ndis_gfp());
	views->base = kvmalloc(bytes, ndis_gfp());
	views->device = dma_alloc_noncoherent(dev, bytes, &split->dma, split->direction, ndis_gfp());
	if (!views->cpu || !views->base || !views->device) {
		free_shared(split);
		return NULL;
	}
	memset(views->cpu, NICRIG_GUARD, bytes);
	memset(views->base, NICRIG_GUARD, bytes);
	memset(views->device, NICRIG_GUARD, bytes);
	split->mapped = true;
	if (!ndis_cache_remember(split)) {
		free_shared(split);
		return NULL;
	}
	return split;
}

void ndis_split_shared_free(struct ndis_split *split)
{
	ndis_cache_forget(split);
	free_shared(split);
}

static struct ndis_split *make_stream(void *va, size_t length)
{
	struct ndis_split *split = kzalloc(sizeof(*split), GFP_ATOMIC | __GFP_NOWARN);
	struct ndis_views *views;

	if (!split)
		return NULL;
	views = &split->views;
	/* On a coherent machine a second view only makes one run of scattered memory: no line takes others along. */
	views->line = ndis_cache_line() ?: sizeof(u64);
	views->cpu = PTR_ALIGN_DOWN((u8 *)va, views->line);
	views->bytes = PTR_ALIGN((u8 *)va + length, views->line) - views->cpu;
	/* A power of two, so that kmalloc aligns it to more than a line. */
	views->device = kzalloc(roundup_pow_of_two(2 * views->bytes), GFP_ATOMIC | __GFP_NOWARN);
	views->base = views->device + views->bytes;
	if (!views->device) {
		kfree(split);
		return NULL;
	}
	ndis_cache_begin(split);
	if (!ndis_cache_remember(split)) {
		kfree(views->device);
		kfree(split);
		return NULL;
	}
	return split;
}

static void free_stream(struct ndis_split *split)
{
	ndis_cache_forget(split);
	kfree(split->views.device);
	kfree(split);
}

/*
 * Maps what the card writes in both directions, because an evicted line must reach the card too. False without
 * resources.
 */
static bool map_stream(struct ndis_split *split, struct device *dev, enum dma_data_direction direction)
{
	split->dev = dev;
	split->direction = direction == DMA_TO_DEVICE ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
	split->dma = dma_map_single(dev, split->views.device, split->views.bytes, split->direction);
	split->mapped = !dma_mapping_error(dev, split->dma);
	return split->mapped;
}

/*
 * Shared memory has its views from its allocation; noncached memory is not in a cache. Scattered memory has two on any
 * machine, because it must be one run for the device.
 */
static bool one_view(const void *va, size_t length)
{
	struct ndis_shared_range range;

	if (!ndis_noncoherent())
		return !ndis_scattered_lookup(va, length);
	return ndis_shared_lookup(va, length, &range) || ndis_memory_noncached(va);
}

bool ndis_cache_map(struct device *dev, void *va, size_t length, enum dma_data_direction direction, dma_addr_t *dma,
		    struct ndis_split **split)
{
	struct ndis_split *made;

	*split = NULL;
	if (one_view(va, length)) {
		*dma = dma_map_single(dev, va, length, direction);
		return !dma_mapping_error(dev, *dma);
	}
	made = make_stream(va, length);
	if (!made)
		return false;
	if (!map_stream(made, dev, direction)) {
		free_stream(made);
		return false;
	}
	*dma = made->dma + ((u8 *)va - made->views.cpu);
	*split = made;
	return true;
}

void ndis_cache_unmap(struct device *dev, dma_addr_t dma, size_t length, enum dma_data_direction direction,
		      struct ndis_split **split)
{
	if (!*split) {
		dma_unmap_single(dev, dma, length, direction);
		return;
	}
	/* First, because a line that is evicted meanwhile has no mapping to go to. */
	(*split)->mapped = false;
	dma_unmap_single(dev, (*split)->dma, (*split)->views.bytes, (*split)->direction);
	free_stream(*split);
	*split = NULL;
}
