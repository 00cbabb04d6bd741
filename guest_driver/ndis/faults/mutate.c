// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module's parameter mutate=FUNCTION:OPERATOR[:A/B[:SEED]]: A of B calls of the function are mutated, all of them
 * without A/B. The parameter `mutated` counts them. Operators of a whole call: skip (early, of a handler), repeat,
 * delay (until after the next register write), swap (with the next call), raise (made a level higher). Operators of
 * argument N: plusN, minusN (by one), longN, shortN (by a cache line), notN, shiftN (by a line), staleN (the object of
 * the call before). calls.h says which function takes which.
 */
#include <linux/hardirq.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "chance.h"
#include "mutate.h"

#define MUTATE_LINE 64
#define MUTATE_DOORBELL "NdisWriteRegisterUlong"

enum operator {
	OPERATOR_SKIP,
	OPERATOR_EARLY,
	OPERATOR_REPEAT,
	OPERATOR_DELAY,
	OPERATOR_SWAP,
	OPERATOR_RAISE,
	OPERATOR_PLUS,
	OPERATOR_MINUS,
	OPERATOR_LONG,
	OPERATOR_SHORT,
	OPERATOR_NOT,
	OPERATOR_SHIFT,
	OPERATOR_STALE,
};

/* An operator applies to whole calls that `may`, or to arguments with one of these letters. */
static const struct {
	const char *name;
	unsigned int may;
	const char *letters;
} operators[] = {
	[OPERATOR_SKIP] = { "skip", NDIS_MAY_SKIP, "" },
	[OPERATOR_EARLY] = { "early", NDIS_MAY_EARLY, "" },
	[OPERATOR_REPEAT] = { "repeat", NDIS_MAY_REPEAT, "" },
	[OPERATOR_DELAY] = { "delay", NDIS_MAY_WAIT, "" },
	[OPERATOR_SWAP] = { "swap", NDIS_MAY_WAIT, "" },
	[OPERATOR_RAISE] = { "raise", NDIS_MAY_RAISE, "" },
	[OPERATOR_PLUS] = { "plus", 0, "ng" },
	[OPERATOR_MINUS] = { "minus", 0, "ngc" },
	[OPERATOR_LONG] = { "long", 0, "ng" },
	[OPERATOR_SHORT] = { "short", 0, "n" },
	[OPERATOR_NOT] = { "not", 0, "f" },
	[OPERATOR_SHIFT] = { "shift", 0, "ab" },
	[OPERATOR_STALE] = { "stale", 0, "br" },
};

DEFINE_STATIC_KEY_FALSE(ndis_mutating);

static DEFINE_SPINLOCK(mutation_lock);
static struct {
	const struct ndis_mutable *function;
	enum operator operator;
	unsigned int argument;  /* from 0 */
	struct ndis_chance chance;
	unsigned int mutated;
	u64 before;             /* this argument in the call before */
} mutation;

/* The delayed call, if there is one. One is enough: it is made soon. */
static struct {
	const struct ndis_mutable *function;
	u64 words[NDIS_MUTABLE_ARGUMENTS];
} waiting;

/* Changes the argument. False, and no change, when the mutation leaves it as it is. */
static bool change(u64 *word)
{
	u64 now = *word;

	switch (mutation.operator) {
	case OPERATOR_PLUS:
		*word += 1;
		return true;
	case OPERATOR_MINUS:
		if (!*word)
			return false;
		*word -= 1;
		return true;
	case OPERATOR_LONG:
	case OPERATOR_SHIFT:
		*word += MUTATE_LINE;
		return true;
	case OPERATOR_SHORT:
		if (*word <= MUTATE_LINE)
			return false;
		*word -= MUTATE_LINE;
		return true;
	case OPERATOR_NOT:
		*word = !*word;
		return true;
	case OPERATOR_STALE:
		*word = mutation.before ?: now;
		mutation.before = now;
		return *word != now;
	default:
		return true;
	}
}

static bool wait_with(const struct ndis_mutable *function, const u64 *words)
{
	if (waiting.function)
		return false;
	waiting.function = function;
	memcpy(waiting.words, words, sizeof(waiting.words));
	return true;
}

/* Whether this call is mutated. Changes its argument, or puts it aside, under the lock. */
static bool chosen(const struct ndis_mutable *function, u64 *words)
{
	unsigned long flags;
	bool is = false;

	if (function != mutation.function)
		return false;
	spin_lock_irqsave(&mutation_lock, flags);
	if (ndis_chance_draw(&mutation.chance)) {
		if (mutation.operator == OPERATOR_DELAY || mutation.operator == OPERATOR_SWAP)
			is = wait_with(function, words);
		else
			is = change(&words[mutation.argument]);
	}
	mutation.mutated += is;
	spin_unlock_irqrestore(&mutation_lock, flags);
	return is;
}

