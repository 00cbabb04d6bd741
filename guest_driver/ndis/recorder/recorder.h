/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flight recorder: a record for every call between miniport and NDIS, in the card's own memory (BAR3).
 *
 * A function of the layer records itself with ndis_record(Name, a, b, c, d, result), with its arguments in the order
 * of function_ids.h: an acquiring call after the fact, a releasing call before it, a hand-over before the other side
 * sees the object. NDIS calls the miniport's handlers between ndis_enter_phase() and ndis_leave(), which set the phase
 * of every call in between; ndis_entered() and ndis_leave() record the handlers.
 */
#ifndef NICRIG_RECORDER_H
#define NICRIG_RECORDER_H

#include <linux/instruction_pointer.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "layout.h"
#include "function_ids.h"

struct pci_dev;

/* The module has one recorder, the first adapter's, because many calls name no adapter. PASSIVE_LEVEL. */
void ndis_recorder_open(struct pci_dev *pdev, int bar);
void ndis_recorder_close(struct pci_dev *pdev);

extern unsigned int ndis_recorder_detail;

/* The next slot for a frame's bytes, and its number; NULL without a recorder. Inside rcu_read_lock(). Any level. */
u8 *ndis_recorder_slot(u32 *number);

/*
 * `site` is the call site: where the caller's call returns to. A call that comes through a trampoline of mutable.c has
 * the miniport's site. 0, for none, is recorded for an address outside this module.
 */
void ndis_record_now(enum ndis_function function, u8 kind, unsigned long site, u64 a, u64 b, u64 c, u64 d, u64 result);
/* The call site of a handler that NDIS calls: a byte behind its start, as a call's is behind the call. */
unsigned long ndis_handler_site(const void *handler);

/*
 * From now on the card may access these bytes, or must not any more. `function` is the call that grants or revokes. A
 * streaming grant is recorded only while the card asks for it. No one may write the `guard` bytes behind the range.
 * Any level.
 */
void ndis_grant(enum ndis_function function, dma_addr_t address, size_t length, unsigned int how, size_t guard);
void ndis_revoke(enum ndis_function function, dma_addr_t address, size_t length, unsigned int how);

/* The caller's phase: of the handler that runs on this CPU or in this task, or else of the protocol. */
enum ndis_phase ndis_phase_now(void);

/*
 * A call of the protocol is recorded one detail later than the same call of a miniport: the protocol makes packets for
 * each frame and queries each one that arrives. Of its calls, only those for plain memory are judged.
 */
static inline bool ndis_call_recorded(unsigned int detail)
{
	return unlikely(ndis_recorder_detail >= detail) &&
	       (detail < min(ndis_recorder_detail, (unsigned int)NDIS_DETAIL_FRAMES) ||
		ndis_phase_now() != NDIS_PHASE_PROTOCOL);
}

/*
 * For the function that the miniport calls, because it records that function's return address: what records for it is
 * __always_inline. Name must not be expanded: some of these functions are macros in NDIS.
 */
#define ndis_record(Name, A, B, C, D, Result) do { \
	if (ndis_call_recorded(NDIS_DETAIL_OF_##Name)) \
		ndis_record_now(NDIS_FN_##Name, NDIS_KIND_CALL, _RET_IP_, ndis_word(A), ndis_word(B), ndis_word(C), \
				ndis_word(D), ndis_word(Result)); \
} while (0)
#define ndis_record_if(Detail, Function, Kind, Site, A, B, C, D, Result) do { \
	if (ndis_recorder_detail >= (Detail)) \
		ndis_record_now(Function, Kind, Site, ndis_word(A), ndis_word(B), ndis_word(C), ndis_word(D), \
				ndis_word(Result)); \
} while (0)
/* Takes a pointer or a number. Does not sign-extend 32 bits, so that a status is recorded as it is written. */
#define ndis_word(Value) (sizeof(Value) == 4 ? (u64)(u32)(unsigned long)(Value) : (u64)(unsigned long)(Value))

void ndis_recorder_set_detail(unsigned int detail);

/* What to restore when a handler ends. */
struct ndis_caller {
	u8 phase;
	u8 irql;
	u8 locks;
};

struct ndis_caller ndis_enter_phase(enum ndis_phase phase);
void ndis_leave_phase(struct ndis_caller before);
bool ndis_level_changed(struct ndis_caller before);

/*
 * struct ndis_caller before = ndis_enter_phase(...);
 * ndis_entered(Name, handler, arguments); handler(); ndis_leave(Name, handler, before, result);
 */
#define ndis_entered(Name, Handler, A, B, C, D) \
	ndis_record_if(NDIS_DETAIL_OF_##Name, NDIS_FN_##Name, NDIS_KIND_ENTER, ndis_handler_site(Handler), \
		       A, B, C, D, 0)
#define ndis_leave(Name, Handler, Before, Result) do { \
	ndis_record_if(NDIS_DETAIL_OF_##Name, NDIS_FN_##Name, NDIS_KIND_LEAVE, ndis_handler_site(Handler), \
		       0, 0, 0, 0, Result); \
	ndis_leave_phase(Before); \
} while (0)
/* For a handler that runs for each frame: records its end only if it changed level or locks (R69). */
#define ndis_leave_quietly(Name, Handler, Before) do { \
	if (unlikely(ndis_level_changed(Before))) \
		ndis_record_if(NDIS_DETAIL_OF_##Name, NDIS_FN_##Name, NDIS_KIND_LEAVE, ndis_handler_site(Handler), \
			       0, 0, 0, 0, 0); \
	ndis_leave_phase(Before); \
} while (0)

/* Spin locks that the miniport holds on this CPU (irql.c). */
unsigned int ndis_locks_held(void);

#endif /* NICRIG_RECORDER_H */
