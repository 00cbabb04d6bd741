// SPDX-License-Identifier: GPL-2.0-or-later
/* The card's registers: identity, reset, doorbell and kick (datasheet sections 2, 4, 6, 8, 10, 11). */
#include "miniport.h"

static NDIS_STATUS nic_mapped_claim(struct nic_adapter *nic)
{
	return NdisMMapIoSpace(&nic->control, nic->handle, nic->resources.control, NICRIG_BAR_BYTES);
}

static VOID nic_mapped_release(struct nic_adapter *nic)
{
	NdisMUnmapIoSpace(nic->handle, nic->control, NICRIG_BAR_BYTES);
}

static ULONG nic_mapped_read(struct nic_adapter *nic, ULONG offset)
{
	volatile ULONG *registers = nic->control;
	ULONG value;

	NdisReadRegisterUlong(&registers[offset / sizeof(ULONG)], &value);
	return value;
}

static VOID nic_mapped_write(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	volatile ULONG *registers = nic->control;

	NdisWriteRegisterUlong(&registers[offset / sizeof(ULONG)], value);
}

static VOID nic_mapped_silence(struct nic_adapter *nic)
{
	nic_mapped_write(nic, NICRIG_CARD_CONTROL, NICRIG_CARD_CONTROL_RESET);
}

/* BAR0, for the kinds that may map it. */
const struct nic_access nic_mapped_access = {
	.claim = nic_mapped_claim,
	.release = nic_mapped_release,
	.read = nic_mapped_read,
	.write = nic_mapped_write,
	.silence = nic_mapped_silence,
};

/* Datasheet section 10: another MAJOR must be refused; the device id implies the MINOR that this driver needs. */
NDIS_STATUS nic_identify(struct nic_adapter *nic)
{
	ULONG version = nic_read(nic, NICRIG_CARD_VERSION);
	ULONG low, high;

	if (nic_read(nic, NICRIG_CARD_IDENTITY) != NICRIG_MAGIC)
		return NDIS_STATUS_ADAPTER_NOT_FOUND;
	if ((version & NICRIG_CARD_VERSION_MAJOR) >> NICRIG_CARD_VERSION_MAJOR_SHIFT != NICRIG_VERSION_MAJOR)
		return NDIS_STATUS_NOT_ACCEPTED;
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

/* Datasheet section 8: when the write returns there is no DMA and no interrupt any more. */
VOID nic_reset_card(struct nic_adapter *nic)
{
	nic->control_bits = 0;
	nic->event = 0;
	nic_write(nic, NICRIG_CARD_CONTROL, NICRIG_CARD_CONTROL_RESET);
}

/* An interrupt that fires while INTERRUPT is 0 is held back, not lost (datasheet section 7). */
VOID nic_control(struct nic_adapter *nic, ULONG bits)
{
	nic->control_bits = bits;
	nic_write(nic, NICRIG_CARD_CONTROL, bits);
}

/* One trapped read. All-ones: the card was pulled, or its process died (section 2, STATUS). */
BOOLEAN nic_answers(struct nic_adapter *nic)
{
	return nic_read(nic, NICRIG_CARD_STATUS) != NIC_ALL_ONES;
}

BOOLEAN nic_link_up(struct nic_adapter *nic)
{
	return nic_word_read(nic, NICRIG_EVENT_BASE + NICRIG_EVENT_LINK) == 1;
}

/* A doorbell: without it the card never looks at what is ready for it. */
VOID nic_doorbell(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	/* All that the doorbell covers must be visible to the card before it, and what was read is no longer needed. */
	KeMemoryBarrier();
	nic_word_write(nic, offset, value);
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
