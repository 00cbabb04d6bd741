// SPDX-License-Identifier: GPL-2.0-or-later
/* The older model of bus-master DMA: map registers, and the buffers they map (docs/ndis51.md section 4.3). */
#include "../faults/inject.h"
#include "../layer.h"

/* Section 1.3: pages that `length` bytes may touch in the worst case. */
static ULONG worst_span(ULONG length)
{
	return length < 2 ? length : (length - 2) / PAGE_SIZE + 2;
}

static u64 dma_mask(NDIS_DMA_SIZE size)
{
	switch (size) {
	case NDIS_DMA_24BITS:
		return DMA_BIT_MASK(24);
	case NDIS_DMA_32BITS:
		return DMA_BIT_MASK(32);
	case NDIS_DMA_64BITS:
		return DMA_BIT_MASK(64);
	default:
		return 0;
	}
}

/* A request for no base register is valid: shared memory needs the call. */
static bool within_limit(ULONG base, ULONG maximum)
{
	return base <= NDIS_MAP_REGISTERS_MAX && (!base || maximum) &&
	       (u64)base * worst_span(maximum) <= NDIS_MAP_REGISTERS_MAX;
}

static NDIS_STATUS allocate(struct ndis_adapter *adapter, UINT channel, NDIS_DMA_SIZE size, ULONG base,
			    ULONG maximum)
{
	u64 mask = dma_mask(size);

	/* PCI has no channel to reserve. */
	if (!ndis_may_claim(adapter) || !(adapter->attributes & NDIS_ATTRIBUTE_BUS_MASTER) ||
	    adapter->scatter_gather || adapter->map.allocated || channel || !mask || !within_limit(base, maximum) ||
	    ndis_fail(NdisMAllocateMapRegisters, 0) || dma_set_mask_and_coherent(&adapter->pdev->dev, mask))
		return NDIS_STATUS_RESOURCES;
	adapter->map.count = base;
	adapter->map.maximum = maximum;
	adapter->map.allocated = true;
	ndis_object_count(NDIS_OBJECT_MAP_REGISTERS, 1);
	return NDIS_STATUS_SUCCESS;
}

/*
 * Section 4.3: SUCCESS; RESOURCES for more than 64 real registers, without BUS_MASTER, in the scatter-gather model,
 * for a second call, or if the platform cannot reach the addresses. PASSIVE_LEVEL, inside MiniportInitialize, after
 * the attributes.
 */
NDIS_STATUS NdisMAllocateMapRegisters(NDIS_HANDLE MiniportAdapterHandle, UINT DmaChannel, NDIS_DMA_SIZE DmaSize,
				      ULONG BaseMapRegistersNeeded, ULONG MaximumBufferSize)
{
	NDIS_STATUS status = allocate(MiniportAdapterHandle, DmaChannel, DmaSize, BaseMapRegistersNeeded,
				      MaximumBufferSize);

	ndis_record(NdisMAllocateMapRegisters, DmaChannel, DmaSize, BaseMapRegistersNeeded, MaximumBufferSize, status);
	return status;
}

static bool any_mapped(const struct ndis_map_registers *map)
{
	ULONG i;

	for (i = 0; i < map->count; i++)
		if (map->mapped[i])
			return true;
	return false;
}

static void release(struct ndis_adapter *adapter)
{
	adapter->map.allocated = false;
	ndis_object_count(NDIS_OBJECT_MAP_REGISTERS, -1);
}

/*
 * Section 4.3: PASSIVE_LEVEL, inside Initialize or Halt, after every mapping was completed (R94) and all shared memory
 * freed (R30); refused otherwise.
 */
VOID NdisMFreeMapRegisters(NDIS_HANDLE MiniportAdapterHandle)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;

	ndis_record(NdisMFreeMapRegisters, 0, 0, 0, 0, 0);
	if (WARN_ON_ONCE(!ndis_may_release(adapter) || !adapter->map.allocated || any_mapped(&adapter->map) ||
			 atomic_read(&adapter->shared_blocks)))
		return;
	release(adapter);
}

/* R92. Takes the register at once, so that no other CPU gets it too. */
static bool take_register(struct ndis_adapter *adapter, struct ndis_buffer *buffer, ULONG index, BOOLEAN write)
{
	struct ndis_map_registers *map = &adapter->map;
	bool taken = false;
	unsigned long flags;

	if (KeGetCurrentIrql() > DISPATCH_LEVEL || !write || !buffer->mdl.ByteCount ||
	    buffer->mdl.ByteCount > map->maximum || ndis_fail(NdisMStartBufferPhysicalMapping, 0))
		return false;
	spin_lock_irqsave(&adapter->lock, flags);
	if (map->allocated && index < map->count && !map->mapped[index]) {
		map->mapped[index] = buffer;
		taken = true;
	}
	spin_unlock_irqrestore(&adapter->lock, flags);
	return taken;
}

