// SPDX-License-Identifier: GPL-2.0-or-later
/* Object identifiers: what NDIS can query and set (docs/ndis51.md section 4.8). */
#include "miniport.h"
#include "nicrig_oid.h"

#define NIC_DRIVER_VERSION      0x0501          /* NDIS 5.1, the form that OID_GEN_DRIVER_VERSION has */
#define NIC_VENDOR_VERSION      0x00010000
#define NIC_VENDOR_ID           0x00ffffff      /* no IEEE-assigned code */
#define NIC_LINK_SPEED          100000000       /* 10 Gbit/s in units of 100 bit/s: the card's nominal speed */
#define NIC_PACKET_FILTERS \
	(NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST | \
	 NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_PROMISCUOUS)

static const NDIS_OID nic_oids[] = {
	OID_GEN_SUPPORTED_LIST, OID_GEN_HARDWARE_STATUS, OID_GEN_MEDIA_SUPPORTED, OID_GEN_MEDIA_IN_USE,
	OID_GEN_MAXIMUM_LOOKAHEAD, OID_GEN_MAXIMUM_FRAME_SIZE, OID_GEN_LINK_SPEED, OID_GEN_TRANSMIT_BUFFER_SPACE,
	OID_GEN_RECEIVE_BUFFER_SPACE, OID_GEN_TRANSMIT_BLOCK_SIZE, OID_GEN_RECEIVE_BLOCK_SIZE, OID_GEN_VENDOR_ID,
	OID_GEN_VENDOR_DESCRIPTION, OID_GEN_CURRENT_PACKET_FILTER, OID_GEN_CURRENT_LOOKAHEAD, OID_GEN_DRIVER_VERSION,
	OID_GEN_MAXIMUM_TOTAL_SIZE, OID_GEN_MAC_OPTIONS, OID_GEN_MEDIA_CONNECT_STATUS, OID_GEN_MAXIMUM_SEND_PACKETS,
	OID_GEN_VENDOR_DRIVER_VERSION, OID_GEN_XMIT_OK, OID_GEN_RCV_OK, OID_GEN_XMIT_ERROR, OID_GEN_RCV_ERROR,
	OID_GEN_RCV_NO_BUFFER, OID_802_3_PERMANENT_ADDRESS, OID_802_3_CURRENT_ADDRESS, OID_802_3_MULTICAST_LIST,
	OID_802_3_MAXIMUM_LIST_SIZE, OID_PNP_CAPABILITIES,
	OID_PNP_SET_POWER, OID_PNP_QUERY_POWER, OID_NICRIG_CARD_COUNTERS,
};

/* The card wakes nothing. */
static const NDIS_PNP_CAPABILITIES nic_power;

static NDIS_STATUS nic_answer(PVOID to, ULONG room, const VOID *from, ULONG length, PULONG written, PULONG needed)
{
	*written = 0;
	*needed = length;
	if (room < length)
		return NDIS_STATUS_BUFFER_TOO_SHORT;
	NdisMoveMemory(to, from, length);
	*written = length;
	return NDIS_STATUS_SUCCESS;
}

static ULONG nic_media_state(struct nic_adapter *nic)
{
	nic->link = !nic->gone && nic_link_up(nic);
	return nic->link ? NdisMediaStateConnected : NdisMediaStateDisconnected;
}

