// SPDX-License-Identifier: GPL-2.0-or-later
/* MiniportInitialize: claims everything in the canonical order of the kind (docs/ndis51.md section 8). */
#include "miniport.h"

/* The attributes of every kind. A kind adds its own. */
#define NIC_ATTRIBUTES \
	(NDIS_ATTRIBUTE_DESERIALIZE | NDIS_ATTRIBUTE_SURPRISE_REMOVE_OK | NDIS_ATTRIBUTE_USES_SAFE_BUFFER_APIS)

static BOOLEAN nic_pick_medium(PUINT selected, const NDIS_MEDIUM *media, UINT count)
{
	for (*selected = 0; *selected < count; (*selected)++) {
		if (media[*selected] == NdisMedium802_3)
			return TRUE;
	}
	return FALSE;
}

/*
 * Section 6: when an allocation fails, release everything and try again with half the size, down to the minimum.
 * Returns RESOURCES, whichever call failed (R26).
 */
NDIS_STATUS nic_allocate_halving(struct nic_adapter *nic, ULONG size, ULONG minimum,
				 NDIS_STATUS (*allocate)(struct nic_adapter *nic, ULONG size))
{
	for (; size >= minimum; size /= 2) {
		if (allocate(nic, size) == NDIS_STATUS_SUCCESS)
			return NDIS_STATUS_SUCCESS;
	}
	return NDIS_STATUS_RESOURCES;
}

