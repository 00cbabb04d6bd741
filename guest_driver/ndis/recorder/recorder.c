// SPDX-License-Identifier: GPL-2.0-or-later
/* The flight recorder: writes records, and keeps track of the phase (recorder.h; docs/datasheet.md section 14). */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/stacktrace.h>

#include "../faults/mutate.h"
#include "../layer.h"

unsigned int ndis_recorder_detail = NDIS_DETAIL_ALLOCATIONS;

/*
 * Which build this is. The builder of a guest's image writes a number here, and keeps a table of call sites under that
 * number (controller/nicrig/provision/module_lines.py). 0 in any other module.
 */
static const volatile u64 build __section(".nicrig.build");

/* How many return addresses lie at most between the call of a trampoline and the record. */
#define SITE_DEPTH 12
#define SITE_BITS 20
#define LOCKS_MAX 15

/* The card's memory behaves like RAM: plain loads and stores. */
static u64 __rcu *recorder;
static struct pci_dev *recorder_pdev;

/* The phase of the handler that runs on this CPU above PASSIVE_LEVEL; 0 if none runs. */
static DEFINE_PER_CPU(u8, running_phase);

/*
 * The handler that runs at PASSIVE_LEVEL, where a task may move between CPUs. Only one runs at a time, like PCI
 * probes.
 */
static struct task_struct *passive_task;
static u8 passive_phase;

/* Records nothing if the card has no recorder, or does not answer. */
void ndis_recorder_open(struct pci_dev *pdev, int bar)
{
	u64 *words;

	if (recorder_pdev || pci_resource_len(pdev, bar) != NICRIG_RECORDER_BYTES)
		return;
	words = (__force u64 *)ioremap_cache(pci_resource_start(pdev, bar), NICRIG_RECORDER_BYTES);
	if (!words)
		return;
	if (words[NICRIG_RECORDER_MAGIC] != NICRIG_RECORDER_MAGIC_VALUE) {
		iounmap((__force void __iomem *)words);
		return;
	}
	recorder_pdev = pdev;
	WRITE_ONCE(words[NICRIG_RECORDER_DETAIL], ndis_recorder_detail);
	WRITE_ONCE(words[NICRIG_RECORDER_BUILD], build);
	rcu_assign_pointer(recorder, words);
	/* Revokes all grants of a driver before this one. */
	ndis_revoke(NDIS_FN_MiniportInitialize, 0, NICRIG_REVOKE_EVERYTHING, 0);
}

void ndis_recorder_close(struct pci_dev *pdev)
{
	u64 *words = rcu_access_pointer(recorder);

	if (recorder_pdev != pdev)
		return;
	RCU_INIT_POINTER(recorder, NULL);
	synchronize_rcu();
	iounmap((__force void __iomem *)words);
	recorder_pdev = NULL;
}

void ndis_recorder_set_detail(unsigned int detail)
{
	u64 *words;

	ndis_recorder_detail = detail;
	rcu_read_lock();
	words = rcu_dereference(recorder);
	if (words)
		WRITE_ONCE(words[NICRIG_RECORDER_DETAIL], detail);
	rcu_read_unlock();
}

static struct nicrig_record *record_at(u64 *words, u64 sequence)
{
	struct nicrig_record *records = (void *)words + NICRIG_RECORDER_RECORDS_OFFSET;

	BUILD_BUG_ON(sizeof(*records) != 64);
	return &records[(sequence - 1) % NICRIG_RECORDER_RECORDS];
}

static unsigned long text_start(void)
{
	return (unsigned long)THIS_MODULE->mem[MOD_TEXT].base;
}

static bool in_layer(unsigned long address)
{
	return address >= text_start() && address < (unsigned long)ndis_layer_end;
}

/* Kbuild keeps all code of the module in .text, the layer's in front. */
static u32 site_offset(unsigned long site)
{
	unsigned long offset, stack[SITE_DEPTH];
	unsigned int i, depth;

	if (unlikely(in_layer(site))) {
		depth = stack_trace_save(stack, ARRAY_SIZE(stack), 0);
		for (i = 0; i < depth && in_layer(site); i++)
			site = stack[i];
	}
	offset = site - text_start();
	return offset < BIT(SITE_BITS) ? offset : 0;
}

