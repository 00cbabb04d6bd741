// SPDX-License-Identifier: GPL-2.0-or-later
/* What the system reports about the adapter: its kind, settings and hardware resources (section 8). */
#include "miniport.h"

#define NIC_RESOURCES           8       /* descriptors that the resource list has room for */
#define NIC_PCI_ID_OFFSET       0

union nic_resource_list {
	NDIS_RESOURCE_LIST list;
	UCHAR room[sizeof(NDIS_RESOURCE_LIST) + NIC_RESOURCES * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR)];
};

static const struct nic_kind *const nic_kinds[] = { &nic_bus_master, &nic_subordinate, &nic_non_dma };

/* By the PCI ids; NULL for a function that this miniport does not drive. */
const struct nic_kind *nic_find_kind(NDIS_HANDLE handle)
{
	ULONG id = 0;
	ULONG i;

	if (NdisReadPciSlotInformation(handle, 0, NIC_PCI_ID_OFFSET, &id, sizeof(id)) != sizeof(id))
		return NULL;
	for (i = 0; i < sizeof(nic_kinds) / sizeof(*nic_kinds); i++) {
		if (id == ((ULONG)nic_kinds[i]->device << 16 | NICRIG_VENDOR_ID))
			return nic_kinds[i];
	}
	return NULL;
}

/* The setting, or `otherwise` for a keyword that is not set. */
ULONG nic_read_number(NDIS_HANDLE configuration, PCWSTR name, ULONG otherwise)
{
	PNDIS_CONFIGURATION_PARAMETER parameter;
	NDIS_STRING keyword;
	NDIS_STATUS status;

	NdisInitUnicodeString(&keyword, name);
	NdisReadConfiguration(&status, &parameter, configuration, &keyword, NdisParameterInteger);
	return status == NDIS_STATUS_SUCCESS ? parameter->ParameterData.IntegerData : otherwise;
}

/* Without a configuration a kind keeps its defaults. */
VOID nic_read_configuration(struct nic_adapter *nic, NDIS_HANDLE context)
{
	NDIS_HANDLE configuration;
	NDIS_STATUS status;

	if (!nic->kind->configure)
		return;
	NdisOpenConfiguration(&status, &configuration, context);
	if (status != NDIS_STATUS_SUCCESS)
		return;
	nic->kind->configure(nic, configuration);
	NdisCloseConfiguration(configuration);
}

/* Memory resources come in the order of the BARs. */
static VOID nic_take_memory(struct nic_resources *resources, ULONG bar, NDIS_PHYSICAL_ADDRESS start)
{
	if (bar == NICRIG_BAR_CONTROL)
		resources->control = start;
	else if (bar == NICRIG_BAR_DOORBELL)
		resources->words = start;
}

NDIS_STATUS nic_find_resources(struct nic_adapter *nic, NDIS_HANDLE context)
{
	union nic_resource_list resources;
	PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = resources.list.PartialDescriptors;
	UINT size = sizeof(resources);
	BOOLEAN interrupt = FALSE;
	NDIS_STATUS status;
	ULONG bars = 0, i;

	NdisMQueryAdapterResources(&status, context, &resources.list, &size);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	for (i = 0; i < resources.list.Count; i++, descriptor++) {
		if (descriptor->Type == CmResourceTypeInterrupt) {
			nic->resources.interrupt_vector = descriptor->u.Interrupt.Vector;
			nic->resources.interrupt_level = descriptor->u.Interrupt.Level;
			interrupt = TRUE;
		} else if (descriptor->Type == CmResourceTypePort) {
			nic->resources.first_port = descriptor->u.Port.Start.LowPart;
		} else if (descriptor->Type == CmResourceTypeMemory) {
			nic_take_memory(&nic->resources, bars++, descriptor->u.Memory.Start);
		}
	}
	return interrupt && bars > NICRIG_BAR_DOORBELL ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCE_CONFLICT;
}
