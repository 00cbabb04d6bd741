// SPDX-License-Identifier: GPL-2.0-or-later
/* Configuration, hardware resources, PCI configuration space and the error log (docs/ndis51.md sections 4.7, 8.1). */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/stdarg.h>
#include <linux/string.h>

#include "../faults/inject.h"
#include "../layer.h"

/* Lists every BAR before this one, so that a miniport can identify them by their order. */
#define NDIS_ORDERED_BARS 3
/* The flight recorder's BAR belongs to NDIS. */
#define NDIS_RECORDER_BAR 3

struct ndis_configuration {
	struct ndis_object object;
	const struct ndis_setting *settings;
	NDIS_CONFIGURATION_PARAMETER parameter;
};

VOID NdisInitUnicodeString(PNDIS_STRING DestinationString, PCWSTR SourceString)
{
	USHORT characters = 0;

	while (SourceString[characters])
		characters++;
	DestinationString->Buffer = (PWSTR)SourceString;
	DestinationString->Length = characters * sizeof(WCHAR);
	DestinationString->MaximumLength = DestinationString->Length + sizeof(WCHAR);
}

static struct ndis_configuration *configuration_make(const struct ndis_adapter *adapter)
{
	struct ndis_configuration *configuration;

	if (KeGetCurrentIrql() != PASSIVE_LEVEL || ndis_fail(NdisOpenConfiguration, 0))
		return NULL;
	configuration = kzalloc(sizeof(*configuration), GFP_KERNEL);
	if (!configuration)
		return NULL;
	configuration->settings = adapter->settings;
	ndis_object_add(&configuration->object, NDIS_OBJECT_CONFIGURATION, configuration);
	return configuration;
}

/* SUCCESS, or RESOURCES and NULL without memory or above PASSIVE_LEVEL. */
VOID NdisOpenConfiguration(PNDIS_STATUS Status, PNDIS_HANDLE ConfigurationHandle,
			   NDIS_HANDLE WrapperConfigurationContext)
{
	struct ndis_configuration *configuration = configuration_make(WrapperConfigurationContext);

	*ConfigurationHandle = configuration;
	*Status = configuration ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
	ndis_record(NdisOpenConfiguration, configuration, 0, 0, 0, *Status);
}

static bool keyword_is(const NDIS_STRING *keyword, const char *name)
{
	unsigned int characters = keyword->Length / sizeof(WCHAR);
	unsigned int i;

	for (i = 0; i < characters && name[i]; i++)
		if (keyword->Buffer[i] != (UCHAR)name[i])
			return false;
	return i == characters && !name[i];
}

/* NULL for a keyword that is not set. */
static const struct ndis_setting *find_setting(const struct ndis_setting *setting, const NDIS_STRING *keyword)
{
	for (; setting->keyword; setting++)
		if (setting->value && keyword_is(keyword, setting->keyword))
			return setting;
	return NULL;
}

/*
 * SUCCESS and a parameter that lives until the next read or until the handle is closed; FAILURE for a keyword that is
 * not set, or a type other than an integer.
 */
VOID NdisReadConfiguration(PNDIS_STATUS Status, PNDIS_CONFIGURATION_PARAMETER *ParameterValue,
			   NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword,
			   NDIS_PARAMETER_TYPE ParameterType)
{
	struct ndis_configuration *configuration = ConfigurationHandle;
	const struct ndis_setting *setting;

	*ParameterValue = NULL;
	*Status = NDIS_STATUS_FAILURE;
	setting = find_setting(configuration->settings, Keyword);
	if (ndis_fail(NdisReadConfiguration, 0))
		setting = NULL;
	if (setting && (ParameterType == NdisParameterInteger || ParameterType == NdisParameterHexInteger)) {
		configuration->parameter.ParameterType = ParameterType;
		configuration->parameter.ParameterData.IntegerData = setting->value;
		*ParameterValue = &configuration->parameter;
		*Status = NDIS_STATUS_SUCCESS;
	}
	ndis_record(NdisReadConfiguration, configuration, setting ? setting->value : 0, 0, 0, *Status);
}

static const u8 *network_address(const struct ndis_setting *setting)
{
	for (; setting->keyword; setting++)
		if (setting->address && !strcmp(setting->keyword, "NetworkAddress"))
			return setting->address;
	return NULL;
}

/*
 * SUCCESS and the six bytes of the address that the user set for the card, which live until the handle is closed;
 * FAILURE, NULL and 0 if the user set none. PASSIVE_LEVEL.
 */
VOID NdisReadNetworkAddress(PNDIS_STATUS Status, PVOID *NetworkAddress, PUINT NetworkAddressLength,
			    NDIS_HANDLE ConfigurationHandle)
{
	struct ndis_configuration *configuration = ConfigurationHandle;
	const u8 *address = network_address(configuration->settings);

	if (ndis_fail(NdisReadNetworkAddress, 0))
		address = NULL;
	*NetworkAddress = (PVOID)address;
	*NetworkAddressLength = address ? ETH_ALEN : 0;
	*Status = address ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
	ndis_record(NdisReadNetworkAddress, configuration, *NetworkAddressLength, 0, 0, *Status);
}

