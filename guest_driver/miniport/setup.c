// SPDX-License-Identifier: GPL-2.0-or-later
/* MiniportInitialize: claims everything in the canonical order (docs/ndis51.md section 8.1). */
#include "miniport.h"

#define NIC_RESOURCES           8       /* descriptors that the resource list has room for */
#define NIC_PCI_ID_OFFSET       0
#define NIC_DMA64               TRUE

union nic_resources {
	NDIS_RESOURCE_LIST list;
	UCHAR room[sizeof(NDIS_RESOURCE_LIST) + NIC_RESOURCES * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR)];
};

/* Step 1. */
static BOOLEAN nic_pick_medium(PUINT selected, const NDIS_MEDIUM *media, UINT count)
{
	for (*selected = 0; *selected < count; (*selected)++) {
		if (media[*selected] == NdisMedium802_3)
			return TRUE;
	}
	return FALSE;
}

/* Datasheet section 3: a power of two from 8 to 4096; anything else becomes the next good size below or the limit. */
static ULONG nic_ring_size(ULONG wanted)
{
	ULONG size = NICRIG_RING_MIN;

	while (size < NICRIG_RING_MAX && size * 2 <= wanted)
		size *= 2;
	return size;
}

static ULONG nic_read_size(NDIS_HANDLE configuration, PCWSTR name, ULONG otherwise)
{
	PNDIS_CONFIGURATION_PARAMETER parameter;
	NDIS_STRING keyword;
	NDIS_STATUS status;

	NdisInitUnicodeString(&keyword, name);
	NdisReadConfiguration(&status, &parameter, configuration, &keyword, NdisParameterInteger);
	return nic_ring_size(status == NDIS_STATUS_SUCCESS ? parameter->ParameterData.IntegerData : otherwise);
}

/* Step 3. Without a configuration the defaults hold. */
static VOID nic_read_configuration(struct nic_adapter *nic, NDIS_HANDLE context)
{
	NDIS_HANDLE configuration;
	NDIS_STATUS status;

	nic->rx.size = NIC_RX_RING_DEFAULT;
	nic->tx.size = NIC_TX_RING_DEFAULT;
	NdisOpenConfiguration(&status, &configuration, context);
	if (status != NDIS_STATUS_SUCCESS)
		return;
	nic->rx.size = nic_read_size(configuration, L"RxRingSize", NIC_RX_RING_DEFAULT);
	nic->tx.size = nic_read_size(configuration, L"TxRingSize", NIC_TX_RING_DEFAULT);
	NdisCloseConfiguration(configuration);
}

/* Step 5: the function must be the one this miniport is for. */
static NDIS_STATUS nic_check_function(struct nic_adapter *nic)
{
	const ULONG expected = (ULONG)NICRIG_DEVICE_ID_BUS_MASTER << 16 | NICRIG_VENDOR_ID;
	ULONG id = 0;

	if (NdisReadPciSlotInformation(nic->handle, 0, NIC_PCI_ID_OFFSET, &id, sizeof(id)) != sizeof(id) ||
	    id != expected)
		return NDIS_STATUS_ADAPTER_NOT_FOUND;
	return NDIS_STATUS_SUCCESS;
}

/* Step 5: memory resources come in the order of the BARs. */
static NDIS_STATUS nic_find_resources(struct nic_adapter *nic, NDIS_HANDLE context)
{
	union nic_resources resources;
	PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = resources.list.PartialDescriptors;
	UINT size = sizeof(resources);
	BOOLEAN interrupt = FALSE;
	NDIS_STATUS status;
	ULONG bar = 0, i;

	NdisMQueryAdapterResources(&status, context, &resources.list, &size);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	for (i = 0; i < resources.list.Count; i++, descriptor++) {
		if (descriptor->Type == CmResourceTypeInterrupt) {
			nic->interrupt_vector = descriptor->u.Interrupt.Vector;
			nic->interrupt_level = descriptor->u.Interrupt.Level;
			interrupt = TRUE;
		} else if (descriptor->Type == CmResourceTypeMemory) {
			if (bar == NICRIG_BAR_CONTROL)
				nic->control_pa = descriptor->u.Memory.Start;
			else if (bar == NICRIG_BAR_DOORBELL)
				nic->doorbells_pa = descriptor->u.Memory.Start;
			bar++;
		}
	}
	return interrupt && bar > NICRIG_BAR_DOORBELL ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCE_CONFLICT;
}

/* Step 6. */
static NDIS_STATUS nic_map(struct nic_adapter *nic)
{
	NDIS_STATUS status;
	PVOID memory;

	status = NdisMMapIoSpace(&memory, nic->handle, nic->control_pa, NICRIG_BAR_BYTES);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	nic->control = memory;
	status = NdisMMapIoSpace(&memory, nic->handle, nic->doorbells_pa, NICRIG_BAR_BYTES);
	if (status != NDIS_STATUS_SUCCESS) {
		NdisMUnmapIoSpace(nic->handle, (PVOID)nic->control, NICRIG_BAR_BYTES);
		return status;
	}
	nic->doorbells = memory;
	return NDIS_STATUS_SUCCESS;
}

/* Section 6: what cannot be had is asked for again at half the size, each round from nothing, down to the minimum. */
static NDIS_STATUS nic_allocate_halving(struct nic_adapter *nic, ULONG size,
					NDIS_STATUS (*allocate)(struct nic_adapter *nic, ULONG size))
{
	NDIS_STATUS status = allocate(nic, size);

	while (status != NDIS_STATUS_SUCCESS && size > NICRIG_RING_MIN) {
		size /= 2;
		status = allocate(nic, size);
	}
	return status;
}

