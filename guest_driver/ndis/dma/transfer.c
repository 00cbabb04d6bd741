// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets between protocol and miniport: send, complete, indicate, return, status (docs/ndis51.md section 4.8). */
#include "../layer.h"

#define NDIS_MASK_BITS 64

static void send_done(struct ndis_adapter *adapter, struct ndis_packet *packet, NDIS_STATUS status)
{
	struct ndis_caller before = ndis_enter_phase(NDIS_PHASE_PROTOCOL);

	packet->owner = NDIS_PACKET_IDLE;
	adapter->protocol->send_complete(adapter->protocol_context, &packet->packet, status);
	ndis_leave_phase(before);
}

static void record_elements(PNDIS_PACKET packet, const SCATTER_GATHER_LIST *list)
{
	UINT i;

	for (i = 0; list && i < list->NumberOfElements; i++)
		ndis_record_if(NDIS_DETAIL_OF_ScatterGatherElement, NDIS_FN_ScatterGatherElement, NDIS_KIND_CALL, 0,
			       packet, i, list->Elements[i].Address.QuadPart, list->Elements[i].Length, 0);
}

static void record_sends(PPNDIS_PACKET packets, UINT count, unsigned long site)
{
	UINT i;

	if (ndis_recorder_detail < NDIS_DETAIL_FRAMES)
		return;
	for (i = 0; i < count; i++) {
		SCATTER_GATHER_LIST *list = to_ndis_packet(packets[i])->list;
		NDIS_PACKET_PRIVATE *private = &packets[i]->Private;

		ndis_packet_recount(packets[i]);
		ndis_packet_hold(to_ndis_packet(packets[i]));
		ndis_record_if(NDIS_DETAIL_FRAMES, NDIS_FN_MiniportSendPackets, NDIS_KIND_ENTER, site, packets[i],
			       private->Head, private->TotalLength, list ? list->NumberOfElements : 0,
			       ndis_digest(to_ndis_packet(packets[i]), NDIS_PACKET_SENT));
		record_elements(packets[i], list);
	}
}

/*
 * Maps every packet, then hands the array down in one call. Completes a packet that cannot be mapped, and moves the
 * rest up, so that the order stays (R87). A deserialized miniport accepts every packet (4.2): its out-of-band status
 * means nothing, and each packet comes back through NdisMSendComplete. DISPATCH_LEVEL.
 */
VOID NdisSendPackets(NDIS_HANDLE NdisBindingHandle, PPNDIS_PACKET PacketArray, UINT NumberOfPackets)
{
	struct ndis_adapter *adapter = NdisBindingHandle;
	struct ndis_caller before;
	UINT i, mapped = 0;

	ndis_cache_tick();
	for (i = 0; i < NumberOfPackets; i++) {
		struct ndis_packet *packet = to_ndis_packet(PacketArray[i]);
		NDIS_STATUS status;

		packet->adapter = adapter;
		status = ndis_packet_map(adapter, packet);
		if (status != NDIS_STATUS_SUCCESS) {
			send_done(adapter, packet, status);
			continue;
		}
		packet->owner = NDIS_PACKET_SENT;
		PacketArray[mapped++] = PacketArray[i];
	}
	if (!mapped)
		return;
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	record_sends(PacketArray, mapped, ndis_handler_site(adapter->miniport->SendPacketsHandler));
	adapter->miniport->SendPacketsHandler(adapter->context, PacketArray, mapped);
	ndis_leave(MiniportSendPackets, adapter->miniport->SendPacketsHandler, before, 0);
}

/* Section 4.8: once for each packet. Its scatter-gather list is invalid afterwards (R84, R88). <= DISPATCH_LEVEL. */
VOID NdisMSendComplete(NDIS_HANDLE MiniportAdapterHandle, PNDIS_PACKET Packet, NDIS_STATUS Status)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_packet *packet = to_ndis_packet(Packet);

	ndis_record(NdisMSendComplete, Packet, Status, ndis_packet_changed(packet), 0,
		    ndis_digest(packet, NDIS_PACKET_SENT));
	ndis_cache_tick();
	if (WARN_ON_ONCE(packet->owner != NDIS_PACKET_SENT || packet->adapter != adapter))
		return;
	ndis_packet_unmap(adapter, packet);
	packet->given_by = NDIS_FN_NdisMSendComplete;
	packet->given_at = _RET_IP_;
	send_done(adapter, packet, Status);
}

static __always_inline void record_indications(PPNDIS_PACKET packets, UINT count)
{
	UINT i;

	if (ndis_recorder_detail < NDIS_DETAIL_FRAMES)
		return;
	for (i = 0; i < count; i++) {
		NDIS_PACKET_PRIVATE *private = &packets[i]->Private;

		ndis_packet_recount(packets[i]);
		ndis_record(NdisMIndicateReceivePacket, packets[i], private->Head, private->TotalLength,
			    NDIS_GET_PACKET_STATUS(packets[i]),
			    ndis_digest(to_ndis_packet(packets[i]), NDIS_PACKET_IDLE));
	}
}

