// SPDX-License-Identifier: GPL-2.0-or-later
/* Plain nonpaged memory (docs/ndis51.md sections 4.1, 4.9). */
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "layer.h"

/* What a new block holds: contents are undefined by contract, so nobody may come to depend on zeroes (R50). */
#define NDIS_POISON 0x5a

/*
 * Section 4.1: SUCCESS, or FAILURE and NULL; <= DISPATCH_LEVEL. The size is rounded up to a power of two because
 * those blocks of kmalloc are naturally aligned: one of a page or less never crosses a page, a larger one starts on
 * a page (4.9, R120).
 */
NDIS_STATUS NdisAllocateMemoryWithTag(PVOID *VirtualAddress, UINT Length, ULONG Tag)
{
	*VirtualAddress = NULL;
	if (!Length || !Tag || KeGetCurrentIrql() > DISPATCH_LEVEL)
		return NDIS_STATUS_FAILURE;
	*VirtualAddress = kmalloc(roundup_pow_of_two(Length), ndis_gfp());
	if (!*VirtualAddress)
		return NDIS_STATUS_FAILURE;
	memset(*VirtualAddress, NDIS_POISON, Length);
	return NDIS_STATUS_SUCCESS;
}

/* Section 4.1: whole block only; Length is ignored when the flags are 0, and no other block exists here. */
VOID NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags)
{
	if (WARN_ON_ONCE(MemoryFlags))
		return;
	kfree(VirtualAddress);
}
