// SPDX-License-Identifier: GPL-2.0-or-later
/* The send path of every kind: accept, wait, complete, abort (docs/ndis51.md section 4.8). */
#include "miniport.h"

/* Stores the result in the out-of-band block, where NDIS and the miniport find it. Lock held. */
VOID nic_send_done(struct nic_adapter *nic, struct nic_packets *done, PNDIS_PACKET packet, NDIS_STATUS status)
{
	if (status == NDIS_STATUS_SUCCESS)
		nic->statistics.tx_ok++;
	else
		nic->statistics.tx_error++;
	nic->sends.outstanding--;
	nic->sends.completed++;
	NDIS_SET_PACKET_STATUS(packet, status);
	nic_packets_add(done, packet);
}

/* No lock held (R67). */
VOID nic_send_complete(struct nic_adapter *nic, struct nic_packets *done)
{
	PNDIS_PACKET packet;

	while ((packet = nic_packets_take(done)))
		NdisMSendComplete(nic->handle, packet, NDIS_GET_PACKET_STATUS(packet));
}

/* Fails what the card would refuse, with a status that says why (datasheet section 9). */
static NDIS_STATUS nic_send_check(const struct nic_adapter *nic, PNDIS_PACKET packet)
{
	UINT length;

	if (nic->gone)
		return NDIS_STATUS_FAILURE;
	NdisQueryPacket(packet, NULL, NULL, NULL, &length);
	if (length < NICRIG_FRAME_MIN || length > NICRIG_FRAME_MAX)
		return NDIS_STATUS_INVALID_LENGTH;
	return nic->kind->check ? nic->kind->check(nic, packet) : NDIS_STATUS_PENDING;
}

/*
 * Section 4.8, deserialized: every packet is accepted, its order kept, and each is completed by NdisMSendComplete.
 * One hand-over to the card for the whole array.
 */
VOID NTAPI MiniportSendPackets(NDIS_HANDLE MiniportAdapterContext, PPNDIS_PACKET PacketArray, UINT NumberOfPackets)
{
	struct nic_adapter *nic = MiniportAdapterContext;
	struct nic_packets done = { NULL, NULL };
	UINT i;

	NdisAcquireSpinLock(&nic->sends.lock);
	for (i = 0; i < NumberOfPackets; i++) {
		NDIS_STATUS status = nic_send_check(nic, PacketArray[i]);

		nic->sends.outstanding++;
		if (status != NDIS_STATUS_PENDING) {
			nic_send_done(nic, &done, PacketArray[i], status);
			continue;
		}
		NDIS_SET_PACKET_STATUS(PacketArray[i], NDIS_STATUS_PENDING);
		nic_packets_add(&nic->sends.waiting, PacketArray[i]);
	}
	if (!nic->gone)
		nic->kind->push(nic, &done);
	NdisReleaseSpinLock(&nic->sends.lock);

	nic_send_complete(nic, &done);
}

/* DISPATCH_LEVEL: completes what the card is done with, and hands over what fits now. */
VOID nic_send_poll(struct nic_adapter *nic)
{
	struct nic_packets done = { NULL, NULL };

	if (!nic->sends.outstanding)
		return;
	NdisDprAcquireSpinLock(&nic->sends.lock);
	nic->kind->reap(nic, &done);
	nic->kind->push(nic, &done);
	NdisDprReleaseSpinLock(&nic->sends.lock);

	nic_send_complete(nic, &done);
}

/* The card is reset or gone: completes all packets that it had or that waited (R29). */
VOID nic_send_abort(struct nic_adapter *nic, NDIS_STATUS status)
{
	struct nic_packets done = { NULL, NULL };
	PNDIS_PACKET packet;

	NdisAcquireSpinLock(&nic->sends.lock);
	nic->kind->abandon(nic, &done, status);
	while ((packet = nic_packets_take(&nic->sends.waiting)))
		nic_send_done(nic, &done, packet, status);
	nic->sends.hang_checks = 0;
	NdisReleaseSpinLock(&nic->sends.lock);

	nic_send_complete(nic, &done);
}

/* Sends that make no progress over several checks mean that the card, or an interrupt, was lost. */
BOOLEAN nic_send_hangs(struct nic_adapter *nic)
{
	struct nic_sends *sends = &nic->sends;
	BOOLEAN hangs;

	NdisAcquireSpinLock(&sends->lock);
	if (!sends->outstanding || sends->completed != sends->hang_completed)
		sends->hang_checks = 0;
	else
		sends->hang_checks++;
	sends->hang_completed = sends->completed;
	hangs = sends->hang_checks >= NIC_HANG_CHECKS;
	NdisReleaseSpinLock(&sends->lock);
	return hangs;
}
