/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receives of the kinds whose frames the driver copies: packets with plain memory of their own, indicated as one array
 * with the out-of-band status RESOURCES: they are the driver's again when that returns (docs/ndis51.md section 4.8).
 */
#ifndef NICRIG_BATCH_H
#define NICRIG_BATCH_H

#include "miniport.h"

#define NIC_BATCH_MIN           8

struct nic_batch {
	ULONG size;             /* packets, NIC_BATCH_MIN to NIC_BATCH */
	ULONG count;            /* of them filled */
	PUCHAR memory;          /* NIC_FRAME_BYTES for each packet */
	NDIS_HANDLE packet_pool;
	NDIS_HANDLE buffer_pool;
	PNDIS_PACKET packets[NIC_BATCH];
	PNDIS_BUFFER buffers[NIC_BATCH];
};

/* PASSIVE_LEVEL. All of one size, or nothing. */
NDIS_STATUS nic_batch_create(struct nic_batch *batch, ULONG size);
VOID nic_batch_destroy(struct nic_batch *batch);

/* Where to copy the next frame, and that it was copied. A full batch is indicated first. */
static inline PVOID nic_batch_room(const struct nic_batch *batch)
{
	return batch->memory + batch->count * NIC_FRAME_BYTES;
}

static inline BOOLEAN nic_batch_full(const struct nic_batch *batch)
{
	return batch->count == batch->size;
}

VOID nic_batch_add(struct nic_batch *batch, ULONG length);

/* DISPATCH_LEVEL, no lock held. */
VOID nic_batch_indicate(struct nic_adapter *nic, struct nic_batch *batch);

#endif /* NICRIG_BATCH_H */
