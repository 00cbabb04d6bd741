// SPDX-License-Identifier: GPL-2.0-or-later
/* The ends: halt, shutdown, removal without notice, and the reset that starts over (docs/ndis51.md 4.8, section 8). */
#include "miniport.h"

/* Section 8, MiniportHalt: silence the card, finish the sends, then everything in the inverse order. */
VOID NTAPI MiniportHalt(NDIS_HANDLE MiniportAdapterContext)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	/* One write masks the card and ends its DMA. A card that is gone does neither. */
	nic_reset_card(nic);
	nic->gone = TRUE;
	nic_send_abort(nic, NDIS_STATUS_FAILURE);
	/* No timer and no shutdown handler were registered. */
	NdisMDeregisterInterrupt(&nic->interrupt);
	nic_release(nic);
	NdisFreeSpinLock(&nic->sends.lock);
	NdisFreeMemory(nic, nic->kind->bytes, 0);
}

/* Section 4.8: any level; quiesce and release nothing. */
VOID NTAPI MiniportShutdown(PVOID ShutdownContext)
{
	struct nic_adapter *nic = ShutdownContext;

	nic->kind->access->silence(nic);
}

/* The card no longer answers: no send waits for it, and no later wait does. */
static VOID nic_card_gone(struct nic_adapter *nic)
{
	nic->gone = TRUE;
	nic_send_abort(nic, NDIS_STATUS_FAILURE);
	if (nic->link) {
		nic->link = FALSE;
		NdisMIndicateStatus(nic->handle, NDIS_STATUS_MEDIA_DISCONNECT, NULL, 0);
		NdisMIndicateStatusComplete(nic->handle);
	}
}

VOID NTAPI MiniportPnPEventNotify(NDIS_HANDLE MiniportAdapterContext, NDIS_DEVICE_PNP_EVENT PnPEvent,
				  PVOID InformationBuffer, ULONG InformationBufferLength)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	UNREFERENCED_PARAMETER(InformationBuffer);
	UNREFERENCED_PARAMETER(InformationBufferLength);
	if (PnPEvent == NdisDevicePnPEventSurpriseRemoved && !nic->gone)
		nic_card_gone(nic);
}

/* No DMA and no interrupt any more when the write returns (datasheet section 8). Pending sends are completed. */
static VOID nic_quiet(struct nic_adapter *nic)
{
	nic_reset_card(nic);
	nic->hang_checks = 0;
	nic_send_abort(nic, NDIS_STATUS_REQUEST_ABORTED);
}

/* 1. quiet; 2. the kind starts over; 3. the packet filter is restored. */
static NDIS_STATUS nic_start_over(struct nic_adapter *nic)
{
	if (!nic->gone && !nic_answers(nic))
		nic_card_gone(nic);
	if (nic->gone)
		return NDIS_STATUS_HARD_ERRORS;
	nic_quiet(nic);
	if (nic->kind->start(nic) != NDIS_STATUS_SUCCESS) {
		nic_card_gone(nic);
		return NDIS_STATUS_HARD_ERRORS;
	}
	nic_control(nic, NICRIG_CARD_CONTROL_INTERRUPT | (nic->packet_filter ? NICRIG_CARD_CONTROL_RECEIVE : 0));
	return NDIS_STATUS_SUCCESS;
}

/* Section 4.8, DISPATCH_LEVEL, with no deferred half under way. */
NDIS_STATUS NTAPI MiniportReset(PBOOLEAN AddressingReset, NDIS_HANDLE MiniportAdapterContext)
{
	*AddressingReset = FALSE;
	return nic_start_over(MiniportAdapterContext);
}

/* OID_PNP_SET_POWER, as MiniportReset. Below D0 the card is quiet; it loses all that it knew. */
NDIS_STATUS nic_set_power(struct nic_adapter *nic, NDIS_DEVICE_POWER_STATE state)
{
	if (state == NdisDeviceStateD0)
		return nic_start_over(nic);
	nic_quiet(nic);
	return NDIS_STATUS_SUCCESS;
}

/*
 * When receives stay untaken over several checks, their interrupt was lost. When one that has begun brings nothing over
 * several checks, the card does not end it.
 */
static BOOLEAN nic_receive_hangs(struct nic_adapter *nic)
{
	ULONG64 taken = nic->statistics.rx_ok + nic->statistics.rx_error;
	BOOLEAN due = nic->kind->pending(nic) || (nic->kind->receiving && nic->kind->receiving(nic));

	if (taken != nic->hang_taken || !due)
		nic->hang_checks = 0;
	else
		nic->hang_checks++;
	nic->hang_taken = taken;
	return nic->hang_checks >= NIC_HANG_CHECKS;
}

/* A card that was reset behind the driver's back has nothing of what was written to it (datasheet section 8). */
static BOOLEAN nic_was_reset(struct nic_adapter *nic)
{
	return nic_read(nic, NICRIG_CARD_CONTROL) != nic->control_bits;
}

/* Section 4.8: TRUE asks NDIS for a reset, which cannot help a card that is gone. */
BOOLEAN NTAPI MiniportCheckForHang(NDIS_HANDLE MiniportAdapterContext)
{
	struct nic_adapter *nic = MiniportAdapterContext;
	ULONG status;

	if (nic->gone)
		return FALSE;
	status = nic_read(nic, NICRIG_CARD_STATUS);
	if (status == NIC_ALL_ONES) {
		nic_card_gone(nic);
		return FALSE;
	}
	return !(status & NICRIG_CARD_STATUS_READY) || nic_was_reset(nic) || nic_send_hangs(nic) ||
	       nic_receive_hangs(nic);
}
