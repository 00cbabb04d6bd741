// SPDX-License-Identifier: GPL-2.0-or-later
/* Device memory (docs/ndis51.md section 4.7). */
#include <linux/io.h>

#include "layer.h"

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

/*
 * Section 4.7: SUCCESS; RESOURCES; RESOURCE_CONFLICT for a range that is not this adapter's; FAILURE before the
 * attributes or above PASSIVE_LEVEL. The address is NULL on failure.
 */
NDIS_STATUS NdisMMapIoSpace(PVOID *VirtualAddress, NDIS_HANDLE MiniportAdapterHandle,
			    NDIS_PHYSICAL_ADDRESS PhysicalAddress, UINT Length)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;

	*VirtualAddress = NULL;
	if (!adapter->attributes_set || !Length || KeGetCurrentIrql() != PASSIVE_LEVEL)
		return NDIS_STATUS_FAILURE;
	if (!inside_a_bar(adapter->pdev, PhysicalAddress.QuadPart, Length))
		return NDIS_STATUS_RESOURCE_CONFLICT;
	*VirtualAddress = (__force void *)ioremap(PhysicalAddress.QuadPart, Length);
	return *VirtualAddress ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

/* Section 4.7: the whole range as mapped, PASSIVE_LEVEL. */
VOID NdisMUnmapIoSpace(NDIS_HANDLE MiniportAdapterHandle, PVOID VirtualAddress, UINT Length)
{
	UNREFERENCED_PARAMETER(MiniportAdapterHandle);
	UNREFERENCED_PARAMETER(Length);
	iounmap((__force void __iomem *)VirtualAddress);
}

/* NdisWriteRegisterUlong: everything that the CPU stored before it is visible to the card before the register is. */
VOID WRITE_REGISTER_ULONG(volatile ULONG *Register, ULONG Value)
{
	writel(Value, (__force volatile void __iomem *)Register);
}
