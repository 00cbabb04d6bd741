// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module's parameter fail=RULE[,RULE...]. RULE is FUNCTION:nth:N (its Nth call fails), FUNCTION:over:BYTES (calls
 * for more fail) or FUNCTION:probability:A/B[:SEED] (A of B calls fail, drawn from the seed). FUNCTION may be *. The
 * parameter `failed` lists what was made to fail.
 */
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "calls.h"
#include "chance.h"
#include "inject.h"

#define NDIS_RULES_MAX 8
#define NDIS_FAIL_RULES "FUNCTION:nth:N, FUNCTION:over:BYTES, FUNCTION:probability:A/B[:SEED]"

/*
 * The calls that ask ndis_fail(); a test compares. MiniportAllocateComplete stands for the allocation behind an
 * asynchronous call that gave PENDING: when it fails, the handler gets NULL.
 */
#define SITE(Name) { NDIS_FN_##Name, #Name, 0 },
static struct {
	enum ndis_function function;
	const char *name;
	unsigned int failed;
} sites[] = {
	NDIS_FAILING_CALLS(SITE)
};

enum rule_kind {
	RULE_NTH,
	RULE_OVER,
	RULE_PROBABILITY,
};

struct rule {
	unsigned int function;  /* 0: every function */
	enum rule_kind kind;
	unsigned long nth, calls;
	unsigned long over;
	struct ndis_chance chance;
};

DEFINE_STATIC_KEY_FALSE(ndis_injecting);

static DEFINE_SPINLOCK(rules_lock);
static struct rule rules[NDIS_RULES_MAX];
static unsigned int rules_count;

static bool rule_fails(struct rule *rule, size_t bytes)
{
	switch (rule->kind) {
	case RULE_NTH:
		return ++rule->calls == rule->nth;
	case RULE_OVER:
		return bytes > rule->over;
	case RULE_PROBABILITY:
		return ndis_chance_draw(&rule->chance);
	}
	return false;
}

static void count_failure(enum ndis_function function)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sites); i++)
		if (sites[i].function == function)
			sites[i].failed++;
}

/* Every rule sees every call of its function, so that no rule shifts the count of another. */
bool ndis_fail_now(enum ndis_function function, size_t bytes)
{
	unsigned long flags;
	bool fails = false;
	unsigned int i;

	spin_lock_irqsave(&rules_lock, flags);
	for (i = 0; i < rules_count; i++)
		if (!rules[i].function || rules[i].function == function)
			fails |= rule_fails(&rules[i], bytes);
	if (fails)
		count_failure(function);
	spin_unlock_irqrestore(&rules_lock, flags);
	return fails;
}

static bool parse_function(const char *name, struct rule *rule)
{
	unsigned int i;

	if (!strcmp(name, "*"))
		return true;
	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		if (!strcmp(name, sites[i].name)) {
			rule->function = sites[i].function;
			return true;
		}
	}
	return false;
}

static bool parse_rule(char *text, struct rule *rule)
{
	char *name = strsep(&text, ":"), *kind = strsep(&text, ":");

	if (!text || !parse_function(name, rule))
		return false;
	if (!strcmp(kind, "nth")) {
		rule->kind = RULE_NTH;
		return !kstrtoul(text, 0, &rule->nth) && rule->nth;
	}
	if (!strcmp(kind, "over")) {
		rule->kind = RULE_OVER;
		return !kstrtoul(text, 0, &rule->over);
	}
	rule->kind = RULE_PROBABILITY;
	return !strcmp(kind, "probability") && ndis_chance_parse(&rule->chance, text);
}

/* Runs before the miniport's first call: this parameter can be set only while the module is loaded. */
static int set_fail(const char *value, const struct kernel_param *param)
{
	char *text = kstrdup(value, GFP_KERNEL), *rest = text, *one;
	unsigned int count = 0;

	if (!text)
		return -ENOMEM;
	while ((one = strsep(&rest, ","))) {
		if (count == NDIS_RULES_MAX || !parse_rule(strim(one), &rules[count])) {
			pr_err("%s: fail=%s: rule %u is not one of " NDIS_FAIL_RULES ", or is beyond rule %u\n",
			       KBUILD_MODNAME, value, count + 1, NDIS_RULES_MAX);
			kfree(text);
			return -EINVAL;
		}
		count++;
	}
	kfree(text);
	rules_count = count;
	static_branch_enable(&ndis_injecting);
	return 0;
}

static const struct kernel_param_ops fail_ops = { .set = set_fail };
module_param_cb(fail, &fail_ops, NULL, 0);
MODULE_PARM_DESC(fail, "Which calls of the miniport fail: a list of " NDIS_FAIL_RULES);

/* A line of function and number for each function that was made to fail. */
static int get_failed(char *text, const struct kernel_param *param)
{
	unsigned int i;
	int length = 0;

	for (i = 0; i < ARRAY_SIZE(sites); i++)
		if (sites[i].failed)
			length += sysfs_emit_at(text, length, "%s %u\n", sites[i].name, sites[i].failed);
	return length;
}

static const struct kernel_param_ops failed_ops = { .get = get_failed };
module_param_cb(failed, &failed_ops, NULL, 0444);
MODULE_PARM_DESC(failed, "How many calls of each function were made to fail");
