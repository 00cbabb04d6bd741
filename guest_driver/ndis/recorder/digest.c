// SPDX-License-Identifier: GPL-2.0-or-later
/* The CPU's witness: the CRC32C of a packet's bytes as the CPU sees them now, and if asked for the bytes themselves. */
#include <linux/crc32.h>
#include <linux/rcupdate.h>

#include "../layer.h"

/* Cuts what does not fit into a slot: the digest shows a reader that the bytes are not whole. */
static void keep(u8 *slot, PNDIS_BUFFER buffer)
{
	size_t at = 0;

	for (; buffer && at < NICRIG_RECORDER_SLOT_BYTES; buffer = buffer->Next) {
		size_t length = min_t(size_t, buffer->ByteCount, NICRIG_RECORDER_SLOT_BYTES - at);

		memcpy(slot + at, buffer->MappedSystemVa, length);
		at += length;
	}
}

static u32 keep_bytes(PNDIS_BUFFER buffer)
{
	u32 number = 0;
	u8 *slot;

	rcu_read_lock();
	slot = ndis_recorder_slot(&number);
	if (slot)
		keep(slot, buffer);
	rcu_read_unlock();
	return number;
}

/*
 * Uses the kernel's table, not the CPU's instruction: the table needs no further module and is faster on an emulated
 * CPU. 0 for a packet with another owner, whose chain may be invalid. Any level.
 */
u64 ndis_digest(const struct ndis_packet *packet, enum ndis_packet_owner owner)
{
	PNDIS_BUFFER buffer, first = packet->packet.Private.Head;
	u32 crc = ~0U, slot = 0;

	if (packet->owner != owner)
		return 0;
	for (buffer = first; buffer; buffer = buffer->Next)
		crc = __crc32c_le(crc, buffer->MappedSystemVa, buffer->ByteCount);
	if (ndis_recorder_detail >= NDIS_DETAIL_BYTES)
		slot = keep_bytes(first);
	return (u64)slot << 32 | (u32)~crc;
}
