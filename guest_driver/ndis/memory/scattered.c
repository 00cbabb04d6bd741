// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plain memory that is not one physical run (docs/ndis51.md section 4.1): with the module's parameter scattered=1 every
 * plain block of more than a page has pages no two of which are neighbours. A driver that takes the first page's
 * address for that of the whole block is then wrong.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "../layer.h"

static bool scattered;
module_param(scattered, bool, 0444);
MODULE_PARM_DESC(scattered, "Plain memory of more than a page is not one physical run");

/* Finds the block of a page by its virtual page number. */
static DEFINE_XARRAY(blocks);

struct scattered_block {
	void *va;
	size_t bytes;
};

static int higher_page_first(const void *one, const void *other)
{
	unsigned long first = page_to_pfn(*(struct page *const *)one);
	unsigned long second = page_to_pfn(*(struct page *const *)other);

	return first < second ? 1 : -1;
}

static void free_pages_of(struct page **pages, size_t count)
{
	while (count--)
		__free_page(pages[count]);
	kvfree(pages);
}

static struct page **make_pages(size_t count)
{
	struct page **pages = kvmalloc_array(count, sizeof(*pages), GFP_KERNEL | __GFP_NOWARN);
	size_t made;

	if (!pages)
		return NULL;
	for (made = 0; made < count; made++) {
		pages[made] = alloc_page(GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
		if (!pages[made]) {
			free_pages_of(pages, made);
			return NULL;
		}
	}
	/* Falling addresses: no page is followed by its neighbour. */
	sort(pages, count, sizeof(*pages), higher_page_first, NULL);
	return pages;
}

static void forget(const struct scattered_block *block, size_t bytes)
{
	unsigned long flags;
	size_t at;

	xa_lock_irqsave(&blocks, flags);
	for (at = 0; at < bytes; at += PAGE_SIZE)
		__xa_erase(&blocks, (unsigned long)(block->va + at) >> PAGE_SHIFT);
	xa_unlock_irqrestore(&blocks, flags);
}

static bool remember(struct scattered_block *block)
{
	size_t at;

	for (at = 0; at < block->bytes; at += PAGE_SIZE) {
		unsigned long page = (unsigned long)(block->va + at) >> PAGE_SHIFT;

		if (xa_err(xa_store_irq(&blocks, page, block, GFP_KERNEL))) {
			forget(block, at);
			return false;
		}
	}
	return true;
}

bool ndis_scatters(size_t bytes)
{
	return scattered && bytes > PAGE_SIZE && KeGetCurrentIrql() == PASSIVE_LEVEL;
}

void *ndis_scattered_memory(size_t bytes)
{
	struct scattered_block *block = kzalloc(sizeof(*block), GFP_KERNEL | __GFP_NOWARN);
	struct page **pages = block ? make_pages(bytes >> PAGE_SHIFT) : NULL;

	if (!pages) {
		kfree(block);
		return NULL;
	}
	block->bytes = bytes;
	/* From here on the mapping owns pages and array. */
	block->va = vmap(pages, bytes >> PAGE_SHIFT, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	if (!block->va) {
		free_pages_of(pages, bytes >> PAGE_SHIFT);
		kfree(block);
		return NULL;
	}
	if (!remember(block)) {
		vfree(block->va);
		kfree(block);
		return NULL;
	}
	return block->va;
}

/* What lies in the memory once it is freed. */
struct freed {
	struct rcu_head rcu;
};

/* <= DISPATCH_LEVEL. vfree() itself may sleep. */
void ndis_scattered_free(void *va)
{
	struct scattered_block *block = xa_load(&blocks, (unsigned long)va >> PAGE_SHIFT);

	forget(block, block->bytes);
	kvfree_rcu((struct freed *)va, rcu);
	kfree(block);
}

bool ndis_scattered_lookup(const void *va, size_t length)
{
	const struct scattered_block *block = xa_load(&blocks, (unsigned long)va >> PAGE_SHIFT);

	return block && length <= block->bytes && (size_t)(va - block->va) <= block->bytes - length;
}
