/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutation of what is called between miniport and NDIS (docs/coherency.md, "Mutants"): mutable.c declares what can be
 * mutated, mutate.c does it. Nothing of it is in a miniport.
 */
#ifndef NICRIG_MUTATE_H
#define NICRIG_MUTATE_H

#include <linux/jump_label.h>
#include <linux/types.h>

#include <ndis.h>

#define NDIS_MUTABLE_ARGUMENTS 7

/* What may be done with a whole call: what else would leave the miniport with an answer that it cannot survive. */
#define NDIS_MAY_SKIP           0x1
#define NDIS_MAY_EARLY          0x2     /* a handler returns at once */
#define NDIS_MAY_REPEAT         0x4
#define NDIS_MAY_WAIT           0x8     /* be made later: nothing is returned, and every argument lives on */
#define NDIS_MAY_RAISE          0x10

/*
 * A function of NDIS, or a handler of the miniport. `arguments` has a letter for each: what may be done with it.
 *   h nothing     n number: one or a line more or less   g number: the same, but never a line less
 *   f flag: not   a address: a line on                   c number: one less
 *   b address of a block: a line on, or the block of the call before    r object: the object of the call before
 */
struct ndis_mutable {
	const char *name;
	const char *arguments;
	unsigned int may;
	u64 skipped;            /* the result of a call that is not made */
	u64 (*call)(const u64 *words);
};

extern const struct ndis_mutable ndis_mutables[];
extern const unsigned int ndis_mutables_count;

DECLARE_STATIC_KEY_FALSE(ndis_mutating);

/* Makes the call, or what the mutation makes of it; the arguments are in words, in their order. Any level. */
u64 ndis_mutate(const struct ndis_mutable *function, u64 *words);

/* From now on the miniport's handlers are called through this. */
void ndis_mutate_handlers(NDIS_MINIPORT_CHARACTERISTICS *miniport);

#endif /* NICRIG_MUTATE_H */