static void give_register_back(struct ndis_adapter *adapter, ULONG index)
{
	unsigned long flags;

	spin_lock_irqsave(&adapter->lock, flags);
	adapter->map.mapped[index] = NULL;
	spin_unlock_irqrestore(&adapter->lock, flags);
}

/* One unit for each real register; a register maps one page. */
static UINT add_units(const struct ndis_run *run, PNDIS_PHYSICAL_ADDRESS_UNIT units)
{
	UINT at = 0, count = 0;

	while (at < run->length) {
		dma_addr_t address = run->dma + at;
		UINT length = min_t(UINT, run->length - at, PAGE_SIZE - offset_in_page(address));

		units[count].PhysicalAddress.QuadPart = address;
		units[count].Length = length;
		count++;
		at += length;
	}
	return count;
}

static __always_inline UINT fill_units(const struct ndis_buffer *buffer, ULONG index, PNDIS_PHYSICAL_ADDRESS_UNIT units)
{
	UINT at, count = 0;

	for (at = 0; at < buffer->run_count; at++)
		count += add_units(&buffer->runs[at], units + count);
	for (at = 0; at < count; at++)
		ndis_record(NdisMStartBufferPhysicalMapping, &buffer->mdl, index << 1 | 1,
			    units[at].PhysicalAddress.QuadPart, units[at].Length, count);
	return count;
}

/*
 * Section 4.3: no units at all is the only sign of failure. It fails for an index that does not exist or is in use,
 * for a receive, for a buffer that is empty, longer than declared or mapped already, or without resources. <=
 * DISPATCH_LEVEL.
 */
VOID NdisMStartBufferPhysicalMapping(NDIS_HANDLE MiniportAdapterHandle, PNDIS_BUFFER Buffer,
				     ULONG PhysicalMapRegister, BOOLEAN WriteToDevice,
				     PNDIS_PHYSICAL_ADDRESS_UNIT PhysicalAddressArray, PUINT ArraySize)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_buffer *buffer = to_ndis_buffer(Buffer);

	*ArraySize = 0;
	ndis_cache_tick();
	if (take_register(adapter, buffer, PhysicalMapRegister, WriteToDevice)) {
		if (ndis_buffer_map(buffer, &adapter->pdev->dev, NDIS_FN_NdisMStartBufferPhysicalMapping)) {
			ndis_object_count(NDIS_OBJECT_MAPPING, 1);
			*ArraySize = fill_units(buffer, PhysicalMapRegister, PhysicalAddressArray);
			return;
		}
		give_register_back(adapter, PhysicalMapRegister);
	}
	ndis_record(NdisMStartBufferPhysicalMapping, Buffer, PhysicalMapRegister << 1 | (WriteToDevice ? 1 : 0), 0,
		    MmGetMdlByteCount(Buffer), 0);
}

/* Section 4.3, R93: takes the buffer and the index of the Start, once. Refuses anything else. <= DISPATCH_LEVEL. */
VOID NdisMCompleteBufferPhysicalMapping(NDIS_HANDLE MiniportAdapterHandle, PNDIS_BUFFER Buffer,
					ULONG PhysicalMapRegister)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_buffer *buffer = to_ndis_buffer(Buffer);

	ndis_record(NdisMCompleteBufferPhysicalMapping, Buffer, PhysicalMapRegister, 0, 0, 0);
	if (WARN_ON_ONCE(KeGetCurrentIrql() > DISPATCH_LEVEL || PhysicalMapRegister >= adapter->map.count ||
			 adapter->map.mapped[PhysicalMapRegister] != buffer))
		return;
	ndis_buffer_unmap(buffer);
	give_register_back(adapter, PhysicalMapRegister);
	ndis_object_count(NDIS_OBJECT_MAPPING, -1);
}

/* R95: a packet goes back with buffers still mapped. Completes them, before their memory is freed. */
void ndis_map_registers_release_packet(struct ndis_adapter *adapter, PNDIS_PACKET packet)
{
	PNDIS_BUFFER mdl;
	ULONG i;

	for (mdl = packet->Private.Head; mdl; mdl = mdl->Next)
		for (i = 0; i < adapter->map.count; i++)
			if (WARN_ON_ONCE(adapter->map.mapped[i] == to_ndis_buffer(mdl)))
				NdisMCompleteBufferPhysicalMapping(adapter, mdl, i);
}

void ndis_map_registers_check_released(struct ndis_adapter *adapter)
{
	ULONG i;

	if (!WARN_ON(adapter->map.allocated))
		return;
	for (i = 0; i < adapter->map.count; i++)
		if (adapter->map.mapped[i])
			NdisMCompleteBufferPhysicalMapping(adapter, &adapter->map.mapped[i]->mdl, i);
	release(adapter);
}
