// SPDX-License-Identifier: GPL-2.0-or-later
/* Device memory (docs/ndis51.md section 4.7). */
#include <linux/io.h>
#include <linux/slab.h>

#include "../faults/inject.h"
#include "../layer.h"

struct ndis_io_space {
	struct ndis_object object;
	struct ndis_adapter *adapter;
	UINT length;
};

static bool inside_a_bar(struct pci_dev *pdev, resource_size_t start, UINT length)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		resource_size_t offset = start - pci_resource_start(pdev, bar);
		resource_size_t size = pci_resource_len(pdev, bar);

		if (size && (pci_resource_flags(pdev, bar) & IORESOURCE_MEM) && offset < size &&
		    length <= size - offset)
			return true;
	}
	return false;
}

static NDIS_STATUS map(struct ndis_adapter *adapter, resource_size_t start, UINT length, void **va)
{
	struct ndis_io_space *space;

	if (!ndis_may_claim(adapter) || !length)
		return NDIS_STATUS_FAILURE;
	if (!inside_a_bar(adapter->pdev, start, length))
		return NDIS_STATUS_RESOURCE_CONFLICT;
	if (ndis_fail(NdisMMapIoSpace, length))
		return NDIS_STATUS_RESOURCES;
	space = kzalloc(sizeof(*space), GFP_KERNEL);
	if (!space)
		return NDIS_STATUS_RESOURCES;
	*va = (__force void *)ioremap(start, length);
	if (!*va) {
		kfree(space);
		return NDIS_STATUS_RESOURCES;
	}
	space->adapter = adapter;
	space->length = length;
	ndis_object_add(&space->object, NDIS_OBJECT_IO_SPACE, *va);
	return NDIS_STATUS_SUCCESS;
}

/*
 * Section 4.7: SUCCESS; RESOURCES; RESOURCE_CONFLICT for a range that is not this adapter's, RAM included (R110);
 * FAILURE before the attributes, outside MiniportInitialize or above PASSIVE_LEVEL. On failure the address is NULL.
 */
NDIS_STATUS NdisMMapIoSpace(PVOID *VirtualAddress, NDIS_HANDLE MiniportAdapterHandle,
			    NDIS_PHYSICAL_ADDRESS PhysicalAddress, UINT Length)
{
	NDIS_STATUS status;

	*VirtualAddress = NULL;
	status = map(MiniportAdapterHandle, PhysicalAddress.QuadPart, Length, VirtualAddress);
	ndis_record(NdisMMapIoSpace, PhysicalAddress.QuadPart, Length, *VirtualAddress, 0, status);
	return status;
}

/*
 * Section 4.7: takes a whole range as mapped, inside Initialize or Halt, PASSIVE_LEVEL. Refuses anything else (R38,
 * R110).
 */
VOID NdisMUnmapIoSpace(NDIS_HANDLE MiniportAdapterHandle, PVOID VirtualAddress, UINT Length)
{
	struct ndis_object *object;
	struct ndis_io_space *space;

	ndis_record(NdisMUnmapIoSpace, VirtualAddress, Length, 0, 0, 0);
	if (WARN_ON_ONCE(!ndis_may_release(MiniportAdapterHandle)))
		return;
	object = ndis_object_find(NDIS_OBJECT_IO_SPACE, VirtualAddress);
	space = object ? container_of(object, struct ndis_io_space, object) : NULL;
	if (WARN_ON_ONCE(!space || space->adapter != MiniportAdapterHandle || space->length != Length))
		return;
	ndis_object_remove(object);
	kfree(space);
	iounmap((__force void __iomem *)VirtualAddress);
}

/*
 * NdisWriteRegister*: the card sees everything that the CPU stored before, and then the register. A doorbell hands
 * memory to the card, so the record is made before the write. Any level.
 */
VOID WRITE_REGISTER_UCHAR(volatile UCHAR *Register, UCHAR Value)
{
	ndis_record(NdisWriteRegister, Register, Value, 0, 0, 0);
	writeb(Value, (__force volatile void __iomem *)Register);
}

VOID WRITE_REGISTER_USHORT(volatile USHORT *Register, USHORT Value)
{
	ndis_record(NdisWriteRegister, Register, Value, 0, 0, 0);
	writew(Value, (__force volatile void __iomem *)Register);
}

VOID WRITE_REGISTER_ULONG(volatile ULONG *Register, ULONG Value)
{
	ndis_record(NdisWriteRegister, Register, Value, 0, 0, 0);
	writel(Value, (__force volatile void __iomem *)Register);
}

/* Section 3: copies into the card's own memory. Any level. */
VOID NdisMoveToMappedMemory(PVOID Destination, PVOID Source, ULONG Length)
{
	memcpy_toio((__force void __iomem *)Destination, Source, Length);
}

/* Section 3: copies out of the card's own memory. Any level. */
VOID NdisMoveFromMappedMemory(PVOID Destination, PVOID Source, ULONG Length)
{
	memcpy_fromio(Destination, (__force void __iomem *)Source, Length);
}
