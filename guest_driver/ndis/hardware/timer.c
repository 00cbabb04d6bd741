// SPDX-License-Identifier: GPL-2.0-or-later
/* The miniport's timers (docs/ndis51.md section 8.1). */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "../layer.h"

/*
 * The timer behind an NDIS_MINIPORT_TIMER. It has memory of its own, so that NDIS can stop it after the miniport's
 * memory is gone. The lock orders a cancellation against the next start of a periodic timer.
 */
struct ndis_timer {
	struct list_head list;
	struct timer_list timer;
	spinlock_t lock;
	unsigned long period;
	PNDIS_MINIPORT_TIMER miniport_timer;
};

static void timer_restart(struct ndis_timer *timer)
{
	unsigned long flags;

	spin_lock_irqsave(&timer->lock, flags);
	if (timer->period)
		mod_timer(&timer->timer, jiffies + timer->period);
	spin_unlock_irqrestore(&timer->lock, flags);
}

/* DISPATCH_LEVEL. */
static void timer_expires(struct timer_list *expired)
{
	struct ndis_timer *timer = container_of(expired, struct ndis_timer, timer);
	PNDIS_MINIPORT_TIMER miniport_timer = timer->miniport_timer;
	struct ndis_caller before;

	timer_restart(timer);
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportTimer, miniport_timer->MiniportTimerFunction, miniport_timer, 0, 0, 0);
	miniport_timer->MiniportTimerFunction(NULL, miniport_timer->MiniportTimerContext, NULL, NULL);
	ndis_leave_quietly(MiniportTimer, miniport_timer->MiniportTimerFunction, before);
}

static struct ndis_timer *timer_make(struct ndis_adapter *adapter, PNDIS_MINIPORT_TIMER miniport_timer)
{
	struct ndis_timer *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return NULL;
	timer_setup(&timer->timer, timer_expires, 0);
	spin_lock_init(&timer->lock);
	timer->miniport_timer = miniport_timer;
	list_add(&timer->list, &adapter->timers);
	return timer;
}

/* Initializing a timer again keeps its object. */
static struct ndis_timer *timer_find(struct ndis_adapter *adapter, PNDIS_MINIPORT_TIMER miniport_timer)
{
	struct ndis_timer *timer;

	list_for_each_entry(timer, &adapter->timers, list)
		if (timer->miniport_timer == miniport_timer)
			return timer;
	return NULL;
}

/* PASSIVE_LEVEL, before any use. Without memory, or above that level, the timer never expires. */
VOID NdisMInitializeTimer(PNDIS_MINIPORT_TIMER Timer, NDIS_HANDLE MiniportAdapterHandle,
			  PNDIS_TIMER_FUNCTION TimerFunction, PVOID FunctionContext)
{
	struct ndis_timer *timer = NULL;

	ndis_record(NdisMInitializeTimer, Timer, 0, 0, 0, 0);
	if (!WARN_ON_ONCE(KeGetCurrentIrql() != PASSIVE_LEVEL)) {
		timer = timer_find(MiniportAdapterHandle, Timer);
		if (!timer)
			timer = timer_make(MiniportAdapterHandle, Timer);
	}
	Timer->Timer = timer;
	Timer->MiniportTimerFunction = TimerFunction;
	Timer->MiniportTimerContext = FunctionContext;
	Timer->Miniport = MiniportAdapterHandle;
}

static void timer_start(struct ndis_timer *timer, unsigned long delay, unsigned long period)
{
	unsigned long flags;

	if (WARN_ON_ONCE(!timer || KeGetCurrentIrql() > DISPATCH_LEVEL))
		return;
	spin_lock_irqsave(&timer->lock, flags);
	timer->period = period;
	mod_timer(&timer->timer, jiffies + delay);
	spin_unlock_irqrestore(&timer->lock, flags);
}

/* Expires once. A timer that is set already starts over. <= DISPATCH_LEVEL. */
VOID NdisMSetTimer(PNDIS_MINIPORT_TIMER Timer, UINT MillisecondsToDelay)
{
	ndis_record(NdisMSetTimer, Timer, MillisecondsToDelay, 0, 0, 0);
	timer_start(Timer->Timer, msecs_to_jiffies(MillisecondsToDelay), 0);
}

/* Expires until it is cancelled. <= DISPATCH_LEVEL. */
VOID NdisMSetPeriodicTimer(PNDIS_MINIPORT_TIMER Timer, UINT MillisecondPeriod)
{
	unsigned long period = max(msecs_to_jiffies(MillisecondPeriod), 1UL);

	ndis_record(NdisMSetPeriodicTimer, Timer, MillisecondPeriod, 0, 0, 0);
	timer_start(Timer->Timer, period, period);
}

/*
 * TRUE if the timer was set and is not any more; FALSE if its function has run, or runs at this moment (R37). <=
 * DISPATCH_LEVEL.
 */
VOID NdisMCancelTimer(PNDIS_MINIPORT_TIMER Timer, PBOOLEAN TimerCancelled)
{
	struct ndis_timer *timer = Timer->Timer;
	unsigned long flags;

	*TimerCancelled = FALSE;
	if (!WARN_ON_ONCE(!timer || KeGetCurrentIrql() > DISPATCH_LEVEL)) {
		spin_lock_irqsave(&timer->lock, flags);
		timer->period = 0;
		*TimerCancelled = timer_delete(&timer->timer);
		spin_unlock_irqrestore(&timer->lock, flags);
	}
	ndis_record(NdisMCancelTimer, Timer, 0, 0, 0, *TimerCancelled);
}

/* R22, R27: Windows stops if Initialize fails or Halt returns with a timer still set. Here NDIS stops the timer. */
void ndis_timers_check_released(struct ndis_adapter *adapter)
{
	struct ndis_timer *timer, *next;

	list_for_each_entry_safe(timer, next, &adapter->timers, list) {
		WARN_ON(timer_shutdown_sync(&timer->timer));
		list_del(&timer->list);
		kfree(timer);
	}
}
