// SPDX-License-Identifier: GPL-2.0-or-later
/* The registers by way of two I/O ports: INDEX takes an offset, DATA is the register there (datasheet section 16). */
#include "non_dma.h"

static ULONG_PTR port(const struct nic_adapter *nic, ULONG offset)
{
	return (ULONG_PTR)nic->control + NICRIG_PORT_BASE + offset;
}

/* Section 8.3, before the memory. */
static NDIS_STATUS claim_ports(struct nic_adapter *nic)
{
	NDIS_STATUS status;

	NdisAllocateSpinLock(&to_non_dma(nic)->ports_lock);
	status = NdisMRegisterIoPortRange(&nic->control, nic->handle, nic->resources.first_port, NICRIG_PORTS);
	if (status == NDIS_STATUS_SUCCESS)
		return status;
	NdisFreeSpinLock(&to_non_dma(nic)->ports_lock);
	return status;
}

static VOID release_ports(struct nic_adapter *nic)
{
	NdisMDeregisterIoPortRange(nic->handle, nic->resources.first_port, NICRIG_PORTS, nic->control);
	NdisFreeSpinLock(&to_non_dma(nic)->ports_lock);
}

static ULONG read_by_ports(struct nic_adapter *nic, ULONG offset)
{
	struct non_dma *card = to_non_dma(nic);
	ULONG value;

	NdisAcquireSpinLock(&card->ports_lock);
	NdisRawWritePortUlong(port(nic, NICRIG_PORT_INDEX), offset);
	NdisRawReadPortUlong(port(nic, NICRIG_PORT_DATA), &value);
	NdisReleaseSpinLock(&card->ports_lock);
	return value;
}

static VOID write_unlocked(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	NdisRawWritePortUlong(port(nic, NICRIG_PORT_INDEX), offset);
	NdisRawWritePortUlong(port(nic, NICRIG_PORT_DATA), value);
}

static VOID write_by_ports(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	struct non_dma *card = to_non_dma(nic);

	NdisAcquireSpinLock(&card->ports_lock);
	write_unlocked(nic, offset, value);
	NdisReleaseSpinLock(&card->ports_lock);
}

/* The holder of the lock no longer runs after a crash. */
static VOID silence_by_ports(struct nic_adapter *nic)
{
	write_unlocked(nic, NICRIG_CARD_CONTROL, NICRIG_CARD_CONTROL_RESET);
}

const struct nic_access non_dma_port_access = {
	.claim = claim_ports,
	.release = release_ports,
	.read = read_by_ports,
	.write = write_by_ports,
	.silence = silence_by_ports,
};