/* The registers, then the mapped words; then checks that this driver supports the card. */
static NDIS_STATUS nic_claim_registers(struct nic_adapter *nic)
{
	NDIS_STATUS status;
	PVOID words;

	status = nic->kind->access->claim(nic);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	status = NdisMMapIoSpace(&words, nic->handle, nic->resources.words, nic->kind->words_bytes);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_access;
	nic->words = words;
	status = nic_identify(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_words;
	return NDIS_STATUS_SUCCESS;

have_words:
	NdisMUnmapIoSpace(nic->handle, words, nic->kind->words_bytes);
have_access:
	nic->kind->access->release(nic);
	return status;
}

/* Everything except the interrupt. On failure it leaves nothing behind. */
static NDIS_STATUS nic_claim(struct nic_adapter *nic, NDIS_HANDLE context)
{
	NDIS_STATUS status;

	if (nic->kind->allocate) {
		status = nic->kind->allocate(nic);
		if (status != NDIS_STATUS_SUCCESS)
			return status;
	}
	/* R01: before the first call that claims a resource. */
	NdisMSetAttributesEx(nic->handle, nic, NIC_HANG_SECONDS, NIC_ATTRIBUTES | nic->kind->attributes,
			     NdisInterfacePci);
	status = nic_find_resources(nic, context);
	if (status != NDIS_STATUS_SUCCESS)
		goto allocated;
	status = nic_claim_registers(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto allocated;
	status = nic->kind->claim(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_registers;
	return NDIS_STATUS_SUCCESS;

have_registers:
	NdisMUnmapIoSpace(nic->handle, (PVOID)nic->words, nic->kind->words_bytes);
	nic->kind->access->release(nic);
allocated:
	if (nic->kind->free)
		nic->kind->free(nic);
	return status;
}

/* The inverse of nic_claim(), in Halt too: the card is silent, the interrupt is gone (R31, R32, R35). */
VOID nic_release(struct nic_adapter *nic)
{
	nic->kind->release(nic);
	NdisMUnmapIoSpace(nic->handle, (PVOID)nic->words, nic->kind->words_bytes);
	nic->kind->access->release(nic);
	if (nic->kind->free)
		nic->kind->free(nic);
}

/* All that the service routine and its deferred half use exists by now (R13). On failure nothing is registered. */
static NDIS_STATUS nic_start(struct nic_adapter *nic)
{
	NDIS_STATUS status;

	/* The reset card is masked (datasheet section 8), and CONTROL.INTERRUPT stays 0 until the end. */
	nic_reset_card(nic);
	/* The vectors are message-signalled: never shared. */
	status = NdisMRegisterInterrupt(&nic->interrupt, nic->handle, nic->resources.interrupt_vector,
					nic->resources.interrupt_level, TRUE, FALSE, NdisInterruptLatched);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	/* The receiver stays off until a protocol sets a packet filter. */
	status = nic->kind->start(nic);
	if (status != NDIS_STATUS_SUCCESS) {
		nic_reset_card(nic);
		NdisMDeregisterInterrupt(&nic->interrupt);
		return status;
	}
	nic->link = nic_link_up(nic);
	/* No timer: NDIS calls MiniportCheckForHang. The shutdown handler is in the characteristics. */
	nic_control(nic, NICRIG_CARD_CONTROL_INTERRUPT);
	return NDIS_STATUS_SUCCESS;
}

/* NULL when memory is short. */
static struct nic_adapter *nic_create(const struct nic_kind *kind, NDIS_HANDLE handle)
{
	struct nic_adapter *nic;
	PVOID memory;

	if (NdisAllocateMemoryWithTag(&memory, kind->bytes, NIC_TAG) != NDIS_STATUS_SUCCESS)
		return NULL;
	NdisZeroMemory(memory, kind->bytes);
	nic = memory;
	nic->handle = handle;
	nic->kind = kind;
	NdisAllocateSpinLock(&nic->sends.lock);
	return nic;
}

static NDIS_ERROR_CODE nic_error_code(NDIS_STATUS status)
{
	switch (status) {
	case NDIS_STATUS_RESOURCES:
		return NDIS_ERROR_CODE_OUT_OF_RESOURCES;
	case NDIS_STATUS_RESOURCE_CONFLICT:
		return NDIS_ERROR_CODE_RESOURCE_CONFLICT;
	case NDIS_STATUS_ADAPTER_NOT_FOUND:
		return NDIS_ERROR_CODE_ADAPTER_NOT_FOUND;
	case NDIS_STATUS_NOT_ACCEPTED:
		return NDIS_ERROR_CODE_BAD_VERSION;
	case NDIS_STATUS_UNSUPPORTED_MEDIA:
		return NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION;
	default:
		return NDIS_ERROR_CODE_HARDWARE_FAILURE;
	}
}

static NDIS_STATUS nic_initialize(const struct nic_kind *kind, NDIS_HANDLE handle, NDIS_HANDLE context)
{
	struct nic_adapter *nic;
	NDIS_STATUS status;

	nic = nic_create(kind, handle);
	if (!nic)
		return NDIS_STATUS_RESOURCES;
	nic_read_configuration(nic, context);
	status = nic_claim(nic, context);
	if (status != NDIS_STATUS_SUCCESS)
		goto have_context;
	status = nic_start(nic);
	if (status != NDIS_STATUS_SUCCESS)
		goto claimed;
	return NDIS_STATUS_SUCCESS;

claimed:
	nic_release(nic);
have_context:
	NdisFreeSpinLock(&nic->sends.lock);
	NdisFreeMemory(nic, kind->bytes, 0);
	return status;
}

/* Section 4.8: PASSIVE_LEVEL. A failure leaves nothing behind and an event in the log (R22, R26). */
NDIS_STATUS NTAPI MiniportInitialize(PNDIS_STATUS OpenErrorStatus, PUINT SelectedMediumIndex,
				     PNDIS_MEDIUM MediumArray, UINT MediumArraySize, NDIS_HANDLE MiniportAdapterHandle,
				     NDIS_HANDLE WrapperConfigurationContext)
{
	const struct nic_kind *kind;
	NDIS_STATUS status;

	UNREFERENCED_PARAMETER(OpenErrorStatus);
	kind = nic_find_kind(MiniportAdapterHandle);
	if (!nic_pick_medium(SelectedMediumIndex, MediumArray, MediumArraySize))
		status = NDIS_STATUS_UNSUPPORTED_MEDIA;
	else if (!kind)
		status = NDIS_STATUS_ADAPTER_NOT_FOUND;
	else
		status = nic_initialize(kind, MiniportAdapterHandle, WrapperConfigurationContext);
	if (status != NDIS_STATUS_SUCCESS)
		NdisWriteErrorLogEntry(MiniportAdapterHandle, nic_error_code(status), 1, (ULONG)status);
	return status;
}
