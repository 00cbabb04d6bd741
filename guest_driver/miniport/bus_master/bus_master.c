// SPDX-License-Identifier: GPL-2.0-or-later
/* The bus-master kind: what it claims and in which order (docs/ndis51.md section 8.1), and its table. */
#include "bus_master.h"

#define RX_RING_DEFAULT         1024
#define TX_RING_DEFAULT         512
#define RETURN_POLL_MICROSECONDS 1000

/* Datasheet section 3: a power of two from 8 to 4096; anything else becomes the next good size below or the limit. */
static ULONG ring_size(ULONG wanted)
{
	ULONG size = NICRIG_RING_MIN;

	while (size < NICRIG_RING_MAX && size * 2 <= wanted)
		size *= 2;
	return size;
}

/* Section 8.1, step 3. */
static VOID bus_master_configure(struct nic_adapter *nic, NDIS_HANDLE configuration)
{
	struct bus_master_ways *ways = &to_bus_master(nic)->ways;

	nic->rx_frames = nic_read_number(configuration, L"RxRingSize", 0);
	nic->tx_frames = nic_read_number(configuration, L"TxRingSize", 0);
	ways->map_registers = nic_read_number(configuration, L"MapRegisters", FALSE) != 0;
	ways->pool_memory = nic_read_number(configuration, L"PoolMemory", FALSE) != 0;
	ways->async_memory = nic_read_number(configuration, L"AsyncMemory", FALSE) != 0;
	ways->update_memory = nic_read_number(configuration, L"UpdateMemory", FALSE) != 0;
}

/* Software state; NULL when memory is short. */
PVOID bus_master_memory(const struct bus_master *card, ULONG bytes)
{
	PVOID memory;

	if (card->ways.pool_memory)
		return ExAllocatePool(NonPagedPool, bytes);
	return NdisAllocateMemoryWithTag(&memory, bytes, NIC_TAG) == NDIS_STATUS_SUCCESS ? memory : NULL;
}

VOID bus_master_memory_free(const struct bus_master *card, PVOID memory, ULONG bytes)
{
	if (card->ways.pool_memory)
		ExFreePool(memory);
	else
		NdisFreeMemory(memory, bytes, 0);
}

/* Section 8.1, steps 7 to 11. On failure all that these steps claimed is released. */
static NDIS_STATUS bus_master_claim(struct nic_adapter *nic)
{
	struct bus_master *card = to_bus_master(nic);
	NDIS_STATUS status;

	/* 7. */
	status = bus_master_claim_dma(card);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	/* 8. */
	card->alignment = NdisMGetDmaAlignment(nic->handle);
	if (!card->alignment)
		card->alignment = 1;
	NdisAllocateSpinLock(&card->rx.lock);
	/* 9, 10. */
	status = nic_allocate_halving(nic, ring_size(nic->tx_frames ? nic->tx_frames : TX_RING_DEFAULT),
				      NICRIG_RING_MIN, bus_master_tx_allocate);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_lock;
	/* 11. */
	status = nic_allocate_halving(nic, ring_size(nic->rx_frames ? nic->rx_frames : RX_RING_DEFAULT),
				      NICRIG_RING_MIN, bus_master_rx_allocate);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_tx;
	nic->tx_frames = card->tx.size;
	nic->rx_frames = card->rx.size;
	return NDIS_STATUS_SUCCESS;

have_tx:
	bus_master_tx_free(card);
have_lock:
	NdisFreeSpinLock(&card->rx.lock);
	bus_master_release_dma(card);
	return status;
}

/* R28: memory of packets that NDIS still has may not be released. They come back without the card's help. */
static VOID wait_for_returns(struct bus_master_rx *rx)
{
	ULONG indicated;

	for (;;) {
		NdisAcquireSpinLock(&rx->lock);
		indicated = rx->indicated;
		NdisReleaseSpinLock(&rx->lock);
		if (!indicated)
			return;
		NdisMSleep(RETURN_POLL_MICROSECONDS);
	}
}

