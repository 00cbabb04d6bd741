/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The subordinate kind: the card moves packed frames by transfers on one DMA channel, which NDIS sets up for one of two
 * buffers (datasheet section 15; docs/ndis51.md section 8.2). transfer.c gives the channel to one direction; a frame
 * comes in by receive.c and goes out by send.c.
 *
 * sends.lock guards the channel and all of struct subordinate but the batch and the receive buffer, which are the
 * deferred half's while the channel is not theirs.
 */
#ifndef NICRIG_SUBORDINATE_H
#define NICRIG_SUBORDINATE_H

#include "../batch.h"

/* A buffer of the channel: contiguous, noncached memory that holds packed frames, and the NDIS_BUFFER over it. */
struct subordinate_buffer {
	PUCHAR memory;
	PNDIS_BUFFER buffer;
};

/* What the channel does. */
enum subordinate_state {
	SUBORDINATE_IDLE,
	SUBORDINATE_RECEIVING,  /* a transfer fills the receive buffer */
	SUBORDINATE_UNPACKING,  /* no transfer: its frames are being indicated, and their answers collect */
	SUBORDINATE_SENDING,    /* a transfer empties the send buffer */
};

struct subordinate {
	struct nic_adapter nic;
	UINT memory_flags;      /* of both buffers */
	ULONG bytes;                    /* of each of the two buffers */
	struct subordinate_buffer rx;
	struct subordinate_buffer tx;
	NDIS_HANDLE buffer_pool;
	NDIS_HANDLE channel;

	enum subordinate_state state;
	BOOLEAN sends_turn;             /* which direction is next if both want the channel */
	USHORT transfer;                /* number of the last transfer that was started */
	ULONG length;                   /* bytes of the transfer under way */
	struct nic_packets sent;        /* the packets in the send buffer, in order */
	struct nic_batch batch;
};
C_ASSERT(FIELD_OFFSET(struct subordinate, nic) == 0);

static inline struct subordinate *to_subordinate(const struct nic_adapter *nic)
{
	return CONTAINING_RECORD(nic, struct subordinate, nic);
}

/* Bytes that a frame takes in a buffer: its length, itself, and up to the next multiple of four. */
static inline ULONG subordinate_packed(ULONG length)
{
	return (NICRIG_PACK_PREFIX + length + NICRIG_PACK_ALIGNMENT - 1) & ~(ULONG)(NICRIG_PACK_ALIGNMENT - 1);
}

/* transfer.c */
BOOLEAN subordinate_over(struct subordinate *card);
NDIS_STATUS subordinate_begin(struct subordinate *card, ULONG length, BOOLEAN write);
NDIS_STATUS subordinate_end(struct subordinate *card, ULONG *frames);
VOID subordinate_push(struct nic_adapter *nic, struct nic_packets *done);
VOID subordinate_abandon(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status);
VOID subordinate_arm(struct nic_adapter *nic);
VOID subordinate_disarm(struct nic_adapter *nic);
BOOLEAN subordinate_pending(struct nic_adapter *nic);
BOOLEAN subordinate_receiving(struct nic_adapter *nic);

/* receive.c */
VOID subordinate_receive(struct nic_adapter *nic);

/* send.c */
VOID subordinate_send(struct subordinate *card, struct nic_packets *done);
VOID subordinate_reap(struct nic_adapter *nic, struct nic_packets *done);

#endif /* NICRIG_SUBORDINATE_H */
