// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Freed plain blocks (docs/ndis51.md sections 4.1, 4.9; R44). A block keeps a pattern for a while before its memory is
 * freed, so that a late store hits no stranger's memory. A changed byte is recorded as a LEAVE of the call that freed
 * the block, with that call's site.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../layer.h"

#define QUARANTINE_BLOCKS 128
#define QUARANTINE_BYTES (512 * 1024)

static DEFINE_SPINLOCK(quarantine_lock);
static LIST_HEAD(quarantine);
static unsigned int quarantine_blocks;
static size_t quarantine_bytes;

static void look_and_free(struct ndis_block *block)
{
	void *va = (void *)block->object.address;
	void *changed = memchr_inv(va, NDIS_FREED, block->room);

	if (changed)
		ndis_record_if(NDIS_DETAIL_ALLOCATIONS, block->freed_by, NDIS_KIND_LEAVE, block->freed_at, va,
			       changed - va, block->length, 0, 0);
	ndis_block_memory_free(va, block->room);
	kfree(block);
}

/* The oldest block, taken out, while there are more than so many; NULL otherwise. */
static struct ndis_block *oldest(unsigned int blocks, size_t bytes)
{
	struct ndis_block *block = NULL;
	unsigned long flags;

	spin_lock_irqsave(&quarantine_lock, flags);
	if (quarantine_blocks > blocks || quarantine_bytes > bytes) {
		block = list_first_entry(&quarantine, struct ndis_block, quarantine);
		list_del(&block->quarantine);
		quarantine_blocks--;
		quarantine_bytes -= block->room;
	}
	spin_unlock_irqrestore(&quarantine_lock, flags);
	return block;
}

static void keep_only(unsigned int blocks, size_t bytes)
{
	struct ndis_block *block;

	while ((block = oldest(blocks, bytes)))
		look_and_free(block);
}

/* The driver has freed the block, whose memory is of ndis_block_memory(). <= DISPATCH_LEVEL. */
void ndis_quarantine(struct ndis_block *block, enum ndis_function by, unsigned long site)
{
	unsigned long flags;

	WARN_ON_ONCE(!ndis_block_kept(block));
	ndis_object_remove(&block->object);
	block->freed_by = by;
	block->freed_at = site;
	memset((void *)block->object.address, NDIS_FREED, block->room);
	spin_lock_irqsave(&quarantine_lock, flags);
	list_add_tail(&block->quarantine, &quarantine);
	quarantine_blocks++;
	quarantine_bytes += block->room;
	spin_unlock_irqrestore(&quarantine_lock, flags);
	keep_only(QUARANTINE_BLOCKS, QUARANTINE_BYTES);
}

void ndis_quarantine_empty(void)
{
	keep_only(0, 0);
}
