// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory of the send side: the ring and the table of packets in it (docs/ndis51.md 8.1 steps 9 and 10). */
#include "bus_master.h"

/* All of one size, or nothing: on failure everything is released, and the caller may ask for less. */
NDIS_STATUS bus_master_tx_allocate(struct nic_adapter *nic, ULONG size)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_tx *tx = &card->tx;
	PVOID memory;

	tx->size = size;
	/* FALSE: the card writes ownership bits among the driver's own words (4.3). */
	NdisMAllocateSharedMemory(nic->handle, size * sizeof(*tx->ring), FALSE, &memory, &tx->ring_pa);
	tx->ring = memory;
	if (!memory)
		return NDIS_STATUS_RESOURCES;
	tx->slots = bus_master_memory(card, size * sizeof(*tx->slots));
	if (!tx->slots) {
		bus_master_tx_free(card);
		return NDIS_STATUS_RESOURCES;
	}
	NdisZeroMemory(tx->slots, size * sizeof(*tx->slots));
	return NDIS_STATUS_SUCCESS;
}

/* The card no longer uses the ring, and every packet has been completed (R29, R35). */
VOID bus_master_tx_free(struct bus_master *card)
{
	struct bus_master_tx *tx = &card->tx;

	if (tx->slots)
		bus_master_memory_free(card, tx->slots, tx->size * sizeof(*tx->slots));
	tx->slots = NULL;
	if (tx->ring)
		NdisMFreeSharedMemory(card->nic.handle, tx->size * sizeof(*tx->ring), FALSE, (PVOID)tx->ring,
				      tx->ring_pa);
	tx->ring = NULL;
}
