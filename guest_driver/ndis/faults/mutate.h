/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutation of the calls between miniport and NDIS (docs/coherency.md, "Mutants"). calls.h lists what can be mutated,
 * mutable.c has a trampoline for each entry, mutate.c changes the calls. A miniport contains nothing of it.
 */
#ifndef NICRIG_MUTATE_H
#define NICRIG_MUTATE_H

#include <linux/jump_label.h>
#include <linux/types.h>

#include <ndis.h>

#define NDIS_MUTABLE_ARGUMENTS 7

/* What may be done with a whole call. Anything else would give the miniport an answer that it cannot survive. */
#define NDIS_MAY_SKIP           0x1
#define NDIS_MAY_EARLY          0x2     /* a handler returns at once */
#define NDIS_MAY_REPEAT         0x4
#define NDIS_MAY_WAIT           0x8     /* is made later: it returns nothing, and every argument lives on */
#define NDIS_MAY_RAISE          0x10

/*
 * A function of NDIS, or a handler of the miniport. `arguments` has a letter for each: what may be done with it.
 *   h nothing
 *   n number: one or a cache line more or less
 *   g size: the same, but never a line less
 *   c count: one less
 *   f flag: the opposite
 *   a address: a line further on
 *   b address of a block: a line further on, or the block of the call before
 *   r object: the object of the call before
 */
struct ndis_mutable {
	const char *name;
	const char *arguments;
	unsigned int may;
	u64 skipped;            /* the result when the call is skipped */
	u64 (*call)(const u64 *words);
};

extern const struct ndis_mutable ndis_mutables[];
extern const unsigned int ndis_mutables_count;

DECLARE_STATIC_KEY_FALSE(ndis_mutating);

/* Makes the call, mutated if its turn has come. One word for each argument, in their order. Any level. */
u64 ndis_mutate(const struct ndis_mutable *function, u64 *words);

/* Replaces the miniport's handlers with their trampolines. */
void ndis_mutate_handlers(NDIS_MINIPORT_CHARACTERISTICS *miniport);
/* The miniport's handler behind this trampoline; what is no trampoline is returned as it is. */
const void *ndis_mutate_behind(const void *handler);

#endif /* NICRIG_MUTATE_H */
