// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of the kernel's pools (docs/ndis51.md section 4.9). Linux has no pageable kernel memory: all of it is
 * resident.
 */
#include <linux/cache.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../faults/inject.h"
#include "../layer.h"

/* The tag that ExAllocatePool gives a block: it reads "None". */
#define NDIS_NO_TAG 0x656e6f4e

#define NDIS_POOL_FLAGS (POOL_QUOTA_FAIL_INSTEAD_OF_RAISE | POOL_RAISE_IF_ALLOCATION_FAILURE | POOL_COLD_ALLOCATION)

static ULONG pool_base_type(ULONG type)
{
	return type & ~NDIS_POOL_FLAGS;
}

static bool paged(ULONG type)
{
	return pool_base_type(type) == PagedPool || pool_base_type(type) == PagedPoolCacheAligned;
}

/* R64: paged pool up to APC_LEVEL, nonpaged up to DISPATCH_LEVEL. */
static bool level_serves(ULONG type)
{
	return KeGetCurrentIrql() <= (paged(type) ? APC_LEVEL : DISPATCH_LEVEL);
}

static bool pool_serves(ULONG type, size_t length)
{
	switch (pool_base_type(type)) {
	case NonPagedPool:
	case PagedPool:
	case NonPagedPoolCacheAligned:
	case PagedPoolCacheAligned:
		return length && level_serves(type);
	case NonPagedPoolMustSucceed:
		return length && length <= PAGE_SIZE && level_serves(type);
	default:
		return false;
	}
}

static size_t least_length(ULONG type, size_t length)
{
	bool aligned = pool_base_type(type) == NonPagedPoolCacheAligned ||
		       pool_base_type(type) == PagedPoolCacheAligned;

	return aligned ? max_t(size_t, length, L1_CACHE_BYTES) : length;
}

static void *allocate(ULONG type, size_t length, ULONG tag)
{
	struct ndis_block *block;
	size_t room;
	void *va;

	va = ndis_block_memory(least_length(type, length), &room);
	if (!va)
		return NULL;
	block = ndis_block_add(NDIS_OBJECT_POOL_MEMORY, va, length, room);
	if (!block) {
		ndis_block_memory_free(va, room);
		return NULL;
	}
	block->flags = type;
	block->tag = tag;
	return va;
}

/* Linux has no exception to raise here: warns, and gives NULL. */
static void warn_if_raising(const void *va, ULONG type)
{
	WARN_ON_ONCE(!va && (type & POOL_RAISE_IF_ALLOCATION_FAILURE));
}

/*
 * Section 4.9: NULL for no bytes, an unknown type, a level too high for the type, or without memory. <=
 * DISPATCH_LEVEL, paged types <= APC_LEVEL.
 */
PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
	PVOID va = NULL;

	if (pool_serves(PoolType, NumberOfBytes) && !ndis_fail(ExAllocatePool, NumberOfBytes))
		va = allocate(PoolType, NumberOfBytes, NDIS_NO_TAG);
	ndis_record(ExAllocatePool, PoolType, NumberOfBytes, 0, 0, va);
	warn_if_raising(va, PoolType);
	return va;
}

/* Section 4.9: as ExAllocatePool, and NULL for a tag of 0 (R47). */
PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
	PVOID va = NULL;

	if (Tag && pool_serves(PoolType, NumberOfBytes) && !ndis_fail(ExAllocatePoolWithTag, NumberOfBytes))
		va = allocate(PoolType, NumberOfBytes, Tag);
	ndis_record(ExAllocatePoolWithTag, PoolType, NumberOfBytes, Tag, 0, va);
	warn_if_raising(va, PoolType);
	return va;
}

/* NULL above DISPATCH_LEVEL, and for what is not a live block. */
static struct ndis_block *live_block(const void *va)
{
	return KeGetCurrentIrql() <= DISPATCH_LEVEL ? ndis_block_find(NDIS_OBJECT_POOL_MEMORY, va) : NULL;
}

/* R45: whether bytes behind the block were written. */
static bool beyond(const struct ndis_block *block)
{
	return block && !ndis_block_kept(block);
}

/* R41, R42, R64: refuses what is not a live block, and a level too high for its type. */
static void free_block(struct ndis_block *block, const ULONG *tag, enum ndis_function by, unsigned long site)
{
	if (WARN_ON_ONCE(!block || !level_serves(block->flags) || (tag && block->tag != *tag)))
		return;
	ndis_quarantine(block, by, site);
}

/* Section 4.9: takes a whole block, once, with any tag. <= DISPATCH_LEVEL, paged types <= APC_LEVEL. */
VOID ExFreePool(PVOID P)
{
	struct ndis_block *block = live_block(P);

	ndis_record(ExFreePool, P, beyond(block), 0, 0, 0);
	free_block(block, NULL, NDIS_FN_ExFreePool, _RET_IP_);
}

/* Section 4.9: as ExFreePool, with the tag of the allocation. */
VOID ExFreePoolWithTag(PVOID P, ULONG Tag)
{
	struct ndis_block *block = live_block(P);

	ndis_record(ExFreePoolWithTag, P, Tag, beyond(block), 0, 0);
	free_block(block, &Tag, NDIS_FN_ExFreePoolWithTag, _RET_IP_);
}
