/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two views of one memory: the CPU's, through a write-back cache, and the card's. The code moves bytes and needs no
 * kernel: a test compiles it and compares it with a model of a cache.
 */
#ifndef NICRIG_NDIS_VIEWS_H
#define NICRIG_NDIS_VIEWS_H

#include <linux/types.h>

/*
 * The cache has every line at all times: it fetches an evicted line again at once. A line is dirty while the CPU's
 * view of it differs from what both views last agreed on, so stores that change nothing leave a line clean.
 */
struct ndis_views {
	u8 *cpu;
	u8 *device;
	u8 *base;       /* each line of the CPU's view when it was last fetched or written back */
	size_t bytes;   /* whole lines, as all three start on one */
	size_t line;    /* a power of two */
};

/* Each acts on every line that has a byte of the range. None may interrupt another on the same views. */
void ndis_views_write_back(struct ndis_views *views, size_t offset, size_t length);
void ndis_views_invalidate(struct ndis_views *views, size_t offset, size_t length);

/* Evicts the line that starts there. True if it was dirty, and so was written back. */
bool ndis_views_evict(struct ndis_views *views, size_t at);

#endif /* NICRIG_NDIS_VIEWS_H */
