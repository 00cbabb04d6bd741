// SPDX-License-Identifier: GPL-2.0-or-later
/* The ends: halt, shutdown, removal without notice, and the reset that starts over (docs/ndis51.md 4.8, 8.1). */
#include "miniport.h"

#define NIC_RETURN_POLL_MICROSECONDS 1000

/* R28: memory of packets that NDIS still has may not be released. They come back without the card's help. */
static VOID nic_wait_for_returns(struct nic_adapter *nic)
{
	ULONG indicated;

	for (;;) {
		NdisAcquireSpinLock(&nic->rx.lock);
		indicated = nic->rx.indicated;
		NdisReleaseSpinLock(&nic->rx.lock);
		if (!indicated)
			return;
		NdisMSleep(NIC_RETURN_POLL_MICROSECONDS);
	}
}

/* Section 8.1, MiniportHalt, in its order. */
VOID NTAPI MiniportHalt(NDIS_HANDLE MiniportAdapterContext)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	/* 1, 6. One write masks the card and ends its DMA; a card that is gone does neither anyway. */
	nic_reset_card(nic);
	nic->gone = TRUE;
	/* 2. */
	nic_tx_abort(nic, NDIS_STATUS_FAILURE);
	/* 3, 4. Nothing was registered: shutdown is in the characteristics, and there is no timer. */
	/* 5. */
	NdisMDeregisterInterrupt(&nic->interrupt);
	/* 6. */
	nic_wait_for_returns(nic);
	/* 7. */
	NdisMUnmapIoSpace(nic->handle, (PVOID)nic->doorbells, NICRIG_BAR_BYTES);
	NdisMUnmapIoSpace(nic->handle, (PVOID)nic->control, NICRIG_BAR_BYTES);
	/* 8. */
	nic_rx_free(nic);
	/* 9. */
	nic_tx_free(nic);
	/* 10. No map registers in the scatter-gather model. */
	/* 11. */
	NdisFreeSpinLock(&nic->tx.lock);
	NdisFreeSpinLock(&nic->rx.lock);
	NdisFreeMemory(nic, sizeof(*nic), 0);
}

/* Section 4.8: any level; quiesce and release nothing. */
VOID NTAPI MiniportShutdown(PVOID ShutdownContext)
{
	struct nic_adapter *nic = ShutdownContext;

	nic_reset_card(nic);
}

/* The card does not answer any more: no send waits for it, and nothing is waited for later. */
static VOID nic_card_gone(struct nic_adapter *nic)
{
	nic->gone = TRUE;
	nic_tx_abort(nic, NDIS_STATUS_FAILURE);
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

/*
 * Section 4.8, DISPATCH_LEVEL, with no deferred half under way:
 * 1. reset: no DMA and no interrupt any more when the write returns (datasheet section 8);
 * 2. pending sends are completed; 3. the rings start over; 4. buffers are posted; 5. the packet filter is restored.
 */
NDIS_STATUS NTAPI MiniportReset(PBOOLEAN AddressingReset, NDIS_HANDLE MiniportAdapterContext)
{
	struct nic_adapter *nic = MiniportAdapterContext;
	NDIS_STATUS status;

	*AddressingReset = FALSE;
	if (!nic->gone && !nic_answers(nic))
		nic_card_gone(nic);
	if (nic->gone)
		return NDIS_STATUS_HARD_ERRORS;
	nic_reset_card(nic);
	nic_tx_abort(nic, NDIS_STATUS_REQUEST_ABORTED);
	status = nic_start_rings(nic);
	if (status != NDIS_STATUS_SUCCESS) {
		nic_card_gone(nic);
		return NDIS_STATUS_HARD_ERRORS;
	}
	nic_rx_rebuild(nic);
	nic_control(nic, NICRIG_CARD_CONTROL_INTERRUPT | (nic->packet_filter ? NICRIG_CARD_CONTROL_RECEIVE : 0));
	return NDIS_STATUS_SUCCESS;
}

/* Sends that make no progress over several checks mean that the card, or an interrupt, was lost. */
static BOOLEAN nic_tx_hangs(struct nic_tx *tx)
{
	BOOLEAN hangs;

	NdisAcquireSpinLock(&tx->lock);
	if (tx->head == tx->tail || tx->head != tx->hang_head)
		tx->hang_checks = 0;
	else
		tx->hang_checks++;
	tx->hang_head = tx->head;
	hangs = tx->hang_checks >= NIC_HANG_CHECKS;
	NdisReleaseSpinLock(&tx->lock);
	return hangs;
}

/* Section 4.8: TRUE asks NDIS for a reset; a card that is gone cannot be helped by one. */
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
	return !(status & NICRIG_CARD_STATUS_READY) || nic_tx_hangs(&nic->tx);
}
