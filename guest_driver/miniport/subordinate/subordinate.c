// SPDX-License-Identifier: GPL-2.0-or-later
/* The subordinate kind: what it claims and in which order (docs/ndis51.md section 8.2), and its table. */
#include "subordinate.h"

/* Each of the channel's buffers: the largest transfer, otherwise halved, down to a page: two of the longest frames. */
#define BYTES                   NICRIG_BUFFER_MAX
#define BYTES_MIN               4096
#define BUFFERS                 2
#define CHANNEL_MEMORY          (NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED)
#define DMA32                   TRUE

C_ASSERT(BYTES_MIN >= NICRIG_PACK_PREFIX + NICRIG_FRAME_MAX + NICRIG_PACK_ALIGNMENT);

/* Plain memory does as well: it is cached, and NDIS flushes it for each transfer (section 3). */
static VOID subordinate_configure(struct nic_adapter *nic, NDIS_HANDLE configuration)
{
	BOOLEAN cached = nic_read_number(configuration, L"CachedMemory", FALSE) != 0;

	to_subordinate(nic)->memory_flags = cached ? 0 : CHANNEL_MEMORY;
}

static NDIS_STATUS allocate_memory(PUCHAR *memory, ULONG bytes, UINT flags)
{
	NDIS_PHYSICAL_ADDRESS highest;
	NDIS_STATUS status;
	PVOID va;

	/* The highest address of a channel with 32-bit addresses (R105); without CONTIGUOUS there is no bound (4.1). */
	highest.QuadPart = -1;
	if (flags & NDIS_MEMORY_CONTIGUOUS)
		highest.QuadPart = 0xffffffff;
	status = NdisAllocateMemory(&va, bytes, flags, highest);
	*memory = va;
	return status;
}

static NDIS_STATUS allocate_both(struct nic_adapter *nic, ULONG bytes)
{
	struct subordinate *card = to_subordinate(nic);
	NDIS_STATUS status;

	status = allocate_memory(&card->rx.memory, bytes, card->memory_flags);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	status = allocate_memory(&card->tx.memory, bytes, card->memory_flags);
	if (status != NDIS_STATUS_SUCCESS)
		NdisFreeMemory(card->rx.memory, bytes, card->memory_flags);
	card->bytes = bytes;
	return status;
}

/* Before the attributes: scarce memory, which only MiniportInitialize may ask for (R06). */
static NDIS_STATUS subordinate_allocate(struct nic_adapter *nic)
{
	return nic_allocate_halving(nic, BYTES, BYTES_MIN, allocate_both);
}

static VOID subordinate_free(struct nic_adapter *nic)
{
	struct subordinate *card = to_subordinate(nic);

	NdisFreeMemory(card->tx.memory, card->bytes, card->memory_flags);
	NdisFreeMemory(card->rx.memory, card->bytes, card->memory_flags);
}

/* The NDIS_BUFFERs over the two buffers. */
static NDIS_STATUS describe_buffers(struct subordinate *card)
{
	NDIS_STATUS status;

	NdisAllocateBufferPool(&status, &card->buffer_pool, BUFFERS);
	if (status != NDIS_STATUS_SUCCESS)
		return NDIS_STATUS_RESOURCES;
	NdisAllocateBuffer(&status, &card->rx.buffer, card->buffer_pool, card->rx.memory, card->bytes);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_pool;
	NdisAllocateBuffer(&status, &card->tx.buffer, card->buffer_pool, card->tx.memory, card->bytes);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_rx;
	return NDIS_STATUS_SUCCESS;

have_rx:
	NdisFreeBuffer(card->rx.buffer);
have_pool:
	NdisFreeBufferPool(card->buffer_pool);
	return NDIS_STATUS_RESOURCES;
}

static VOID free_buffers(struct subordinate *card)
{
	NdisFreeBuffer(card->tx.buffer);
	NdisFreeBuffer(card->rx.buffer);
	NdisFreeBufferPool(card->buffer_pool);
}

/* The function's only channel. */
static NDIS_STATUS register_channel(struct subordinate *card)
{
	NDIS_DMA_DESCRIPTION description;

	NdisZeroMemory(&description, sizeof(description));
	description.DmaWidth = Width32Bits;
	description.DmaSpeed = Compatible;
	return NdisMRegisterDmaChannel(&card->channel, card->nic.handle, 0, DMA32, &description, card->bytes);
}

static NDIS_STATUS create_batch(struct nic_adapter *nic, ULONG size)
{
	return nic_batch_create(&to_subordinate(nic)->batch, size);
}

static NDIS_STATUS subordinate_claim(struct nic_adapter *nic)
{
	struct subordinate *card = to_subordinate(nic);
	NDIS_STATUS status;

	status = describe_buffers(card);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	status = register_channel(card);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_buffers;
	status = nic_allocate_halving(nic, NIC_BATCH, NIC_BATCH_MIN, create_batch);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_channel;
	nic->rx_frames = NICRIG_FIFO_FRAMES;
	/* A batch in the send buffer, and one that collects meanwhile. */
	nic->tx_frames = 2 * NIC_BATCH;
	return NDIS_STATUS_SUCCESS;

have_channel:
	NdisMDeregisterDmaChannel(card->channel);
have_buffers:
	free_buffers(card);
	return status;
}

static VOID subordinate_release(struct nic_adapter *nic)
{
	struct subordinate *card = to_subordinate(nic);

	nic_batch_destroy(&card->batch);
	NdisMDeregisterDmaChannel(card->channel);
	free_buffers(card);
}

/* The channel is idle, both sides count from 0, and nothing needs to be posted: the first frame interrupts. */
static NDIS_STATUS subordinate_start(struct nic_adapter *nic)
{
	UNREFERENCED_PARAMETER(nic);
	return NDIS_STATUS_SUCCESS;
}

static const CHAR description[] = "nicrig subordinate-DMA network card";

const struct nic_kind nic_subordinate = {
	.device = NICRIG_DEVICE_ID_SUBORDINATE,
	.description = description,
	.description_bytes = sizeof(description),
	.bytes = sizeof(struct subordinate),
	.words_bytes = NICRIG_BAR_BYTES,
	.access = &nic_mapped_access,
	.configure = subordinate_configure,
	.allocate = subordinate_allocate,
	.claim = subordinate_claim,
	.release = subordinate_release,
	.free = subordinate_free,
	.start = subordinate_start,
	.push = subordinate_push,
	.reap = subordinate_reap,
	.abandon = subordinate_abandon,
	.receive = subordinate_receive,
	.arm = subordinate_arm,
	.disarm = subordinate_disarm,
	.pending = subordinate_pending,
	.receiving = subordinate_receiving,
};