/* The identifiers whose answer is one ULONG; FALSE for any other. */
static BOOLEAN nic_query_ulong(struct nic_adapter *nic, NDIS_OID oid, PULONG value)
{
	switch (oid) {
	case OID_GEN_HARDWARE_STATUS:
		*value = nic->gone ? NdisHardwareStatusNotReady : NdisHardwareStatusReady;
		return TRUE;
	case OID_GEN_MEDIA_SUPPORTED:
	case OID_GEN_MEDIA_IN_USE:
		*value = NdisMedium802_3;
		return TRUE;
	case OID_GEN_MAXIMUM_LOOKAHEAD:
	case OID_GEN_CURRENT_LOOKAHEAD:
	case OID_GEN_MAXIMUM_FRAME_SIZE:
		/* Without header, and without the VLAN tags that FRAME_MAX leaves room for. */
		*value = NICRIG_FRAME_MAX - NIC_ETHERNET_HEADER - NIC_VLAN_TAGS;
		return TRUE;
	case OID_GEN_MAXIMUM_TOTAL_SIZE:
		*value = NICRIG_FRAME_MAX - NIC_VLAN_TAGS;
		return TRUE;
	case OID_GEN_LINK_SPEED:
		*value = NIC_LINK_SPEED;
		return TRUE;
	case OID_GEN_TRANSMIT_BLOCK_SIZE:
		*value = NICRIG_FRAME_MAX;
		return TRUE;
	case OID_GEN_RECEIVE_BLOCK_SIZE:
		*value = NIC_FRAME_BYTES;
		return TRUE;
	case OID_GEN_TRANSMIT_BUFFER_SPACE:
		*value = nic->tx_frames * NICRIG_FRAME_MAX;
		return TRUE;
	case OID_GEN_RECEIVE_BUFFER_SPACE:
		*value = nic->rx_frames * NIC_FRAME_BYTES;
		return TRUE;
	case OID_GEN_VENDOR_ID:
		*value = NIC_VENDOR_ID;
		return TRUE;
	case OID_GEN_VENDOR_DRIVER_VERSION:
		*value = NIC_VENDOR_VERSION;
		return TRUE;
	case OID_GEN_CURRENT_PACKET_FILTER:
		*value = nic->packet_filter;
		return TRUE;
	case OID_GEN_MAC_OPTIONS:
		*value = NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA | NDIS_MAC_OPTION_TRANSFERS_NOT_PEND |
			 NDIS_MAC_OPTION_NO_LOOPBACK | nic->kind->mac_options;
		return TRUE;
	case OID_GEN_MEDIA_CONNECT_STATUS:
		*value = nic_media_state(nic);
		return TRUE;
	case OID_802_3_MAXIMUM_LIST_SIZE:
		*value = NIC_MULTICAST_MAX;
		return TRUE;
	case OID_GEN_MAXIMUM_SEND_PACKETS:
		*value = NIC_BATCH;
		return TRUE;
	default:
		return FALSE;
	}
}

/* Frame counters, 64 bits wide; FALSE for any other identifier. */
static BOOLEAN nic_query_statistic(struct nic_adapter *nic, NDIS_OID oid, PULONG64 value)
{
	switch (oid) {
	case OID_GEN_XMIT_OK:
		*value = nic->statistics.tx_ok;
		return TRUE;
	case OID_GEN_RCV_OK:
		*value = nic->statistics.rx_ok;
		return TRUE;
	case OID_GEN_XMIT_ERROR:
		*value = nic->statistics.tx_error;
		return TRUE;
	case OID_GEN_RCV_ERROR:
		*value = nic->statistics.rx_error;
		return TRUE;
	case OID_GEN_RCV_NO_BUFFER:
		*value = nic->gone ? 0 : nic_counter(nic, NICRIG_COUNTER_RX_NO_BUFFER);
		return TRUE;
	default:
		return FALSE;
	}
}

/* Section 4.8: a statistic has 32 or 64 bits, depending on the caller's buffer. */
static NDIS_STATUS nic_answer_statistic(PVOID to, ULONG room, ULONG64 value, PULONG written, PULONG needed)
{
	ULONG low = (ULONG)value;
	NDIS_STATUS status;

	if (room >= sizeof(value))
		return nic_answer(to, room, &value, sizeof(value), written, needed);
	status = nic_answer(to, room, &low, sizeof(low), written, needed);
	*needed = sizeof(value);
	return status;
}

static NDIS_STATUS nic_answer_counters(struct nic_adapter *nic, PVOID to, ULONG room, PULONG written, PULONG needed)
{
	ULONG64 counters[NICRIG_COUNTERS];
	ULONG i;

	if (nic->gone || !nic_answers(nic))
		return NDIS_STATUS_ADAPTER_REMOVED;
	for (i = 0; i < NICRIG_COUNTERS; i++)
		counters[i] = nic_counter(nic, i);
	return nic_answer(to, room, counters, sizeof(counters), written, needed);
}

