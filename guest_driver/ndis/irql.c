// SPDX-License-Identifier: GPL-2.0-or-later
/* Levels (docs/ndis51.md section 2), waiting, and locks. */
#include <linux/delay.h>
#include <linux/preempt.h>

#include "layer.h"

/* One number for every device level between DISPATCH_LEVEL and HIGH_LEVEL: Linux has only one hard-interrupt level. */
#define DEVICE_LEVEL (DISPATCH_LEVEL + 1)

/*
 * Section 2: the level follows from the Linux context. in_atomic() sees a held spin lock because this module is for
 * kernels that count preemption (x86-64 distribution kernels do). Without the count such code would look PASSIVE.
 */
KIRQL KeGetCurrentIrql(VOID)
{
	if (in_hardirq() || in_nmi())
		return DEVICE_LEVEL;
	if (in_softirq() || in_atomic() || irqs_disabled())
		return DISPATCH_LEVEL;
	return PASSIVE_LEVEL;
}

/* Any level. The rules allow at most 50 us (R132). */
VOID KeStallExecutionProcessor(ULONG MicroSeconds)
{
	ndis_record(NdisStallExecution, MicroSeconds, 0, 0, 0, 0);
	udelay(MicroSeconds);
}

/* PASSIVE_LEVEL. Refuses any other level (R66). */
VOID NdisMSleep(ULONG MicrosecondsToSleep)
{
	ndis_record(NdisMSleep, MicrosecondsToSleep, 0, 0, 0, 0);
	if (!WARN_ON_ONCE(KeGetCurrentIrql() != PASSIVE_LEVEL))
		fsleep(MicrosecondsToSleep);
}

/* Spin locks of the miniport that are held on each CPU. The holder of one stays on its CPU. */
static DEFINE_PER_CPU(unsigned int, locks_held);

unsigned int ndis_locks_held(void)
{
	return raw_cpu_read(locks_held);
}

static spinlock_t *to_spinlock(PNDIS_SPIN_LOCK lock)
{
	BUILD_BUG_ON(sizeof(spinlock_t) > sizeof(lock->SpinLock));
	BUILD_BUG_ON(__alignof__(spinlock_t) > __alignof__(lock->SpinLock));
	return (spinlock_t *)&lock->SpinLock;
}

VOID NdisAllocateSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
	ndis_record(NdisAllocateSpinLock, SpinLock, 0, 0, 0, 0);
	spin_lock_init(to_spinlock(SpinLock));
}

VOID NdisFreeSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
	ndis_record(NdisFreeSpinLock, SpinLock, 0, 0, 0, 0);
	WARN_ON_ONCE(spin_is_locked(to_spinlock(SpinLock)));
}

/*
 * Interrupts stay off until the release, at both levels: netpoll sends wherever the kernel prints, also in an
 * interrupt, and so may come to the miniport's send while this CPU holds the lock. OldIrql: they were off before.
 */
static void acquire(PNDIS_SPIN_LOCK lock)
{
	unsigned long flags;

	spin_lock_irqsave(to_spinlock(lock), flags);
	lock->OldIrql = irqs_disabled_flags(flags);
	raw_cpu_inc(locks_held);
}

static void release(PNDIS_SPIN_LOCK lock)
{
	raw_cpu_dec(locks_held);
	if (lock->OldIrql)
		spin_unlock(to_spinlock(lock));
	else
		spin_unlock_irq(to_spinlock(lock));
}

/* <= DISPATCH_LEVEL. Raises the level to DISPATCH_LEVEL until the release. */
VOID NdisAcquireSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
	acquire(SpinLock);
}

VOID NdisReleaseSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
	release(SpinLock);
}

/* DISPATCH_LEVEL exactly: the level need not be raised. */
VOID NdisDprAcquireSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
	acquire(SpinLock);
}

VOID NdisDprReleaseSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
	release(SpinLock);
}
