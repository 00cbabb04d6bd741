// SPDX-License-Identifier: GPL-2.0-or-later
/* The interrupt: service routine, deferred half, and the arm words (datasheet sections 7 and 8). */
#include "miniport.h"

/*
 * Section 4.8: the vectors are message-signalled and not shared, so every interrupt is from this card. There is
 * nothing to acknowledge or mask: an arm word fires once, and MiniportEnableInterrupt writes the next.
 */
VOID NTAPI MiniportISR(PBOOLEAN InterruptRecognized, PBOOLEAN QueueMiniportHandleInterrupt,
		       NDIS_HANDLE MiniportAdapterContext)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	*InterruptRecognized = TRUE;
	*QueueMiniportHandleInterrupt = TRUE;
}

static VOID nic_indicate_link(struct nic_adapter *nic, BOOLEAN link)
{
	nic->link = link;
	NdisMIndicateStatus(nic->handle, link ? NDIS_STATUS_MEDIA_CONNECT : NDIS_STATUS_MEDIA_DISCONNECT, NULL, 0);
	NdisMIndicateStatusComplete(nic->handle);
}

/* Datasheet section 9: FAULT has the last refusal; the write clears it. */
static VOID nic_report_fault(struct nic_adapter *nic)
{
	ULONG status = nic_read(nic, NICRIG_CARD_STATUS);

	if (status == NIC_ALL_ONES || !(status & NICRIG_CARD_STATUS_FAULT))
		return;
	NdisWriteErrorLogEntry(nic->handle, NDIS_ERROR_CODE_HARDWARE_FAILURE, 1, nic_read(nic, NICRIG_CARD_FAULT));
	nic_write(nic, NICRIG_CARD_FAULT, 0);
}

/* EVENT counts link changes and faults, so without any of them this costs one read of a mapped word. */
static VOID nic_event_poll(struct nic_adapter *nic)
{
	USHORT event = (USHORT)nic_word_read(nic, NICRIG_EVENT_BASE + NICRIG_EVENT_EVENT);
	BOOLEAN link;

	if (event == nic->event)
		return;
	nic->event = event;
	/* The card counts after it changed LINK: the count must be read before LINK is. */
	KeMemoryBarrier();
	link = nic_link_up(nic);
	if (link != nic->link)
		nic_indicate_link(nic, link);
	nic_report_fault(nic);
}

/* Section 4.8: DISPATCH_LEVEL, one at a time. Sends first: they free what answers to the receives may need. */
VOID NTAPI MiniportHandleInterrupt(NDIS_HANDLE MiniportAdapterContext)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	if (nic->gone)
		return;
	nic_event_poll(nic);
	nic_send_poll(nic);
	nic->kind->receive(nic);
}

/* Called only for packets that a kind indicated without the status RESOURCES. */
VOID NTAPI MiniportReturnPacket(NDIS_HANDLE MiniportAdapterContext, PNDIS_PACKET Packet)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	nic->kind->return_packet(nic, Packet);
}

/* All arm words have one shape, so one procedure writes them. */
C_ASSERT(NICRIG_QUEUE_TX_ARM_ENABLE == NICRIG_QUEUE_RX_ARM_ENABLE &&
	 NICRIG_QUEUE_TX_ARM_SEQUENCE == NICRIG_QUEUE_RX_ARM_SEQUENCE);
C_ASSERT(NICRIG_EVENT_EVENT_ARM_ENABLE == NICRIG_QUEUE_RX_ARM_ENABLE &&
	 NICRIG_EVENT_EVENT_ARM_SEQUENCE == NICRIG_QUEUE_RX_ARM_SEQUENCE);
C_ASSERT(NICRIG_TRANSFER_RECEIVE_ARM_ENABLE == NICRIG_QUEUE_RX_ARM_ENABLE &&
	 NICRIG_TRANSFER_RECEIVE_ARM_SEQUENCE == NICRIG_QUEUE_RX_ARM_SEQUENCE);
C_ASSERT(NICRIG_TRANSFER_DONE_ARM_ENABLE == NICRIG_QUEUE_RX_ARM_ENABLE &&
	 NICRIG_TRANSFER_DONE_ARM_SEQUENCE == NICRIG_QUEUE_RX_ARM_SEQUENCE);

VOID nic_arm(struct nic_adapter *nic, ULONG offset, USHORT index)
{
	nic_word_write(nic, offset, NICRIG_QUEUE_RX_ARM_ENABLE |
		       ((ULONG)nic->arm_sequence << NICRIG_QUEUE_RX_ARM_SEQUENCE_SHIFT &
			NICRIG_QUEUE_RX_ARM_SEQUENCE) | index);
}

/* Section 4.8: once for each request that was PENDING. */
VOID NTAPI MiniportAllocateComplete(NDIS_HANDLE MiniportAdapterContext, PVOID VirtualAddress,
				    PNDIS_PHYSICAL_ADDRESS PhysicalAddress, ULONG Length, PVOID Context)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	UNREFERENCED_PARAMETER(Length);
	nic->kind->allocated(nic, VirtualAddress, PhysicalAddress, Context);
}

/*
 * Datasheet section 7, in the deferred half's own context so that the words have one writer:
 * 1. the arm words, each with what the driver has consumed and a sequence unlike the last;
 * 2. full barrier, and a second look. An awake card that sees an arm word behind its index fires at once, so what
 *    completed before step 1 is not lost; a sleeping one is kicked for it.
 */
VOID NTAPI MiniportEnableInterrupt(NDIS_HANDLE MiniportAdapterContext)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	if (nic->gone)
		return;
	nic->arm_sequence++;
	nic->kind->arm(nic);
	nic_arm(nic, NICRIG_EVENT_BASE + NICRIG_EVENT_EVENT_ARM, nic->event);

	/* The arm words must be visible before the second look: the card publishes, then reads them. */
	KeMemoryBarrier();
	if (nic->kind->pending(nic) ||
	    (USHORT)nic_word_read(nic, NICRIG_EVENT_BASE + NICRIG_EVENT_EVENT) != nic->event)
		nic_kick_if_asleep(nic);
}

/* Any level: ENABLE 0 disarms; an interrupt that is already under way is harmless. */
VOID NTAPI MiniportDisableInterrupt(NDIS_HANDLE MiniportAdapterContext)
{
	struct nic_adapter *nic = MiniportAdapterContext;

	nic->kind->disarm(nic);
	nic_word_write(nic, NICRIG_EVENT_BASE + NICRIG_EVENT_EVENT_ARM, 0);
}