NDIS_STATUS NTAPI MiniportQueryInformation(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
					   ULONG InformationBufferLength, PULONG BytesWritten, PULONG BytesNeeded)
{
	struct nic_adapter *nic = MiniportAdapterContext;
	USHORT version = NIC_DRIVER_VERSION;
	ULONG64 statistic;
	ULONG value;

	if (nic_query_ulong(nic, Oid, &value))
		return nic_answer(InformationBuffer, InformationBufferLength, &value, sizeof(value), BytesWritten,
				  BytesNeeded);
	if (nic_query_statistic(nic, Oid, &statistic))
		return nic_answer_statistic(InformationBuffer, InformationBufferLength, statistic, BytesWritten,
					    BytesNeeded);
	switch (Oid) {
	case OID_GEN_SUPPORTED_LIST:
		return nic_answer(InformationBuffer, InformationBufferLength, nic_oids, sizeof(nic_oids), BytesWritten,
				  BytesNeeded);
	case OID_GEN_VENDOR_DESCRIPTION:
		return nic_answer(InformationBuffer, InformationBufferLength, nic->kind->description,
				  nic->kind->description_bytes, BytesWritten, BytesNeeded);
	case OID_GEN_DRIVER_VERSION:
		return nic_answer(InformationBuffer, InformationBufferLength, &version, sizeof(version), BytesWritten,
				  BytesNeeded);
	case OID_802_3_PERMANENT_ADDRESS:
	case OID_802_3_CURRENT_ADDRESS:
		return nic_answer(InformationBuffer, InformationBufferLength, nic->address, sizeof(nic->address),
				  BytesWritten, BytesNeeded);
	case OID_802_3_MULTICAST_LIST:
		return nic_answer(InformationBuffer, InformationBufferLength, nic->multicast, nic->multicast_bytes,
				  BytesWritten, BytesNeeded);
	case OID_PNP_CAPABILITIES:
		return nic_answer(InformationBuffer, InformationBufferLength, &nic_power, sizeof(nic_power),
				  BytesWritten, BytesNeeded);
	case OID_PNP_QUERY_POWER:
		/* Any state will do: there is nothing to say besides the status. */
		return nic_answer(InformationBuffer, InformationBufferLength, NULL, 0, BytesWritten, BytesNeeded);
	case OID_NICRIG_CARD_COUNTERS:
		return nic_answer_counters(nic, InformationBuffer, InformationBufferLength, BytesWritten, BytesNeeded);
	default:
		*BytesWritten = 0;
		*BytesNeeded = 0;
		return NDIS_STATUS_NOT_SUPPORTED;
	}
}

/* The card has no filter: any type opens the receiver, no type closes it. */
static VOID nic_set_packet_filter(struct nic_adapter *nic, ULONG filter)
{
	nic->packet_filter = filter;
	if (nic->gone)
		return;
	if (filter)
		nic_control(nic, nic->control_bits | NICRIG_CARD_CONTROL_RECEIVE);
	else
		nic_control(nic, nic->control_bits & ~NICRIG_CARD_CONTROL_RECEIVE);
}

/* Kept to be answered: the card has no filter, so frames for other groups come too, and the protocol drops them. */
static NDIS_STATUS nic_set_multicast(struct nic_adapter *nic, const VOID *addresses, ULONG length, PULONG read)
{
	if (length % NIC_ADDRESS_BYTES)
		return NDIS_STATUS_INVALID_LENGTH;
	if (length > sizeof(nic->multicast))
		return NDIS_STATUS_MULTICAST_FULL;
	NdisMoveMemory(nic->multicast, addresses, length);
	nic->multicast_bytes = length;
	*read = length;
	return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NTAPI MiniportSetInformation(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
					 ULONG InformationBufferLength, PULONG BytesRead, PULONG BytesNeeded)
{
	struct nic_adapter *nic = MiniportAdapterContext;
	ULONG value;

	*BytesRead = 0;
	*BytesNeeded = 0;
	if (Oid == OID_802_3_MULTICAST_LIST)
		return nic_set_multicast(nic, InformationBuffer, InformationBufferLength, BytesRead);
	if (Oid != OID_GEN_CURRENT_PACKET_FILTER && Oid != OID_GEN_CURRENT_LOOKAHEAD && Oid != OID_PNP_SET_POWER)
		return NDIS_STATUS_NOT_SUPPORTED;
	if (InformationBufferLength < sizeof(value)) {
		*BytesNeeded = sizeof(value);
		return NDIS_STATUS_INVALID_LENGTH;
	}
	NdisMoveMemory(&value, InformationBuffer, sizeof(value));
	*BytesRead = sizeof(value);
	if (Oid == OID_PNP_SET_POWER)
		return nic_set_power(nic, (NDIS_DEVICE_POWER_STATE)value);
	/* Whole frames are indicated, so every lookahead is met. */
	if (Oid == OID_GEN_CURRENT_LOOKAHEAD)
		return NDIS_STATUS_SUCCESS;
	if (value & ~(ULONG)NIC_PACKET_FILTERS)
		return NDIS_STATUS_NOT_SUPPORTED;
	nic_set_packet_filter(nic, value);
	return NDIS_STATUS_SUCCESS;
}
