// SPDX-License-Identifier: GPL-2.0-or-later
/* Registration: from the module's loader to DriverEntry. */
#include <linux/slab.h>

#include "layer.h"
#include "faults/mutate.h"

/*
 * Windows gives every driver one. Here it only carries the wrapper from the loader to NdisInitializeWrapper and back.
 */
struct _DRIVER_OBJECT {
	struct ndis_wrapper *wrapper;
};

/* Without memory the handle is NULL, and NdisMRegisterMiniport fails. */
VOID NdisInitializeWrapper(PNDIS_HANDLE NdisWrapperHandle, PVOID SystemSpecific1, PVOID SystemSpecific2,
			   PVOID SystemSpecific3)
{
	PDRIVER_OBJECT driver = SystemSpecific1;

	UNREFERENCED_PARAMETER(SystemSpecific2);
	UNREFERENCED_PARAMETER(SystemSpecific3);
	driver->wrapper = kzalloc(sizeof(*driver->wrapper), GFP_KERNEL);
	*NdisWrapperHandle = driver->wrapper;
}

/* For a failed registration only. The wrapper itself is freed after DriverEntry returned. */
VOID NdisTerminateWrapper(NDIS_HANDLE NdisWrapperHandle, PVOID SystemSpecific)
{
	struct ndis_wrapper *wrapper = NdisWrapperHandle;

	UNREFERENCED_PARAMETER(SystemSpecific);
	if (wrapper)
		wrapper->registered = false;
}

static bool has_handlers(const NDIS_MINIPORT_CHARACTERISTICS *miniport)
{
	return miniport->InitializeHandler && miniport->HaltHandler && miniport->ResetHandler &&
	       miniport->QueryInformationHandler && miniport->SetInformationHandler && miniport->ISRHandler &&
	       miniport->HandleInterruptHandler && miniport->SendPacketsHandler && miniport->ReturnPacketHandler;
}

/*
 * SUCCESS; BAD_VERSION for anything but 5.0 and 5.1; BAD_CHARACTERISTICS for a short structure or a missing handler
 * (this layer sends by SendPackets only); RESOURCES without a wrapper.
 */
NDIS_STATUS NdisMRegisterMiniport(NDIS_HANDLE NdisWrapperHandle,
				  PNDIS_MINIPORT_CHARACTERISTICS MiniportCharacteristics,
				  UINT CharacteristicsLength)
{
	struct ndis_wrapper *wrapper = NdisWrapperHandle;

	if (!wrapper)
		return NDIS_STATUS_RESOURCES;
	if (MiniportCharacteristics->MajorNdisVersion != 5 || MiniportCharacteristics->MinorNdisVersion > 1)
		return NDIS_STATUS_BAD_VERSION;
	if (CharacteristicsLength < sizeof(*MiniportCharacteristics) || !has_handlers(MiniportCharacteristics))
		return NDIS_STATUS_BAD_CHARACTERISTICS;
	wrapper->miniport = *MiniportCharacteristics;
	ndis_mutate_handlers(&wrapper->miniport);
	wrapper->registered = true;
	return NDIS_STATUS_SUCCESS;
}

/* NULL if DriverEntry failed or registered nothing. */
struct ndis_wrapper *ndis_wrapper_load(void)
{
	struct _DRIVER_OBJECT driver = {};
	UNICODE_STRING path = {};

	if (!ndis_shared_start())
		return NULL;
	if (DriverEntry(&driver, &path) == STATUS_SUCCESS && driver.wrapper && driver.wrapper->registered)
		return driver.wrapper;
	ndis_wrapper_unload(driver.wrapper);
	return NULL;
}

void ndis_wrapper_unload(struct ndis_wrapper *wrapper)
{
	kfree(wrapper);
	ndis_shared_stop();
	ndis_quarantine_empty();
}
