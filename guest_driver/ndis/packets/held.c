// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the holder of a packet must leave as it is: the miniport from its send to its completion (R86), and everyone
 * while the protocol has what was indicated (R82). A digest of each part, at hand-over and when the packet comes back.
 */
#include <linux/crc32.h>

#include "../layer.h"

static u32 digest(u32 crc, const void *bytes, size_t length)
{
	return __crc32c_le(crc, bytes, length);
}

/* Without the counts and the flag that says they are valid, which every query may set. */
static u32 digest_descriptor(const NDIS_PACKET *packet)
{
	const NDIS_PACKET_PRIVATE *private = &packet->Private;
	const void *pointers[] = { private->Head, private->Tail, private->Pool };
	const u32 words[] = { private->Flags, private->NdisPacketFlags, private->NdisPacketOobOffset };
	u32 crc = digest(~0U, pointers, sizeof(pointers));

	crc = digest(crc, words, sizeof(words));
	crc = digest(crc, packet->WrapperReserved, sizeof(packet->WrapperReserved));
	return digest(crc, packet->Reserved, sizeof(packet->Reserved));
}

static u32 digest_buffers(const NDIS_PACKET *packet)
{
	u32 crc = ~0U;
	PNDIS_BUFFER buffer;

	for (buffer = packet->Private.Head; buffer; buffer = buffer->Next) {
		const u64 words[] = { (ULONG_PTR)buffer, (ULONG_PTR)buffer->MappedSystemVa, buffer->ByteCount };

		crc = digest(crc, words, sizeof(words));
	}
	return crc;
}

/* R86: the protocol's area is the protocol's own while it has what was indicated. */
static u32 digest_protocol(const NDIS_PACKET *packet, bool sent)
{
	size_t length = packet->Private.NdisPacketOobOffset - FIELD_OFFSET(NDIS_PACKET, ProtocolReserved);

	return sent ? digest(~0U, packet->ProtocolReserved, length) : 0;
}

/* Without the status, which both sides set. A miniport may store when it sent the packet. */
static u32 digest_oob(const NDIS_PACKET_OOB_DATA *oob, bool sent)
{
	const u64 words[] = { sent ? 0 : oob->TimeSent, oob->TimeReceived, oob->HeaderSize,
			      oob->SizeMediaSpecificInfo, (ULONG_PTR)oob->MediaSpecificInformation };

	return digest(~0U, words, sizeof(words));
}

static u32 digest_media(const NDIS_PACKET_OOB_DATA *oob)
{
	return oob->MediaSpecificInformation ?
	       digest(~0U, oob->MediaSpecificInformation, oob->SizeMediaSpecificInfo) : 0;
}

/* Without the answer that a miniport gives to a large send. */
static u32 digest_extension(const NDIS_PACKET_EXTENSION *extension)
{
	NDIS_PACKET_EXTENSION copy = *extension;

	copy.NdisPacketInfo[TcpLargeSendPacketInfo] = NULL;
	return digest(~0U, &copy, sizeof(copy));
}

static u32 digest_part(const struct ndis_packet *held, enum ndis_part part)
{
	const NDIS_PACKET *packet = &held->packet;
	bool sent = held->owner == NDIS_PACKET_SENT;

	switch (part) {
	case NDIS_PART_DESCRIPTOR:
		return digest_descriptor(packet);
	case NDIS_PART_BUFFERS:
		return digest_buffers(packet);
	case NDIS_PART_PROTOCOL:
		return digest_protocol(packet, sent);
	case NDIS_PART_OOB:
		return digest_oob(NDIS_OOB_DATA_FROM_PACKET(packet), sent);
	case NDIS_PART_MEDIA:
		return digest_media(NDIS_OOB_DATA_FROM_PACKET(packet));
	case NDIS_PART_EXTENSION:
		return digest_extension(NDIS_PACKET_EXTENSION_FROM_PACKET(packet));
	case NDIS_PART_NOTHING:
		break;
	}
	return 0;
}

void ndis_packet_hold(struct ndis_packet *packet)
{
	enum ndis_part part;

	for (part = NDIS_PART_DESCRIPTOR; part <= NDIS_PART_EXTENSION; part++)
		packet->digests[part] = digest_part(packet, part);
	packet->held = true;
}

/* Ends at the first: a later part is found by way of the earlier ones. A packet with another owner has no answer. */
enum ndis_part ndis_packet_changed(const struct ndis_packet *packet)
{
	enum ndis_part part;

	if (!packet->held || packet->owner < NDIS_PACKET_SENT)
		return NDIS_PART_NOTHING;
	for (part = NDIS_PART_DESCRIPTOR; part <= NDIS_PART_EXTENSION; part++)
		if (digest_part(packet, part) != packet->digests[part])
			return part;
	return NDIS_PART_NOTHING;
}
