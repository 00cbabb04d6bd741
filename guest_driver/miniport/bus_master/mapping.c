// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The DMA model: scatter-gather lists, or the map registers of older drivers (docs/ndis51.md sections 4.3 and 5).
 * A register maps one buffer from before the doorbell until the card is done with it. Sends end in the order in which
 * they began, so the registers are used in turn.
 */
#include "bus_master.h"

#define DMA64                   TRUE

/* Two real registers for each buffer of a frame, and 64 in all (R52). */
#define REGISTERS               32
#define PIECES_MAX              ((NICRIG_FRAME_MAX - 2) / PAGE_SIZE + 2)

C_ASSERT(REGISTERS * PIECES_MAX <= 64);

/* Step 7 of section 8.1: needed before shared memory. With scatter-gather, NDIS then maps every packet that is sent. */
NDIS_STATUS bus_master_claim_dma(struct bus_master *card)
{
	if (card->ways.map_registers)
		return NdisMAllocateMapRegisters(card->nic.handle, 0, NDIS_DMA_64BITS, REGISTERS, NICRIG_FRAME_MAX);
	return NdisMInitializeScatterGatherDma(card->nic.handle, DMA64, NICRIG_FRAME_MAX);
}

/* All shared memory is freed, and nothing is mapped (R30, R94). */
VOID bus_master_release_dma(struct bus_master *card)
{
	if (card->ways.map_registers)
		NdisMFreeMapRegisters(card->nic.handle);
}

/* The most descriptors that the packet needs in the map-register model; 0 for an empty chain. */
ULONG bus_master_pieces(const struct bus_master *card, PNDIS_PACKET packet, UINT *buffers)
{
	PSCATTER_GATHER_LIST list;
	UINT pieces;

	if (card->ways.map_registers) {
		NdisQueryPacket(packet, &pieces, buffers, NULL, NULL);
		return pieces;
	}
	*buffers = 0;
	list = (PSCATTER_GATHER_LIST)NDIS_PER_PACKET_INFO_FROM_PACKET(packet, ScatterGatherListPacketInfo);
	return list ? list->NumberOfElements : 0;
}

BOOLEAN bus_master_registers_left(const struct bus_master_tx *tx, UINT buffers)
{
	return REGISTERS - (ULONG)nic_span(tx->first_register, tx->next_register) >= buffers;
}

/* Takes back the mappings of the chain up to `end`, from register `first` on. Lock held. */
static VOID complete(struct bus_master *card, PNDIS_PACKET packet, PNDIS_BUFFER end, USHORT first)
{
	PNDIS_BUFFER buffer;

	NdisQueryPacket(packet, NULL, NULL, &buffer, NULL);
	while (buffer != end) {
		NdisMCompleteBufferPhysicalMapping(card->nic.handle, buffer, first++ % REGISTERS);
		NdisGetNextBuffer(buffer, &buffer);
	}
}

/* Section 5, steps 2 and 3: a descriptor for each unit of each buffer. FALSE, and nothing is mapped. Lock held. */
BOOLEAN bus_master_map(struct bus_master *card, PNDIS_PACKET packet)
{
	NDIS_PHYSICAL_ADDRESS_UNIT units[PIECES_MAX];
	struct bus_master_tx *tx = &card->tx;
	USHORT first = tx->next_register, tail = tx->tail;
	PNDIS_BUFFER buffer;
	UINT count, i;

	NdisQueryPacket(packet, NULL, NULL, &buffer, NULL);
	while (buffer) {
		NdisMStartBufferPhysicalMapping(card->nic.handle, buffer, tx->next_register % REGISTERS, TRUE, units,
						&count);
		if (!count) {
			complete(card, packet, buffer, first);
			tx->next_register = first;
			tx->tail = tail;
			return FALSE;
		}
		tx->next_register++;
		for (i = 0; i < count; i++)
			bus_master_put(tx, units[i].PhysicalAddress, units[i].Length);
		NdisGetNextBuffer(buffer, &buffer);
	}
	return TRUE;
}

/* R95: before the send is completed. Lock held. */
VOID bus_master_unmap(struct bus_master *card, PNDIS_PACKET packet)
{
	struct bus_master_tx *tx = &card->tx;
	UINT buffers;

	if (!card->ways.map_registers)
		return;
	NdisQueryPacket(packet, NULL, &buffers, NULL, NULL);
	complete(card, packet, NULL, tx->first_register);
	tx->first_register = (USHORT)(tx->first_register + buffers);
}
