/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failure injection (docs/ndis51.md section 6, R125). Each function that can fail for lack of resources asks
 * ndis_fail() first. controller/nicrig/verifier/functions.py declares them with fails=True.
 */
#ifndef NICRIG_INJECT_H
#define NICRIG_INJECT_H

#include <linux/compiler.h>
#include <linux/jump_label.h>

#include "../recorder/recorder.h"

DECLARE_STATIC_KEY_FALSE(ndis_injecting);

/* Any level. */
bool ndis_fail_now(enum ndis_function function, size_t bytes);

/* Whether this call of the miniport must fail; the protocol's calls never do. `Bytes` is 0 where sizes do not count. */
#define ndis_fail(Name, Bytes) \
	(static_branch_unlikely(&ndis_injecting) && ndis_phase_now() != NDIS_PHASE_PROTOCOL && \
	 ndis_fail_now(NDIS_FN_##Name, Bytes))

/* The same in a work item, which no miniport called. */
#define ndis_fail_behind(Name, Bytes) \
	(static_branch_unlikely(&ndis_injecting) && ndis_fail_now(NDIS_FN_##Name, Bytes))

#endif /* NICRIG_INJECT_H */
