// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of NDIS: plain, contiguous, noncached (docs/ndis51.md section 4.1). */
#include <linux/io.h>
#include <linux/slab.h>

#include <asm/set_memory.h>

#include "../faults/inject.h"
#include "../layer.h"

#define NDIS_MEMORY_FLAGS (NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED)
#define NDIS_ANY_ADDRESS (~0ULL)

/* One physical run of whole pages that ends at or below `highest`, from the widest zone that has one (R121). */
static void *contiguous_memory(size_t bytes, u64 highest)
{
	static const gfp_t zones[] = { 0, GFP_DMA32, GFP_DMA };
	unsigned int i;
	void *va;

	for (i = 0; i < ARRAY_SIZE(zones); i++) {
		va = alloc_pages_exact(bytes, ndis_gfp() | zones[i]);
		if (va && virt_to_phys(va) + bytes - 1 <= highest)
			return va;
		if (va)
			free_pages_exact(va, bytes);
	}
	return NULL;
}

bool ndis_memory_noncached(const void *va)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)va, &level);

	return pte && (pte_flags(*pte) & (_PAGE_PCD | _PAGE_PWT));
}

static void free_pages_of(void *va, size_t bytes, UINT flags)
{
	if (flags & NDIS_MEMORY_NONCACHED)
		set_memory_wb((unsigned long)va, bytes >> PAGE_SHIFT);
	free_pages_exact(va, bytes);
}

/* Noncached memory may be scattered, but need not be: it comes from the same zones, without a bound. */
static void *special_memory(UINT length, UINT flags, u64 highest)
{
	size_t bytes = PAGE_ALIGN((size_t)length + NDIS_GUARD_BYTES);
	void *va = contiguous_memory(bytes, flags & NDIS_MEMORY_CONTIGUOUS ? highest : NDIS_ANY_ADDRESS);

	if (va && (flags & NDIS_MEMORY_NONCACHED) && set_memory_uc((unsigned long)va, bytes >> PAGE_SHIFT)) {
		free_pages_exact(va, bytes);
		return NULL;
	}
	return va;
}

static void free_memory(void *va, size_t room, UINT flags)
{
	if (flags)
		free_pages_of(va, room, flags);
	else
		ndis_block_memory_free(va, room);
}

static NDIS_STATUS allocate(PVOID *address, UINT length, UINT flags, u64 highest, ULONG tag)
{
	size_t room = PAGE_ALIGN((size_t)length + NDIS_GUARD_BYTES);
	struct ndis_block *block;
	void *va;

	*address = NULL;
	va = flags ? special_memory(length, flags, highest) : ndis_block_memory(length, &room);
	if (!va)
		return NDIS_STATUS_FAILURE;
	block = ndis_block_add(NDIS_OBJECT_MEMORY, va, length, room);
	if (!block) {
		free_memory(va, room, flags);
		return NDIS_STATUS_FAILURE;
	}
	block->flags = flags;
	block->tag = tag;
	*address = va;
	return NDIS_STATUS_SUCCESS;
}

/* R06, R61: flagged memory only inside MiniportInitialize at PASSIVE_LEVEL. R46: no empty block. */
static bool may_allocate(UINT length, UINT flags)
{
	if (!length || (flags & ~NDIS_MEMORY_FLAGS))
		return false;
	if (flags)
		return ndis_phase_now() == NDIS_PHASE_INITIALIZE && KeGetCurrentIrql() == PASSIVE_LEVEL;
	return KeGetCurrentIrql() <= DISPATCH_LEVEL;
}

/*
 * Section 4.1: SUCCESS, or FAILURE and NULL. <= DISPATCH_LEVEL; with a flag PASSIVE_LEVEL and only inside
 * MiniportInitialize. The address bound counts only with CONTIGUOUS; any other caller gives -1.
 */
NDIS_STATUS NdisAllocateMemory(PVOID *VirtualAddress, UINT Length, UINT MemoryFlags,
			       NDIS_PHYSICAL_ADDRESS HighestAcceptableAddress)
{
	u64 highest = HighestAcceptableAddress.QuadPart;
	NDIS_STATUS status = NDIS_STATUS_FAILURE;

	*VirtualAddress = NULL;
	if (highest != NDIS_ANY_ADDRESS && !(MemoryFlags & NDIS_MEMORY_CONTIGUOUS))
		pr_warn_once("NdisAllocateMemory: an address bound without CONTIGUOUS is not honoured\n");
	if (may_allocate(Length, MemoryFlags) && !ndis_fail(NdisAllocateMemory, Length))
		status = allocate(VirtualAddress, Length, MemoryFlags, highest, 0);
	ndis_record(NdisAllocateMemory, *VirtualAddress, Length, MemoryFlags, highest, status);
	return status;
}

/* Section 4.1: SUCCESS, or FAILURE and NULL, also for a tag of 0 (R47). <= DISPATCH_LEVEL. */
NDIS_STATUS NdisAllocateMemoryWithTag(PVOID *VirtualAddress, UINT Length, ULONG Tag)
{
	NDIS_STATUS status = NDIS_STATUS_FAILURE;

	*VirtualAddress = NULL;
	if (Tag && may_allocate(Length, 0) && !ndis_fail(NdisAllocateMemoryWithTag, Length))
		status = allocate(VirtualAddress, Length, 0, NDIS_ANY_ADDRESS, Tag);
	ndis_record(NdisAllocateMemoryWithTag, *VirtualAddress, Length, Tag, 0, status);
	return status;
}

/* R62: contiguous at PASSIVE_LEVEL, noncached below DISPATCH_LEVEL, plain up to it. */
static bool level_frees(UINT flags)
{
	KIRQL level = KeGetCurrentIrql();

	if (flags & NDIS_MEMORY_CONTIGUOUS)
		return level == PASSIVE_LEVEL;
	return flags ? level < DISPATCH_LEVEL : level <= DISPATCH_LEVEL;
}

/*
 * Section 4.1: takes a whole block, with the flags of its allocation, and with the same length if it has a flag.
 * Refuses anything else (R40, R41, R42); a block then stays. Records whether the bytes behind the block were written
 * (R45). A plain block goes into quarantine (R44).
 */
VOID NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags)
{
	struct ndis_block *block = NULL;
	size_t room;

	if (KeGetCurrentIrql() <= DISPATCH_LEVEL)
		block = ndis_block_find(NDIS_OBJECT_MEMORY, VirtualAddress);
	ndis_record(NdisFreeMemory, VirtualAddress, Length, MemoryFlags, block && !ndis_block_kept(block), 0);
	if (WARN_ON_ONCE(!level_frees(MemoryFlags)))
		return;
	if (WARN_ON_ONCE(!block || block->flags != MemoryFlags || (MemoryFlags && block->length != Length)))
		return;
	if (!MemoryFlags) {
		ndis_quarantine(block, NDIS_FN_NdisFreeMemory, _RET_IP_);
		return;
	}
	room = block->room;
	ndis_block_remove(block);
	free_pages_of(VirtualAddress, room, MemoryFlags);
}
