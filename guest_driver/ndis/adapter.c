// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of an adapter as the system drives it (docs/ndis51.md sections 4.2, 4.8). */
#include <linux/slab.h>

#include "layer.h"

/* Section 4.2: the hang time is rounded down to a multiple of this; 0 means this. */
#define NDIS_HANG_SECONDS 2U

/* Adapters of the module. */
static atomic_t adapters;

struct ndis_adapter *ndis_adapter_create(struct ndis_wrapper *wrapper, struct pci_dev *pdev, unsigned int vectors,
					 const struct ndis_setting *settings,
					 const struct ndis_dma_controller *controller,
					 const struct ndis_protocol *protocol, void *protocol_context)
{
	struct ndis_adapter *adapter = kzalloc(sizeof(*adapter), GFP_KERNEL);

	if (!adapter)
		return NULL;
	adapter->pdev = pdev;
	adapter->miniport = &wrapper->miniport;
	adapter->phase = NDIS_PHASE_INITIALIZE;
	adapter->vectors = vectors;
	adapter->settings = settings;
	adapter->controller = controller;
	spin_lock_init(&adapter->lock);
	spin_lock_init(&adapter->requests);
	INIT_LIST_HEAD(&adapter->ports);
	INIT_LIST_HEAD(&adapter->timers);
	adapter->protocol = protocol;
	adapter->protocol_context = protocol_context;
	atomic_inc(&adapters);
	return adapter;
}

/* Windows unloads a driver with its last adapter. What the driver still holds of the layer then is lost (R48). */
static void record_unload(void)
{
	struct ndis_caller before = ndis_enter_phase(NDIS_PHASE_NONE);

	ndis_entered(DriverUnload, NULL, ndis_objects_alive(), 0, 0, 0);
	ndis_leave(DriverUnload, NULL, before, 0);
}

void ndis_adapter_free(struct ndis_adapter *adapter)
{
	kfree(adapter);
	ndis_quarantine_empty();
	if (atomic_dec_and_test(&adapters)) {
		ndis_shared_settle();
		record_unload();
	}
}

/*
 * Section 4.2: PASSIVE_LEVEL, inside MiniportInitialize, before any call that claims a resource. There is no result: a
 * call that comes too late or at a higher level changes nothing, and the claims that need it fail.
 */
VOID NdisMSetAttributesEx(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE MiniportAdapterContext,
			  UINT CheckForHangTimeInSeconds, ULONG AttributeFlags, NDIS_INTERFACE_TYPE AdapterType)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;

	ndis_record(NdisMSetAttributesEx, MiniportAdapterContext, CheckForHangTimeInSeconds, AttributeFlags,
		    AdapterType, 0);
	if (WARN_ON_ONCE(adapter->phase != NDIS_PHASE_INITIALIZE || KeGetCurrentIrql() != PASSIVE_LEVEL))
		return;
	adapter->context = MiniportAdapterContext;
	adapter->attributes = AttributeFlags;
	adapter->hang_seconds = max(rounddown(CheckForHangTimeInSeconds, NDIS_HANG_SECONDS), NDIS_HANG_SECONDS);
	adapter->attributes_set = true;
}

unsigned int ndis_adapter_hang_seconds(const struct ndis_adapter *adapter)
{
	return adapter->hang_seconds;
}

/*
 * R22, R27: takes away what could still run or move data, and what belongs to the machine. Memory that was left is
 * lost.
 */
static void check_released(struct ndis_adapter *adapter)
{
	ndis_interrupt_check_released(adapter);
	ndis_timers_check_released(adapter);
	ndis_dma_channel_check_released(adapter);
	ndis_map_registers_check_released(adapter);
	ndis_ports_check_released(adapter);
	ndis_shared_settle();
}

/* Section 4.8. Refuses a miniport that is not deserialized: this layer keeps no send queue (4.2). */
NDIS_STATUS ndis_adapter_initialize(struct ndis_adapter *adapter)
{
	NDIS_MEDIUM media[] = { NdisMedium802_3 };
	NDIS_STATUS open_error = NDIS_STATUS_SUCCESS;
	UINT selected = ARRAY_SIZE(media);
	struct ndis_caller before;
	NDIS_STATUS status;

	before = ndis_enter_phase(NDIS_PHASE_INITIALIZE);
	ndis_entered(MiniportInitialize, adapter->miniport->InitializeHandler, adapter->pdev->device, 0, 0, 0);
	status = adapter->miniport->InitializeHandler(&open_error, &selected, media, ARRAY_SIZE(media), adapter,
						      adapter);
	ndis_leave(MiniportInitialize, adapter->miniport->InitializeHandler, before, status);
	if (status != NDIS_STATUS_SUCCESS) {
		check_released(adapter);
		return status;
	}
	if (selected >= ARRAY_SIZE(media) || !(adapter->attributes & NDIS_ATTRIBUTE_DESERIALIZE)) {
		ndis_adapter_halt(adapter);
		return NDIS_STATUS_UNSUPPORTED_MEDIA;
	}
	WRITE_ONCE(adapter->phase, NDIS_PHASE_RUN);
	return NDIS_STATUS_SUCCESS;
}

/* R34: delivers the shared memory that was asked for before; from here on every request fails. */
static void end_run(struct ndis_adapter *adapter)
{
	unsigned long flags;

	spin_lock_irqsave(&adapter->lock, flags);
	WRITE_ONCE(adapter->phase, NDIS_PHASE_HALT);
	spin_unlock_irqrestore(&adapter->lock, flags);
	ndis_shared_settle();
}

/* Section 4.8: PASSIVE_LEVEL. Call it when no deferred half runs, and none will. */
void ndis_adapter_halt(struct ndis_adapter *adapter)
{
	struct ndis_caller before;

	end_run(adapter);
	before = ndis_enter_phase(NDIS_PHASE_HALT);
	ndis_entered(MiniportHalt, adapter->miniport->HaltHandler, 0, 0, 0, 0);
	adapter->miniport->HaltHandler(adapter->context);
	ndis_leave(MiniportHalt, adapter->miniport->HaltHandler, before, 0);
	check_released(adapter);
}

/* Section 4.8: the system goes down. The miniport makes the card quiet and releases nothing. */
void ndis_adapter_shutdown(struct ndis_adapter *adapter)
{
	struct ndis_caller before;

	if (!adapter->miniport->AdapterShutdownHandler)
		return;
	before = ndis_enter_phase(NDIS_PHASE_SHUTDOWN);
	ndis_entered(MiniportShutdown, adapter->miniport->AdapterShutdownHandler, 0, 0, 0, 0);
	adapter->miniport->AdapterShutdownHandler(adapter->context);
	ndis_leave(MiniportShutdown, adapter->miniport->AdapterShutdownHandler, before, 0);
}

/* The card was removed without notice: the miniport must not wait for it any more. */
void ndis_adapter_removed(struct ndis_adapter *adapter)
{
	struct ndis_caller before;

	if (!adapter->miniport->PnPEventNotifyHandler)
		return;
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportPnPEventNotify, adapter->miniport->PnPEventNotifyHandler,
		     NdisDevicePnPEventSurpriseRemoved, 0, 0, 0);
	adapter->miniport->PnPEventNotifyHandler(adapter->context, NdisDevicePnPEventSurpriseRemoved, NULL, 0);
	ndis_leave(MiniportPnPEventNotify, adapter->miniport->PnPEventNotifyHandler, before, 0);
}
