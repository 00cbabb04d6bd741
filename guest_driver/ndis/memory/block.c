// SPDX-License-Identifier: GPL-2.0-or-later
/* Blocks of memory that a miniport owns, each with its request (docs/ndis51.md sections 4.1, 4.9). */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../layer.h"

/* Section 4.9, R120: on a 64-bit system. */
#define NDIS_BLOCK_ALIGNMENT 16

/* Fills a new block. Its contents are undefined by contract, so no driver may depend on zeroes (R50). */
#define NDIS_POISON 0x5a

/*
 * Nonpaged memory with room for a guard, or NULL (4.9, R120). Up to a page it comes from kmalloc, rounded up to a power
 * of two: such blocks are naturally aligned, so none crosses a page. Anything larger is whole pages.
 */
void *ndis_block_memory(size_t length, size_t *room)
{
	if (length > KMALLOC_MAX_SIZE - PAGE_SIZE)
		return NULL;
	*room = length + NDIS_GUARD_BYTES;
	if (*room <= PAGE_SIZE) {
		*room = roundup_pow_of_two(max_t(size_t, *room, NDIS_BLOCK_ALIGNMENT));
		return kmalloc(*room, ndis_gfp());
	}
	*room = PAGE_ALIGN(*room);
	return ndis_scatters(length) ? ndis_scattered_memory(*room) : alloc_pages_exact(*room, ndis_gfp());
}

void ndis_block_memory_free(void *va, size_t room)
{
	if (room <= PAGE_SIZE)
		kfree(va);
	else if (ndis_scattered_lookup(va, room))
		ndis_scattered_free(va);
	else
		free_pages_exact(va, room);
}

/* Makes the block's object; NULL without memory for it. */
struct ndis_block *ndis_block_add(enum ndis_object_kind kind, void *va, size_t length, size_t room)
{
	struct ndis_block *block = kzalloc(sizeof(*block), ndis_gfp());

	if (!block)
		return NULL;
	block->length = length;
	block->room = room;
	memset(va, NDIS_POISON, room);
	ndis_object_add(&block->object, kind, va);
	return block;
}

struct ndis_block *ndis_block_find(enum ndis_object_kind kind, const void *va)
{
	struct ndis_object *object = ndis_object_find(kind, va);

	return object ? container_of(object, struct ndis_block, object) : NULL;
}

/* R45: no one may write the bytes between length and room. */
bool ndis_block_kept(const struct ndis_block *block)
{
	const void *end = block->object.address + block->length;

	return !memchr_inv(end, NDIS_POISON, block->room - block->length);
}

/* The caller frees the memory itself, at once: quarantine.c is for plain blocks. */
void ndis_block_remove(struct ndis_block *block)
{
	WARN_ON_ONCE(!ndis_block_kept(block));
	ndis_object_remove(&block->object);
	kfree(block);
}