/* Records which of up to 64 packets the protocol keeps. */
static __always_inline void record_kept(PPNDIS_PACKET packets, UINT count)
{
	UINT first, i;

	if (ndis_recorder_detail < NDIS_DETAIL_FRAMES)
		return;
	for (first = 0; first < count; first += NDIS_MASK_BITS) {
		UINT some = min(count - first, NDIS_MASK_BITS);
		u64 kept = 0;

		for (i = 0; i < some; i++)
			if (NDIS_GET_PACKET_STATUS(packets[first + i]) == NDIS_STATUS_PENDING)
				kept |= BIT_ULL(i);
		ndis_record_if(NDIS_DETAIL_FRAMES, NDIS_FN_NdisMIndicateReceivePacket, NDIS_KIND_LEAVE, _RET_IP_,
			       first, kept, some, 0, 0);
	}
}

/*
 * Section 4.8: after the call the protocol owns each packet with status PENDING until NdisReturnPackets; the miniport
 * owns the others again. Leaves out a packet that the protocol still has (R81). <= DISPATCH_LEVEL.
 */
VOID NdisMIndicateReceivePacket(NDIS_HANDLE MiniportAdapterHandle, PPNDIS_PACKET ReceivePackets,
				UINT NumberOfPackets)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_caller before;
	UINT i;

	record_indications(ReceivePackets, NumberOfPackets);
	ndis_cache_tick();
	for (i = 0; i < NumberOfPackets; i++) {
		struct ndis_packet *packet = to_ndis_packet(ReceivePackets[i]);

		if (WARN_ON_ONCE(packet->owner != NDIS_PACKET_IDLE))
			return;
		packet->adapter = adapter;
		packet->owner = NDIS_PACKET_INDICATED;
		if (ndis_recorder_detail >= NDIS_DETAIL_FRAMES)
			ndis_packet_hold(packet);
	}
	before = ndis_enter_phase(NDIS_PHASE_PROTOCOL);
	adapter->protocol->receive(adapter->protocol_context, ReceivePackets, NumberOfPackets);
	ndis_leave_phase(before);
	record_kept(ReceivePackets, NumberOfPackets);
	for (i = 0; i < NumberOfPackets; i++)
		if (NDIS_GET_PACKET_STATUS(ReceivePackets[i]) != NDIS_STATUS_PENDING)
			to_ndis_packet(ReceivePackets[i])->owner = NDIS_PACKET_IDLE;
}

/* Gives back packets that were marked PENDING, and only those (R124). DISPATCH_LEVEL. */
VOID NdisReturnPackets(PNDIS_PACKET *PacketsToReturn, UINT NumberOfPackets)
{
	UINT i;

	for (i = 0; i < NumberOfPackets; i++) {
		struct ndis_packet *packet = to_ndis_packet(PacketsToReturn[i]);
		struct ndis_adapter *adapter = packet->adapter;
		struct ndis_caller before;
		enum ndis_part changed;

		if (WARN_ON_ONCE(packet->owner != NDIS_PACKET_INDICATED))
			continue;
		changed = ndis_packet_changed(packet);
		packet->owner = NDIS_PACKET_IDLE;
		before = ndis_enter_phase(NDIS_PHASE_RUN);
		ndis_entered(MiniportReturnPacket, adapter->miniport->ReturnPacketHandler, &packet->packet, changed,
			     0, 0);
		adapter->miniport->ReturnPacketHandler(adapter->context, &packet->packet);
		ndis_leave_quietly(MiniportReturnPacket, adapter->miniport->ReturnPacketHandler, before);
	}
}

/* <= DISPATCH_LEVEL. The protocol here needs no status buffer, so none is passed on. */
VOID NdisMIndicateStatus(NDIS_HANDLE MiniportAdapterHandle, NDIS_STATUS GeneralStatus, PVOID StatusBuffer,
			 UINT StatusBufferSize)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;

	ndis_record(NdisMIndicateStatus, GeneralStatus, 0, 0, 0, 0);
	UNREFERENCED_PARAMETER(StatusBuffer);
	UNREFERENCED_PARAMETER(StatusBufferSize);
	adapter->protocol->status(adapter->protocol_context, GeneralStatus);
}

/* Ends a run of status indications. The protocol here acts on each one at once. */
VOID NdisMIndicateStatusComplete(NDIS_HANDLE MiniportAdapterHandle)
{
	UNREFERENCED_PARAMETER(MiniportAdapterHandle);
	ndis_record(NdisMIndicateStatusComplete, 0, 0, 0, 0, 0);
}
