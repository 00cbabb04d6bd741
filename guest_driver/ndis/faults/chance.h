/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A of B calls, drawn from a seed: the same seed, the same calls. */
#ifndef NICRIG_CHANCE_H
#define NICRIG_CHANCE_H

#include <linux/kernel.h>
#include <linux/prandom.h>
#include <linux/string.h>

struct ndis_chance {
	unsigned int part, whole;
	struct rnd_state random;
};

/* Parses A/B[:SEED]; writes into the text. */
static inline bool ndis_chance_parse(struct ndis_chance *chance, char *text)
{
	char *part = strsep(&text, "/"), *whole = strsep(&text, ":");
	u64 seed = 0;

	if (!whole || kstrtouint(part, 0, &chance->part) || kstrtouint(whole, 0, &chance->whole) || !chance->whole ||
	    chance->part > chance->whole || (text && kstrtou64(text, 0, &seed)))
		return false;
	prandom_seed_state(&chance->random, seed);
	return true;
}

/* Not for concurrent callers: hold a lock. */
static inline bool ndis_chance_draw(struct ndis_chance *chance)
{
	return prandom_u32_state(&chance->random) % chance->whole < chance->part;
}

#endif /* NICRIG_CHANCE_H */
