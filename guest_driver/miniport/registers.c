// SPDX-License-Identifier: GPL-2.0-or-later
/* The card's registers: identity, rings, reset, doorbell and kick (datasheet sections 2, 3, 4, 6, 8, 10, 11). */
#include "miniport.h"

/* Datasheet section 10: another MAJOR must be refused; this driver needs no more than MINOR 0, so any will do. */
NDIS_STATUS nic_identify(struct nic_adapter *nic)
{
	ULONG identity = nic_read(nic, NICRIG_CARD_IDENTITY);
	ULONG version = nic_read(nic, NICRIG_CARD_VERSION);
	ULONG low, high;

	if (identity != NICRIG_MAGIC)
		return NDIS_STATUS_ADAPTER_NOT_FOUND;
	if ((version & NICRIG_CARD_VERSION_MAJOR) >> NICRIG_CARD_VERSION_MAJOR_SHIFT != NICRIG_VERSION_MAJOR) {
		NdisWriteErrorLogEntry(nic->handle, NDIS_ERROR_CODE_BAD_VERSION, 1, version);
		return NDIS_STATUS_NOT_ACCEPTED;
	}
	low = nic_read(nic, NICRIG_CARD_MAC_LOW);
	high = nic_read(nic, NICRIG_CARD_MAC_HIGH);
	nic->address[0] = (UCHAR)low;
	nic->address[1] = (UCHAR)(low >> 8);
	nic->address[2] = (UCHAR)(low >> 16);
	nic->address[3] = (UCHAR)(low >> 24);
	nic->address[4] = (UCHAR)high;
	nic->address[5] = (UCHAR)(high >> 8);
	return NDIS_STATUS_SUCCESS;
}

static BOOLEAN nic_start_ring(struct nic_adapter *nic, ULONG block, NDIS_PHYSICAL_ADDRESS base, ULONG size)
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

/* Datasheet section 3: ENABLE reads 0 if the card refused the ring. The rings start at index 0. */
NDIS_STATUS nic_start_rings(struct nic_adapter *nic)
{
	if (nic_start_ring(nic, NICRIG_RX_BASE, nic->rx.ring_pa, nic->rx.size) &&
	    nic_start_ring(nic, NICRIG_TX_BASE, nic->tx.ring_pa, nic->tx.size))
		return NDIS_STATUS_SUCCESS;
	NdisWriteErrorLogEntry(nic->handle, NDIS_ERROR_CODE_HARDWARE_FAILURE, 1, nic_read(nic, NICRIG_CARD_FAULT));
	return NDIS_STATUS_DEVICE_FAILED;
}

/* Datasheet section 8: when the write returns there is no DMA and no interrupt any more. */
VOID nic_reset_card(struct nic_adapter *nic)
{
	nic->control_bits = 0;
	nic->event = 0;
	nic_write(nic, NICRIG_CARD_CONTROL, NICRIG_CARD_CONTROL_RESET);
}

/* What fires while INTERRUPT is 0 is held back, not lost (datasheet section 7). */
VOID nic_control(struct nic_adapter *nic, ULONG bits)
{
	nic->control_bits = bits;
	nic_write(nic, NICRIG_CARD_CONTROL, bits);
}

/* One trapped read; all-ones is what a card that was pulled, or whose process died, answers (section 2, STATUS). */
BOOLEAN nic_answers(struct nic_adapter *nic)
{
	return nic_read(nic, NICRIG_CARD_STATUS) != NIC_ALL_ONES;
}

BOOLEAN nic_link_up(struct nic_adapter *nic)
{
	return nic_word_read(nic, NICRIG_EVENT_BASE + NICRIG_EVENT_LINK) == 1;
}

/* The doorbell: without it the card never looks at the descriptors. */
VOID nic_doorbell(struct nic_adapter *nic, ULONG offset, USHORT index)
{
	/* Every descriptor up to index, and all it points to, must be visible to the card before the doorbell. */
	KeMemoryBarrier();
	nic_word_write(nic, NICRIG_QUEUE_BASE + offset, index);
}

/* Datasheet section 6, steps 1 to 3: after a transmit doorbell, or an arm word that already has its answer. */
VOID nic_kick_if_asleep(struct nic_adapter *nic)
{
	/* The word must be visible to the card before SLEEPING is read: it writes SLEEPING, then reads the words. */
	KeMemoryBarrier();
	/* A sleeping card sees nothing before it is kicked; an awake one is never kicked, as that costs 40 us. */
	if (nic_word_read(nic, NICRIG_EVENT_BASE + NICRIG_EVENT_SLEEPING))
		nic_write(nic, NICRIG_CARD_KICK, 1);
}

/* Datasheet section 11: reading the low word latches the high one. */
ULONG64 nic_counter(struct nic_adapter *nic, ULONG counter)
{
	ULONG offset = NICRIG_COUNTER_BASE + counter * sizeof(ULONG64);
	ULONG low = nic_read(nic, offset);

	return (ULONG64)nic_read(nic, offset + sizeof(ULONG)) << 32 | low;
}
