// SPDX-License-Identifier: GPL-2.0-or-later
/* Moves lines between the two views of one memory (views.h). */
#include <linux/string.h>

#include "views.h"

/* Inline and by words: a buffer has many lines, and most of them are equal. */
static inline bool equal(const u8 *one, const u8 *other, size_t bytes)
{
	const u64 *a = (const u64 *)one, *b = (const u64 *)other;

	for (; bytes; bytes -= sizeof(*a))
		if (*a++ != *b++)
			return false;
	return true;
}

static bool dirty(const struct ndis_views *views, size_t at)
{
	return !equal(views->cpu + at, views->base + at, views->line);
}

/* Copies by way of the base, so that the base is what the card's view got, even if the driver stores meanwhile. */
static void write_back(struct ndis_views *views, size_t at)
{
	memcpy(views->base + at, views->cpu + at, views->line);
	memcpy(views->device + at, views->base + at, views->line);
}

/* By way of the base too: the card may write while this reads. Most lines of a buffer are unchanged. */
static void fetch(struct ndis_views *views, size_t at)
{
	if (equal(views->base + at, views->device + at, views->line))
		return;
	memcpy(views->base + at, views->device + at, views->line);
	memcpy(views->cpu + at, views->base + at, views->line);
}

static size_t line_of(const struct ndis_views *views, size_t offset)
{
	return offset & ~(views->line - 1);
}

/* Dirty lines go out to the card's view; nothing comes in. */
void ndis_views_write_back(struct ndis_views *views, size_t offset, size_t length)
{
	size_t at;

	for (at = line_of(views, offset); at < offset + length; at += views->line)
		if (dirty(views, at))
			write_back(views, at);
}

bool ndis_views_evict(struct ndis_views *views, size_t at)
{
	bool was_dirty = dirty(views, at);

	if (was_dirty)
		write_back(views, at);
	fetch(views, at);
	return was_dirty;
}

/* A dirty line goes out first, as in a cache whose line has other data beside the range. */
void ndis_views_invalidate(struct ndis_views *views, size_t offset, size_t length)
{
	size_t at;

	for (at = line_of(views, offset); at < offset + length; at += views->line)
		ndis_views_evict(views, at);
}