/* Refuses a handle that is not open. PASSIVE_LEVEL. */
VOID NdisCloseConfiguration(NDIS_HANDLE ConfigurationHandle)
{
	struct ndis_configuration *configuration = ConfigurationHandle;

	ndis_record(NdisCloseConfiguration, configuration, 0, 0, 0, 0);
	if (WARN_ON_ONCE(KeGetCurrentIrql() != PASSIVE_LEVEL ||
			 !ndis_object_find(NDIS_OBJECT_CONFIGURATION, configuration)))
		return;
	ndis_object_remove(&configuration->object);
	kfree(configuration);
}

static bool bar_is_listed(struct pci_dev *pdev, int bar)
{
	return bar < NDIS_ORDERED_BARS || (bar != NDIS_RECORDER_BAR && pci_resource_len(pdev, bar));
}

static UINT count_bars(struct pci_dev *pdev)
{
	UINT count = 0;
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		count += bar_is_listed(pdev, bar);
	return count;
}

static void describe_bar(CM_PARTIAL_RESOURCE_DESCRIPTOR *descriptor, struct pci_dev *pdev, int bar)
{
	bool ports = pci_resource_flags(pdev, bar) & IORESOURCE_IO;

	memset(descriptor, 0, sizeof(*descriptor));
	descriptor->Type = ports ? CmResourceTypePort : CmResourceTypeMemory;
	descriptor->Flags = ports ? CM_RESOURCE_PORT_IO : 0;
	descriptor->ShareDisposition = CmResourceShareDeviceExclusive;
	descriptor->u.Generic.Start.QuadPart = pci_resource_start(pdev, bar);
	descriptor->u.Generic.Length = pci_resource_len(pdev, bar);
}

/*
 * Lists the BARs in their order, memory or ports, then the interrupt. RESOURCES if the buffer is too small, with the
 * size needed in *BufferSize. The interrupt is one resource however many messages the function has: NDIS 5.1 has one
 * interrupt per adapter, and NdisMRegisterInterrupt connects every message to it.
 */
VOID NdisMQueryAdapterResources(PNDIS_STATUS Status, NDIS_HANDLE WrapperConfigurationContext,
				PNDIS_RESOURCE_LIST ResourceList, PUINT BufferSize)
{
	struct ndis_adapter *adapter = WrapperConfigurationContext;
	CM_PARTIAL_RESOURCE_DESCRIPTOR *descriptor = ResourceList->PartialDescriptors;
	UINT count = count_bars(adapter->pdev) + 1;
	UINT needed = FIELD_OFFSET(NDIS_RESOURCE_LIST, PartialDescriptors) + count * sizeof(*descriptor);
	int bar;

	*Status = *BufferSize < needed ? NDIS_STATUS_RESOURCES : NDIS_STATUS_SUCCESS;
	ndis_record(NdisMQueryAdapterResources, *BufferSize, 0, 0, 0, *Status);
	if (*BufferSize < needed) {
		*BufferSize = needed;
		return;
	}
	*BufferSize = needed;
	memset(ResourceList, 0, FIELD_OFFSET(NDIS_RESOURCE_LIST, PartialDescriptors));
	ResourceList->Version = 1;
	ResourceList->Revision = 1;
	ResourceList->Count = count;
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if (bar_is_listed(adapter->pdev, bar))
			describe_bar(descriptor++, adapter->pdev, bar);
	memset(descriptor, 0, sizeof(*descriptor));
	descriptor->Type = CmResourceTypeInterrupt;
	descriptor->ShareDisposition = CmResourceShareDeviceExclusive;
	descriptor->Flags = CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE;
	descriptor->u.Interrupt.Vector = pci_irq_vector(adapter->pdev, 0);
	descriptor->u.Interrupt.Level = NDIS_INTERRUPT_LEVEL;
	descriptor->u.Interrupt.Affinity = ~(KAFFINITY)0;
}

/*
 * Returns the bytes read: fewer than Length at the end of the space, 0 if the function does not answer. Ignores the
 * slot.
 */
ULONG NdisReadPciSlotInformation(NDIS_HANDLE NdisAdapterHandle, ULONG SlotNumber, ULONG Offset, PVOID Buffer,
				 ULONG Length)
{
	struct ndis_adapter *adapter = NdisAdapterHandle;
	UCHAR *bytes = Buffer;
	ULONG i;

	UNREFERENCED_PARAMETER(SlotNumber);
	for (i = 0; i < Length && Offset + i < (ULONG)adapter->pdev->cfg_size; i++)
		if (pci_read_config_byte(adapter->pdev, Offset + i, &bytes[i]))
			break;
	ndis_record(NdisReadPciSlotInformation, Offset, Length, 0, 0, i);
	return i;
}

/* Writes one line to the kernel log: the event's code and at most four of the driver's values. <= DISPATCH_LEVEL. */
VOID NdisWriteErrorLogEntry(NDIS_HANDLE NdisAdapterHandle, NDIS_ERROR_CODE ErrorCode, ULONG NumberOfErrorValues,
			    ...)
{
	struct ndis_adapter *adapter = NdisAdapterHandle;
	ULONG values[4] = {};
	va_list arguments;
	ULONG i;

	ndis_record(NdisWriteErrorLogEntry, ErrorCode, 0, 0, 0, 0);
	va_start(arguments, NumberOfErrorValues);
	for (i = 0; i < NumberOfErrorValues && i < ARRAY_SIZE(values); i++)
		values[i] = va_arg(arguments, ULONG);
	va_end(arguments);
	dev_err_ratelimited(&adapter->pdev->dev, "miniport event %08x: %08x %08x %08x %08x\n", ErrorCode,
			    values[0], values[1], values[2], values[3]);
}
