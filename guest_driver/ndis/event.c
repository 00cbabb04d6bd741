// SPDX-License-Identifier: GPL-2.0-or-later
/* Events: a miniport waits for one at PASSIVE_LEVEL and sets it up to DISPATCH_LEVEL (docs/ndis51.md 8.1). */
#include <linux/completion.h>
#include <linux/jiffies.h>

#include "layer.h"

static struct completion *to_completion(PNDIS_EVENT event)
{
	BUILD_BUG_ON(sizeof(struct completion) > sizeof(event->Opaque));
	return (struct completion *)event->Opaque;
}

/* The event starts unset. PASSIVE_LEVEL. */
VOID NdisInitializeEvent(PNDIS_EVENT Event)
{
	ndis_record(NdisInitializeEvent, Event, 0, 0, 0, 0);
	init_completion(to_completion(Event));
}

/* The event stays set until it is reset. <= DISPATCH_LEVEL. */
VOID NdisSetEvent(PNDIS_EVENT Event)
{
	ndis_record(NdisSetEvent, Event, 0, 0, 0, 0);
	complete_all(to_completion(Event));
}

VOID NdisResetEvent(PNDIS_EVENT Event)
{
	ndis_record(NdisResetEvent, Event, 0, 0, 0, 0);
	reinit_completion(to_completion(Event));
}

static bool wait(PNDIS_EVENT event, UINT milliseconds)
{
	if (WARN_ON_ONCE(KeGetCurrentIrql() != PASSIVE_LEVEL))
		return false;
	if (milliseconds)
		return wait_for_completion_timeout(to_completion(event), msecs_to_jiffies(milliseconds));
	wait_for_completion(to_completion(event));
	return true;
}

/* TRUE if it was set in time; 0 means no limit. FALSE at once above PASSIVE_LEVEL, where Windows stops (0x7C, 0x14). */
BOOLEAN NdisWaitEvent(PNDIS_EVENT Event, UINT MsToWait)
{
	BOOLEAN set = wait(Event, MsToWait);

	ndis_record(NdisWaitEvent, Event, MsToWait, 0, 0, set);
	return set;
}
