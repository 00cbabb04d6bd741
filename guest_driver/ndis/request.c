// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests, reset and the hang check, all at DISPATCH_LEVEL and one at a time (docs/ndis51.md section 4.8). */
#include <linux/spinlock.h>

#include "layer.h"

/* Does not wait for PENDING: the miniports of this project answer at once. */
NDIS_STATUS ndis_query(struct ndis_adapter *adapter, NDIS_OID oid, void *buffer, ULONG length)
{
	ULONG written = 0, needed = 0;
	struct ndis_caller before;
	NDIS_STATUS status;

	spin_lock_bh(&adapter->requests);
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportQueryInformation, adapter->miniport->QueryInformationHandler, oid, length, 0, 0);
	status = adapter->miniport->QueryInformationHandler(adapter->context, oid, buffer, length, &written, &needed);
	ndis_leave(MiniportQueryInformation, adapter->miniport->QueryInformationHandler, before, status);
	spin_unlock_bh(&adapter->requests);
	WARN_ON_ONCE(status == NDIS_STATUS_PENDING);
	return status;
}

NDIS_STATUS ndis_set(struct ndis_adapter *adapter, NDIS_OID oid, void *buffer, ULONG length)
{
	ULONG read = 0, needed = 0;
	struct ndis_caller before;
	NDIS_STATUS status;

	spin_lock_bh(&adapter->requests);
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportSetInformation, adapter->miniport->SetInformationHandler, oid, length, 0, 0);
	status = adapter->miniport->SetInformationHandler(adapter->context, oid, buffer, length, &read, &needed);
	ndis_leave(MiniportSetInformation, adapter->miniport->SetInformationHandler, before, status);
	spin_unlock_bh(&adapter->requests);
	WARN_ON_ONCE(status == NDIS_STATUS_PENDING);
	return status;
}

NDIS_STATUS ndis_reset(struct ndis_adapter *adapter)
{
	BOOLEAN addressing = FALSE;
	struct ndis_caller before;
	NDIS_STATUS status;

	spin_lock_bh(&adapter->requests);
	adapter->protocol->status(adapter->protocol_context, NDIS_STATUS_RESET_START);
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportReset, adapter->miniport->ResetHandler, 0, 0, 0, 0);
	status = adapter->miniport->ResetHandler(&addressing, adapter->context);
	ndis_leave(MiniportReset, adapter->miniport->ResetHandler, before, status);
	adapter->protocol->status(adapter->protocol_context, NDIS_STATUS_RESET_END);
	spin_unlock_bh(&adapter->requests);
	WARN_ON_ONCE(status == NDIS_STATUS_PENDING || addressing);
	return status;
}

bool ndis_check_for_hang(struct ndis_adapter *adapter)
{
	struct ndis_caller before;
	bool hung;

	if (!adapter->miniport->CheckForHangHandler)
		return false;
	spin_lock_bh(&adapter->requests);
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportCheckForHang, adapter->miniport->CheckForHangHandler, 0, 0, 0, 0);
	hung = adapter->miniport->CheckForHangHandler(adapter->context);
	ndis_leave(MiniportCheckForHang, adapter->miniport->CheckForHangHandler, before, hung);
	spin_unlock_bh(&adapter->requests);
	return hung;
}