static VOID bus_master_release(struct nic_adapter *nic)
{
	struct bus_master *card = to_bus_master(nic);

	wait_for_returns(&card->rx);
	bus_master_rx_free(card);
	bus_master_tx_free(card);
	NdisFreeSpinLock(&card->rx.lock);
	bus_master_release_dma(card);
}

static BOOLEAN start_ring(struct nic_adapter *nic, ULONG block, NDIS_PHYSICAL_ADDRESS base, ULONG size)
{
	nic_write(nic, block + NICRIG_RX_RING_BASE_LOW, NdisGetPhysicalAddressLow(base));
	nic_write(nic, block + NICRIG_RX_RING_BASE_HIGH, (ULONG)NdisGetPhysicalAddressHigh(base));
	nic_write(nic, block + NICRIG_RX_RING_SIZE, size);
	nic_write(nic, block + NICRIG_RX_RING_CONTROL, NICRIG_RX_RING_CONTROL_ENABLE);
	return nic_read(nic, block + NICRIG_RX_RING_CONTROL) == NICRIG_RX_RING_CONTROL_ENABLE;
}

/* Both ring blocks have one shape, so one procedure serves them. */
C_ASSERT(NICRIG_TX_RING_BASE_LOW == NICRIG_RX_RING_BASE_LOW && NICRIG_TX_RING_BASE_HIGH == NICRIG_RX_RING_BASE_HIGH);
C_ASSERT(NICRIG_TX_RING_SIZE == NICRIG_RX_RING_SIZE && NICRIG_TX_RING_CONTROL == NICRIG_RX_RING_CONTROL);

/* Datasheet section 3: ENABLE reads 0 if the card refused the ring. Both start at index 0, all buffers posted. */
static NDIS_STATUS bus_master_start(struct nic_adapter *nic)
{
	struct bus_master *card = to_bus_master(nic);

	if (!start_ring(nic, NICRIG_RX_BASE, card->rx.ring_pa, card->rx.size) ||
	    !start_ring(nic, NICRIG_TX_BASE, card->tx.ring_pa, card->tx.size)) {
		NdisWriteErrorLogEntry(nic->handle, NDIS_ERROR_CODE_HARDWARE_FAILURE, 1,
				       nic_read(nic, NICRIG_CARD_FAULT));
		return NDIS_STATUS_DEVICE_FAILED;
	}
	bus_master_rx_rebuild(card);
	return NDIS_STATUS_SUCCESS;
}

static VOID bus_master_arm(struct nic_adapter *nic)
{
	struct bus_master *card = to_bus_master(nic);

	bus_master_rx_arm(card);
	nic_arm(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_ARM, card->tx.head);
}

static VOID bus_master_disarm(struct nic_adapter *nic)
{
	nic_word_write(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_ARM, 0);
	nic_word_write(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_ARM, 0);
}

static BOOLEAN bus_master_pending(struct nic_adapter *nic)
{
	struct bus_master *card = to_bus_master(nic);

	return bus_master_rx_pending(card) || bus_master_tx_pending(card);
}

static const CHAR description[] = "nicrig bus-master network card";

const struct nic_kind nic_bus_master = {
	.device = NICRIG_DEVICE_ID_BUS_MASTER,
	.description = description,
	.description_bytes = sizeof(description),
	.bytes = sizeof(struct bus_master),
	.words_bytes = NICRIG_BAR_BYTES,
	.attributes = NDIS_ATTRIBUTE_BUS_MASTER,
	.mac_options = NDIS_MAC_OPTION_FULL_DUPLEX,
	.access = &nic_mapped_access,
	.configure = bus_master_configure,
	.claim = bus_master_claim,
	.release = bus_master_release,
	.start = bus_master_start,
	.check = bus_master_check,
	.push = bus_master_push,
	.reap = bus_master_reap,
	.abandon = bus_master_abandon,
	.receive = bus_master_receive,
	.return_packet = bus_master_return_packet,
	.allocated = bus_master_allocated,
	.arm = bus_master_arm,
	.disarm = bus_master_disarm,
	.pending = bus_master_pending,
};