unsigned long ndis_handler_site(const void *handler)
{
	return (unsigned long)ndis_mutate_behind(handler) + 1;
}

/* Any level. An interrupted record has its slot already, so the record of the interrupt takes the next one. */
void ndis_record_now(enum ndis_function function, u8 kind, unsigned long site, u64 a, u64 b, u64 c, u64 d, u64 result)
{
	/* First, because it may take long: a record that is begun and not complete holds up the reader. */
	u32 offset = site_offset(site);
	struct nicrig_record *record;
	u64 sequence, *words;

	rcu_read_lock();
	words = rcu_dereference(recorder);
	if (words) {
		sequence = atomic64_inc_return((atomic64_t *)&words[NICRIG_RECORDER_HEAD]);
		record = record_at(words, sequence);
		WRITE_ONCE(record->sequence, 0);
		record->time = local_clock();
		record->function = function;
		record->kind = kind;
		record->phase = ndis_phase_now();
		record->irql = KeGetCurrentIrql();
		record->site = offset;
		record->cpu = raw_smp_processor_id();
		record->locks = min(ndis_locks_held(), LOCKS_MAX);
		record->a = a;
		record->b = b;
		record->c = c;
		record->d = d;
		record->result = result;
		/* A reader that sees the sequence sees the whole record. */
		smp_store_release(&record->sequence, sequence);
	}
	rcu_read_unlock();
}

u8 *ndis_recorder_slot(u32 *number)
{
	u64 *words = rcu_dereference(recorder);

	if (!words)
		return NULL;
	*number = atomic64_inc_return((atomic64_t *)&words[NICRIG_RECORDER_SLOT_HEAD]);
	return (u8 *)words + NICRIG_RECORDER_SLOTS_OFFSET +
	       (size_t)((*number - 1) % NICRIG_RECORDER_SLOTS) * NICRIG_RECORDER_SLOT_BYTES;
}

static bool grant_wanted(unsigned int how)
{
	bool wanted = ndis_recorder_detail;
	u64 *words;

	if (!wanted || !(how & NICRIG_GRANT_STREAMING))
		return wanted;
	rcu_read_lock();
	words = rcu_dereference(recorder);
	wanted = words && READ_ONCE(words[NICRIG_RECORDER_GRANTS]);
	rcu_read_unlock();
	return wanted;
}

void ndis_grant(enum ndis_function function, dma_addr_t address, size_t length, unsigned int how, size_t guard)
{
	if (grant_wanted(how))
		ndis_record_now(function, NICRIG_RECORD_GRANT, 0, address, length, how, guard, 0);
}

void ndis_revoke(enum ndis_function function, dma_addr_t address, size_t length, unsigned int how)
{
	if (grant_wanted(how))
		ndis_record_now(function, NICRIG_RECORD_REVOKE, 0, address, length, how, 0, 0);
}

enum ndis_phase ndis_phase_now(void)
{
	u8 phase = raw_cpu_read(running_phase);

	if (phase)
		return phase;
	return in_task() && READ_ONCE(passive_task) == current ? passive_phase : NDIS_PHASE_PROTOCOL;
}

/* A handler at PASSIVE_LEVEL belongs to its task, any other to its CPU. */
static u8 exchange_phase(KIRQL level, u8 phase)
{
	u8 before = level > PASSIVE_LEVEL ? raw_cpu_read(running_phase) :
		    passive_task == current ? passive_phase : NDIS_PHASE_NONE;

	if (level > PASSIVE_LEVEL) {
		raw_cpu_write(running_phase, phase);
	} else {
		passive_phase = phase;
		WRITE_ONCE(passive_task, phase == NDIS_PHASE_NONE ? NULL : current);
	}
	return before;
}

struct ndis_caller ndis_enter_phase(enum ndis_phase phase)
{
	struct ndis_caller before = { .irql = KeGetCurrentIrql(), .locks = ndis_locks_held() };

	before.phase = exchange_phase(before.irql, phase);
	return before;
}

bool ndis_level_changed(struct ndis_caller before)
{
	return before.irql != KeGetCurrentIrql() || before.locks != ndis_locks_held();
}

void ndis_leave_phase(struct ndis_caller before)
{
	exchange_phase(before.irql, before.phase);
}