/* Steps 12 to 16. On failure the card is reset and the interrupt is not registered. */
static NDIS_STATUS nic_start(struct nic_adapter *nic)
{
	NDIS_STATUS status;

	/* 12. The reset card is masked (datasheet section 8), and CONTROL.INTERRUPT stays 0 until step 16. */
	nic_reset_card(nic);
	/* 13. All that the routine and its deferred half touch exists by now. */
	status = NdisMRegisterInterrupt(&nic->interrupt, nic->handle, nic->interrupt_vector, nic->interrupt_level, TRUE,
					FALSE, NdisInterruptLatched);
	if (status != NDIS_STATUS_SUCCESS) {
		NdisWriteErrorLogEntry(nic->handle, NDIS_ERROR_CODE_INTERRUPT_CONNECT, 1, nic->interrupt_vector);
		return status;
	}
	/* 14. Rings; the receiver stays off until a protocol sets a packet filter. */
	status = nic_start_rings(nic);
	if (status != NDIS_STATUS_SUCCESS) {
		nic_reset_card(nic);
		NdisMDeregisterInterrupt(&nic->interrupt);
		return status;
	}
	nic_rx_rebuild(nic);
	nic->link = nic_link_up(nic);
	/* 15. No timer: NDIS calls MiniportCheckForHang. The shutdown handler is in the characteristics. */
	/* 16. */
	nic_control(nic, NICRIG_CARD_CONTROL_INTERRUPT);
	return NDIS_STATUS_SUCCESS;
}

/* Steps 7 to 16. On failure all that these steps claimed is released. */
static NDIS_STATUS nic_claim_memory_and_start(struct nic_adapter *nic)
{
	NDIS_STATUS status;

	/* 7. The gate to shared memory; afterwards NDIS maps every packet that is sent. */
	status = NdisMInitializeScatterGatherDma(nic->handle, NIC_DMA64, NICRIG_FRAME_MAX);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	/* 8. */
	nic->alignment = NdisMGetDmaAlignment(nic->handle);
	if (!nic->alignment)
		nic->alignment = 1;
	/* 9, 10. */
	status = nic_allocate_halving(nic, nic->tx.size, nic_tx_allocate);
	if (status != NDIS_STATUS_SUCCESS)
		goto log;
	/* 11. */
	status = nic_allocate_halving(nic, nic->rx.size, nic_rx_allocate);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_tx;
	status = nic_start(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_rx;
	return NDIS_STATUS_SUCCESS;

have_rx:
	nic_rx_free(nic);
have_tx:
	nic_tx_free(nic);
log:
	if (status == NDIS_STATUS_RESOURCES)
		NdisWriteErrorLogEntry(nic->handle, NDIS_ERROR_CODE_OUT_OF_RESOURCES, 1, nic->alignment);
	return status;
}

NDIS_STATUS NTAPI MiniportInitialize(PNDIS_STATUS OpenErrorStatus, PUINT SelectedMediumIndex,
				     PNDIS_MEDIUM MediumArray, UINT MediumArraySize, NDIS_HANDLE MiniportAdapterHandle,
				     NDIS_HANDLE WrapperConfigurationContext)
{
	struct nic_adapter *nic;
	NDIS_STATUS status;
	PVOID memory;

	UNREFERENCED_PARAMETER(OpenErrorStatus);
	/* 1. */
	if (!nic_pick_medium(SelectedMediumIndex, MediumArray, MediumArraySize))
		return NDIS_STATUS_UNSUPPORTED_MEDIA;
	/* 2. */
	status = NdisAllocateMemoryWithTag(&memory, sizeof(*nic), NIC_TAG);
	if (status != NDIS_STATUS_SUCCESS) {
		NdisWriteErrorLogEntry(MiniportAdapterHandle, NDIS_ERROR_CODE_OUT_OF_RESOURCES, 1, sizeof(*nic));
		return NDIS_STATUS_RESOURCES;
	}
	nic = memory;
	NdisZeroMemory(nic, sizeof(*nic));
	nic->handle = MiniportAdapterHandle;
	NdisAllocateSpinLock(&nic->rx.lock);
	NdisAllocateSpinLock(&nic->tx.lock);
	/* 3. */
	nic_read_configuration(nic, WrapperConfigurationContext);
	/* 4. */
	NdisMSetAttributesEx(nic->handle, nic, NIC_HANG_SECONDS,
			     NDIS_ATTRIBUTE_BUS_MASTER | NDIS_ATTRIBUTE_DESERIALIZE |
			     NDIS_ATTRIBUTE_SURPRISE_REMOVE_OK | NDIS_ATTRIBUTE_USES_SAFE_BUFFER_APIS,
			     NdisInterfacePci);
	/* 5. */
	status = nic_check_function(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_context;
	status = nic_find_resources(nic, WrapperConfigurationContext);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_context;
	/* 6. */
	status = nic_map(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_context;
	status = nic_identify(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_registers;
	/* 7 to 16. */
	status = nic_claim_memory_and_start(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_registers;
	return NDIS_STATUS_SUCCESS;

have_registers:
	NdisMUnmapIoSpace(nic->handle, (PVOID)nic->doorbells, NICRIG_BAR_BYTES);
	NdisMUnmapIoSpace(nic->handle, (PVOID)nic->control, NICRIG_BAR_BYTES);
have_context:
	NdisFreeSpinLock(&nic->tx.lock);
	NdisFreeSpinLock(&nic->rx.lock);
	NdisFreeMemory(nic, sizeof(*nic), 0);
	return status;
}
