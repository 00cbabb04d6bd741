// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module's parameter noncoherent=LINE[:SEED]: moves lines between two views, and evicts lines by chance (cache.h).
 * One lock keeps every move of a line whole; because such a machine has one CPU, against the driver's stores too.
 */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/xarray.h>

#include "cache.h"
#include "../layer.h"

/* One line in so many was evicted between the last store and the mapping. */
#define EVICTED_EARLY 8

DEFINE_STATIC_KEY_FALSE(ndis_split_key);

static unsigned int line_bytes;
static u64 seed;

static DEFINE_SPINLOCK(cache_lock);
static DEFINE_XARRAY_ALLOC(splits);
static unsigned int splits_count;

/*
 * A generator of its own, so that the contents of the nth mapping follow from the seed alone, whatever the calls'
 * timing.
 */
static struct rnd_state mapping_dice, eviction_dice;

unsigned int ndis_cache_line(void)
{
	return line_bytes;
}

/* -- moves ------------------------------------------------------------------------------------------- */

/* Linux may have moved the card's view (swiotlb): copies it there. Lock held. */
static void let_card_see(struct ndis_split *split, size_t at, size_t bytes)
{
	if (split->mapped)
		dma_sync_single_for_device(split->dev, split->dma + at, bytes, split->direction);
}

static void let_cpu_see(struct ndis_split *split, size_t at, size_t bytes)
{
	if (split->mapped)
		dma_sync_single_for_cpu(split->dev, split->dma + at, bytes, split->direction);
}

/* The lines of a range: the start of the first, and their length in bytes. */
static size_t widen(const struct ndis_split *split, const void *va, size_t *length)
{
	size_t offset = (const u8 *)va - split->views.cpu;
	size_t first = round_down(offset, split->views.line);

	*length = round_up(offset + *length, split->views.line) - first;
	return first;
}

void ndis_split_write_back(struct ndis_split *split, const void *va, size_t length)
{
	size_t first = widen(split, va, &length);
	unsigned long flags;

	spin_lock_irqsave(&cache_lock, flags);
	ndis_views_write_back(&split->views, first, length);
	let_card_see(split, first, length);
	spin_unlock_irqrestore(&cache_lock, flags);
}

void ndis_split_invalidate(struct ndis_split *split, const void *va, size_t length)
{
	size_t first = widen(split, va, &length);
	unsigned long flags;

	spin_lock_irqsave(&cache_lock, flags);
	let_cpu_see(split, first, length);
	ndis_views_invalidate(&split->views, first, length);
	spin_unlock_irqrestore(&cache_lock, flags);
}

/* Lock held. */
static void evict(struct ndis_split *split, size_t at)
{
	let_cpu_see(split, at, line_bytes);
	if (ndis_views_evict(&split->views, at))
		let_card_see(split, at, line_bytes);
}

void ndis_cache_evict(void)
{
	unsigned long id, flags;
	struct ndis_split *split;

	spin_lock_irqsave(&cache_lock, flags);
	if (splits_count) {
		/* The lowest free number is given out first, so the highest in use is not below this one. */
		id = prandom_u32_state(&eviction_dice) % splits_count;
		split = xa_find(&splits, &id, ULONG_MAX, XA_PRESENT);
		evict(split, prandom_u32_state(&eviction_dice) % (split->views.bytes / line_bytes) * line_bytes);
	}
	spin_unlock_irqrestore(&cache_lock, flags);
}

void ndis_cache_begin(struct ndis_split *split)
{
	struct ndis_views *views = &split->views;
	unsigned long flags;
	size_t at;
	u64 noise;

	spin_lock_irqsave(&cache_lock, flags);
	prandom_bytes_state(&mapping_dice, &noise, sizeof(noise));
	memset64((u64 *)views->device, noise, views->bytes / sizeof(noise));
	memset64((u64 *)views->base, noise, views->bytes / sizeof(noise));
	for (at = 0; ndis_noncoherent() && at < views->bytes; at += line_bytes)
		if (!(prandom_u32_state(&mapping_dice) % EVICTED_EARLY))
			ndis_views_write_back(views, at, line_bytes);
	spin_unlock_irqrestore(&cache_lock, flags);
}

/* -- which memory chance evicts from ------------------------------------------------------------------ */

bool ndis_cache_remember(struct ndis_split *split)
{
	unsigned long flags;
	int error;

	spin_lock_irqsave(&cache_lock, flags);
	error = xa_alloc(&splits, &split->id, split, xa_limit_32b, GFP_ATOMIC | __GFP_NOWARN);
	if (!error)
		splits_count++;
	spin_unlock_irqrestore(&cache_lock, flags);
	return !error;
}

void ndis_cache_forget(struct ndis_split *split)
{
	unsigned long flags;

	spin_lock_irqsave(&cache_lock, flags);
	xa_erase(&splits, split->id);
	splits_count--;
	spin_unlock_irqrestore(&cache_lock, flags);
}

/* -- the parameter ----------------------------------------------------------------------------------- */

/* LINE[:SEED] */
static bool parse(const char *value, unsigned int *line, u64 *its_seed)
{
	char text[32], *rest = text, *first;

	if (strscpy(text, value, sizeof(text)) < 0)
		return false;
	first = strsep(&rest, ":");
	*its_seed = get_random_u32();
	return !kstrtouint(strim(first), 0, line) && (!rest || !kstrtou64(strim(rest), 0, its_seed)) &&
	       (!*line || *line == 32 || *line == 64 || *line == 128);
}

static int set_noncoherent(const char *value, const struct kernel_param *param)
{
	if (!parse(value, &line_bytes, &seed)) {
		pr_err("%s: noncoherent=%s: not LINE[:SEED] with a LINE of 32, 64 or 128 bytes\n", KBUILD_MODNAME,
		       value);
		return -EINVAL;
	}
	if (!line_bytes)
		return 0;
	if (num_online_cpus() > 1) {
		pr_err("%s: noncoherent=%s: %u CPUs are online, and stores could be lost: boot with one\n",
		       KBUILD_MODNAME, value, num_online_cpus());
		return -EINVAL;
	}
	prandom_seed_state(&mapping_dice, seed);
	prandom_seed_state(&eviction_dice, ~seed);
	static_branch_enable(&ndis_split_key);
	pr_info("%s: the machine is non-coherent: noncoherent=%u:%llu\n", KBUILD_MODNAME, line_bytes, seed);
	return 0;
}

static int get_noncoherent(char *text, const struct kernel_param *param)
{
	return line_bytes ? sysfs_emit(text, "%u:%llu\n", line_bytes, seed) : sysfs_emit(text, "0\n");
}

static const struct kernel_param_ops noncoherent_ops = { .set = set_noncoherent, .get = get_noncoherent };
module_param_cb(noncoherent, &noncoherent_ops, NULL, 0444);
MODULE_PARM_DESC(noncoherent, "A machine whose card does not see the CPU's cache: LINE[:SEED], LINE in bytes");