/* Above DISPATCH_LEVEL: raises the count by which the kernel itself sees that it is in an interrupt. */
static u64 call_raised(const struct ndis_mutable *function, const u64 *words)
{
	bool passive = KeGetCurrentIrql() == PASSIVE_LEVEL;
	u64 result;

	if (passive)
		local_bh_disable();
	else
		preempt_count_add(HARDIRQ_OFFSET);
	result = function->call(words);
	if (passive)
		local_bh_enable();
	else
		preempt_count_sub(HARDIRQ_OFFSET);
	return result;
}

static u64 call_mutated(const struct ndis_mutable *function, const u64 *words)
{
	switch (mutation.operator) {
	case OPERATOR_SKIP:
	case OPERATOR_EARLY:
	case OPERATOR_DELAY:
	case OPERATOR_SWAP:
		return function->skipped;
	case OPERATOR_RAISE:
		return call_raised(function, words);
	case OPERATOR_REPEAT:
		function->call(words);
		fallthrough;
	default:
		return function->call(words);
	}
}

/* A call was made outside an interrupt: makes the delayed call that waited for it. */
static void make_waiting(const struct ndis_mutable *made)
{
	const struct ndis_mutable *function = NULL;
	u64 words[NDIS_MUTABLE_ARGUMENTS];
	unsigned long flags;

	spin_lock_irqsave(&mutation_lock, flags);
	if (waiting.function && (mutation.operator == OPERATOR_SWAP || !strcmp(made->name, MUTATE_DOORBELL))) {
		function = waiting.function;
		memcpy(words, waiting.words, sizeof(words));
		waiting.function = NULL;
	}
	spin_unlock_irqrestore(&mutation_lock, flags);
	if (function)
		function->call(words);
}

u64 ndis_mutate(const struct ndis_mutable *function, u64 *words)
{
	bool mutated = chosen(function, words);
	u64 result = mutated ? call_mutated(function, words) : function->call(words);

	if (READ_ONCE(waiting.function) && !mutated && KeGetCurrentIrql() <= DISPATCH_LEVEL)
		make_waiting(function);
	return result;
}

static bool parse_function(const char *name)
{
	unsigned int i;

	for (i = 0; i < ndis_mutables_count; i++)
		if (!strcmp(name, ndis_mutables[i].name))
			mutation.function = &ndis_mutables[i];
	return mutation.function;
}

/* Whether operator `i` applies to argument `number`, from 1, or without a number to the whole call. */
static bool applies(unsigned int i, const char *number)
{
	const char *arguments = mutation.function->arguments;
	unsigned int argument;

	if (!*number)
		return operators[i].may & mutation.function->may;
	if (kstrtouint(number, 10, &argument) || !argument || argument > strlen(arguments) ||
	    !strchr(operators[i].letters, arguments[argument - 1]))
		return false;
	mutation.argument = argument - 1;
	return true;
}

static bool parse_operator(const char *text)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(operators); i++) {
		size_t length = strlen(operators[i].name);

		if (!strncmp(text, operators[i].name, length) && applies(i, text + length)) {
			mutation.operator = i;
			return true;
		}
	}
	return false;
}

static bool parse(char *text)
{
	char *name = strsep(&text, ":"), *operator = strsep(&text, ":");
	char always[] = "1/1";

	return operator && parse_function(name) && parse_operator(operator) &&
	       ndis_chance_parse(&mutation.chance, text ?: always);
}

/* Runs before the miniport's first call: this parameter can be set only while the module is loaded. */
static int set_mutate(const char *value, const struct kernel_param *param)
{
	char *text = kstrdup(value, GFP_KERNEL);
	bool good;

	if (!text)
		return -ENOMEM;
	good = parse(strim(text));
	kfree(text);
	if (!good) {
		pr_err("%s: mutate=%s is not FUNCTION:OPERATOR[:A/B[:SEED]], or the function has no such operator\n",
		       KBUILD_MODNAME, value);
		return -EINVAL;
	}
	static_branch_enable(&ndis_mutating);
	return 0;
}

static const struct kernel_param_ops mutate_ops = { .set = set_mutate };
module_param_cb(mutate, &mutate_ops, NULL, 0);
MODULE_PARM_DESC(mutate, "A fault between miniport and NDIS: FUNCTION:OPERATOR[:A/B[:SEED]]");

static const struct kernel_param_ops mutated_ops = { .get = param_get_uint };
module_param_cb(mutated, &mutated_ops, &mutation.mutated, 0444);
MODULE_PARM_DESC(mutated, "How many calls were mutated");
