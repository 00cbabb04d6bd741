// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * docs/ndis51.md section 4.7 and configuration: once on the card, which has an interrupt, once on QEMU's PCI test
 * device, which has the same test registers in memory (BAR0) and in ports (BAR1). There byte 0 chooses a test, bytes 4
 * to 7 say at which offset writes are counted, byte 8 of which value, bytes 12 to 15 are the count, from 16 on there is
 * a name.
 */
#include "selftest.h"

#define TESTDEV_OFFSET  4
#define TESTDEV_DATA    8
#define TESTDEV_COUNT   12
#define TESTDEV_NAME    16

union resources {
	NDIS_RESOURCE_LIST list;
	UCHAR room[sizeof(NDIS_RESOURCE_LIST) + 8 * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR)];
};

static NDIS_STATUS status;
static union resources resources;
static CM_PARTIAL_RESOURCE_DESCRIPTOR *memory, *ports, *interrupt;

static VOID find_resources(NDIS_HANDLE configuration)
{
	UINT size = 4, needed, i;

	NdisMQueryAdapterResources(&status, configuration, &resources.list, &size);
	CHECK(status == NDIS_STATUS_RESOURCES && size > 4 && size <= sizeof(resources));
	needed = size;
	NdisMQueryAdapterResources(&status, configuration, &resources.list, &size);
	CHECK(status == NDIS_STATUS_SUCCESS && size == needed);
	memory = ports = interrupt = NULL;
	for (i = resources.list.Count; i--;) {
		CM_PARTIAL_RESOURCE_DESCRIPTOR *descriptor = &resources.list.PartialDescriptors[i];

		if (descriptor->Type == CmResourceTypeMemory)
			memory = descriptor;
		else if (descriptor->Type == CmResourceTypePort)
			ports = descriptor;
		else if (descriptor->Type == CmResourceTypeInterrupt)
			interrupt = descriptor;
	}
	CHECK(memory && interrupt);
}

static VOID settings(NDIS_HANDLE context)
{
	static const WCHAR known[] = L"SelftestNumber", unknown[] = L"SelftestNothing";
	PNDIS_CONFIGURATION_PARAMETER parameter;
	NDIS_HANDLE configuration;
	NDIS_STRING name;
	PVOID address;
	UINT length;

	AT_DISPATCH(NdisOpenConfiguration(&status, &configuration, context));
	CHECK(status == NDIS_STATUS_RESOURCES && !configuration);
	NdisOpenConfiguration(&status, &configuration, context);
	CHECK(status == NDIS_STATUS_SUCCESS && configuration);
	NdisInitUnicodeString(&name, known);
	CHECK(name.Length == 14 * sizeof(WCHAR));
	NdisReadConfiguration(&status, &parameter, configuration, &name, NdisParameterInteger);
	CHECK(status == NDIS_STATUS_SUCCESS && parameter->ParameterData.IntegerData == 42);
	NdisReadConfiguration(&status, &parameter, configuration, &name, NdisParameterBinary);
	CHECK(status == NDIS_STATUS_FAILURE && !parameter);
	NdisInitUnicodeString(&name, unknown);
	NdisReadConfiguration(&status, &parameter, configuration, &name, NdisParameterInteger);
	CHECK(status == NDIS_STATUS_FAILURE && !parameter);
	NdisReadNetworkAddress(&status, &address, &length, configuration);
	CHECK(status == NDIS_STATUS_SUCCESS && length == 6 && ((PUCHAR)address)[5] == 0x55);
	REFUSED(AT_DISPATCH(NdisCloseConfiguration(configuration)));
	NdisCloseConfiguration(configuration);
	REFUSED(NdisCloseConfiguration(configuration));
}

static VOID slot(NDIS_HANDLE adapter)
{
	UCHAR bytes[8];
	ULONG id = 0;

	CHECK(NdisReadPciSlotInformation(adapter, 0, 0, &id, sizeof(id)) == 4 && id && id != 0xffffffff);
	CHECK(NdisReadPciSlotInformation(adapter, 0, 0x10000, bytes, sizeof(bytes)) == 0);
	NdisWriteErrorLogEntry(adapter, NDIS_ERROR_CODE_DRIVER_FAILURE, 2, 1, 2);
}

/* R110: no memory but the card's own. */
static VOID wrong_maps(NDIS_HANDLE adapter)
{
	NDIS_PHYSICAL_ADDRESS start = memory->u.Memory.Start, ram = { .QuadPart = selftest_physical(adapter) };
	UINT length = memory->u.Memory.Length;
	PVOID va = &va;

	CHECK(NdisMMapIoSpace(&va, adapter, start, 0) == NDIS_STATUS_FAILURE && !va);
	CHECK(NdisMMapIoSpace(&va, adapter, start, length + 1) == NDIS_STATUS_RESOURCE_CONFLICT && !va);
	CHECK(NdisMMapIoSpace(&va, adapter, ram, 4096) == NDIS_STATUS_RESOURCE_CONFLICT && !va);
	AT_DISPATCH(status = NdisMMapIoSpace(&va, adapter, start, length));
	CHECK(status == NDIS_STATUS_FAILURE && !va);
}

/* -- on the card ------------------------------------------------------------------------------------- */

static NDIS_MINIPORT_INTERRUPT line, other_line;
static PVOID mapped;

static NDIS_STATUS connect(NDIS_HANDLE adapter, PNDIS_MINIPORT_INTERRUPT its_line, NDIS_INTERRUPT_MODE mode, UINT more)
{
	return NdisMRegisterInterrupt(its_line, adapter, interrupt->u.Interrupt.Vector + more,
				      interrupt->u.Interrupt.Level, TRUE, FALSE, mode);
}

static VOID initialize_card(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	find_resources(configuration);
	CHECK(!ports);
	settings(configuration);
	slot(adapter);
	wrong_maps(adapter);
	CHECK(NdisMMapIoSpace(&mapped, adapter, memory->u.Memory.Start, 4096) == NDIS_STATUS_SUCCESS && mapped);
	CHECK(connect(adapter, &line, NdisInterruptLevelSensitive, 0) == NDIS_STATUS_FAILURE);
	CHECK(connect(adapter, &line, NdisInterruptLatched, 7) == NDIS_STATUS_FAILURE);
	AT_DISPATCH(status = connect(adapter, &line, NdisInterruptLatched, 0));
	CHECK(status == NDIS_STATUS_FAILURE);
	CHECK(connect(adapter, &line, NdisInterruptLatched, 0) == NDIS_STATUS_SUCCESS);
	CHECK(connect(adapter, &other_line, NdisInterruptLatched, 0) == NDIS_STATUS_RESOURCE_CONFLICT);
}

static VOID run_card(NDIS_HANDLE adapter)
{
	PVOID va = &va;

	CHECK(connect(adapter, &other_line, NdisInterruptLatched, 0) == NDIS_STATUS_FAILURE);
	REFUSED(NdisMDeregisterInterrupt(&line));
	CHECK(NdisMMapIoSpace(&va, adapter, memory->u.Memory.Start, 4096) == NDIS_STATUS_FAILURE && !va);
	REFUSED(NdisMUnmapIoSpace(adapter, mapped, 4096));
}

static VOID halt_card(NDIS_HANDLE adapter)
{
	other_line = line;
	REFUSED(NdisMDeregisterInterrupt(&other_line));
	NdisMDeregisterInterrupt(&line);
	REFUSED(NdisMDeregisterInterrupt(&line));
	REFUSED(NdisMUnmapIoSpace(adapter, mapped, 4095));
	REFUSED(NdisMUnmapIoSpace(adapter, (PUCHAR)mapped + 4, 4096));
	NdisMUnmapIoSpace(adapter, mapped, 4096);
	REFUSED(NdisMUnmapIoSpace(adapter, mapped, 4096));
}

const struct selftest_scenario selftest_card = {
	.name = "card",
	.initialize = initialize_card,
	.run_passive = run_card,
	.halt = halt_card,
};

/* -- on the test device ------------------------------------------------------------------------------ */

static PVOID port_offset;
static ULONG_PTR port;
static UINT port_count;

/* R109 */
static VOID claim_ports(NDIS_HANDLE adapter)
{
	UINT first = ports->u.Port.Start.QuadPart;
	PVOID other = &other;

	port_count = ports->u.Port.Length;
	CHECK(ports->Flags == CM_RESOURCE_PORT_IO);
	CHECK(NdisMRegisterIoPortRange(&other, adapter, first, 0) == NDIS_STATUS_FAILURE && !other);
	CHECK(NdisMRegisterIoPortRange(&other, adapter, 0xfffe, 3) == NDIS_STATUS_FAILURE && !other);
	CHECK(NdisMRegisterIoPortRange(&other, adapter, 0x60, 1) == NDIS_STATUS_RESOURCE_CONFLICT && !other);
	CHECK(NdisMRegisterIoPortRange(&other, adapter, first, port_count + 1) == NDIS_STATUS_RESOURCE_CONFLICT);
	AT_DISPATCH(status = NdisMRegisterIoPortRange(&other, adapter, first, port_count));
	CHECK(status == NDIS_STATUS_FAILURE);
	CHECK(NdisMRegisterIoPortRange(&port_offset, adapter, first, port_count) == NDIS_STATUS_SUCCESS);
	CHECK(NdisMRegisterIoPortRange(&other, adapter, first, port_count) == NDIS_STATUS_RESOURCE_CONFLICT);
	port = (ULONG_PTR)port_offset;
}

static UCHAR port_byte(ULONG at)
{
	UCHAR value;

	NdisRawReadPortUchar(port + at, &value);
	return value;
}

/* The device's tests of ports are numbers 3 to 5 of its own; the last one chosen holds. */
static VOID write_ports(VOID)
{
	USHORT words[] = { 0, 1, 2 };
	ULONG numbers[] = { 2, 1, 0 };

	NdisRawWritePortUchar(port, 0);
	CHECK(port_byte(0) == 3);
	NdisRawWritePortUshort(port, 1);
	CHECK(port_byte(0) == 4);
	NdisRawWritePortUlong(port, 2);
	CHECK(port_byte(0) == 5);
	NdisRawWritePortUchar(port, 0);
	NdisRawWritePortBufferUshort(port, words, 3);
	CHECK(port_byte(0) == 5);
	NdisRawWritePortBufferUlong(port, numbers, 3);
	CHECK(port_byte(0) == 3);
}

/* Each element of a buffer is an access, and all go to the one port. */
static VOID count_writes(VOID)
{
	UCHAR data = port_byte(TESTDEV_DATA), bytes[] = { data, data, data, data };
	ULONG offset;

	NdisRawReadPortUlong(port + TESTDEV_OFFSET, &offset);
	CHECK(port_byte(TESTDEV_COUNT) == 0);
	NdisRawWritePortUchar(port + offset, data);
	CHECK(port_byte(TESTDEV_COUNT) == 1);
	NdisRawWritePortBufferUchar(port + offset, bytes, 4);
	CHECK(port_byte(TESTDEV_COUNT) == 5);
}

static VOID read_ports(VOID)
{
	UCHAR bytes[3];
	USHORT word, words[3];
	ULONG number, numbers[3];

	CHECK(port_byte(TESTDEV_NAME) == 'p');
	NdisRawReadPortUshort(port + TESTDEV_COUNT, &word);
	NdisRawReadPortUlong(port + TESTDEV_COUNT, &number);
	CHECK(word == 5 && number == 5);
	NdisRawReadPortBufferUchar(port + TESTDEV_COUNT, bytes, 3);
	CHECK(bytes[0] == 5 && bytes[1] == 5 && bytes[2] == 5);
	NdisRawReadPortBufferUshort(port + TESTDEV_COUNT, words, 3);
	CHECK(words[0] == 5 && words[1] == 5 && words[2] == 5);
	NdisRawReadPortBufferUlong(port + TESTDEV_COUNT, numbers, 3);
	CHECK(numbers[0] == 5 && numbers[1] == 5 && numbers[2] == 5);
}

static VOID use_ports(VOID)
{
	write_ports();
	count_writes();
	read_ports();
}

static VOID other_ports(VOID)
{
	UCHAR byte = 0, bytes[2] = {};
	ULONG number = 0;

	NdisRawReadPortUchar(port + port_count, &byte);
	CHECK(byte == 0xff);
	NdisRawReadPortUlong(port + port_count - 2, &number);
	CHECK(number == 0xffffffff);
	NdisRawReadPortBufferUchar((ULONG_PTR)0x10000, bytes, 2);
	CHECK(bytes[0] == 0xff && bytes[1] == 0xff);
	NdisRawWritePortUchar(port + port_count, 0);
}

static VOID use_memory(NDIS_HANDLE adapter)
{
	volatile UCHAR *registers;
	UINT length = memory->u.Memory.Length;
	UCHAR byte, data, name[2], choice = 0;
	USHORT word;
	ULONG number, offset;
	PVOID va;

	CHECK(NdisMMapIoSpace(&va, adapter, memory->u.Memory.Start, length) == NDIS_STATUS_SUCCESS);
	registers = va;
	NdisMoveToMappedMemory(va, &choice, 1);
	NdisMoveFromMappedMemory(name, (PUCHAR)va + TESTDEV_NAME, 2);
	CHECK(name[0] == 'm' && name[1] == name[0]);
	NdisReadRegisterUlong((volatile ULONG *)(registers + TESTDEV_OFFSET), &offset);
	NdisReadRegisterUchar(registers + TESTDEV_DATA, &data);
	NdisWriteRegisterUchar(registers + offset, data);
	NdisWriteRegisterUshort((volatile USHORT *)(registers + offset), data);
	NdisWriteRegisterUlong((volatile ULONG *)(registers + offset), data);
	NdisReadRegisterUchar(registers + TESTDEV_COUNT, &byte);
	NdisReadRegisterUshort((volatile USHORT *)(registers + TESTDEV_COUNT), &word);
	NdisReadRegisterUlong((volatile ULONG *)(registers + TESTDEV_COUNT), &number);
	CHECK(byte == 3 && word == 3 && number == 3);
	NdisMUnmapIoSpace(adapter, va, length);
}

static VOID initialize_ports(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	NDIS_DMA_DESCRIPTION description = {};
	NDIS_HANDLE channel;

	find_resources(configuration);
	CHECK(ports != NULL);
	claim_ports(adapter);
	use_ports();
	other_ports();
	wrong_maps(adapter);
	use_memory(adapter);
	/* A card without a channel. */
	CHECK(NdisMRegisterDmaChannel(&channel, adapter, 0, TRUE, &description, 100) == NDIS_STATUS_FAILURE &&
	      !channel);
}

static VOID run_ports_passive(NDIS_HANDLE adapter)
{
	PVOID other;

	REFUSED(NdisMDeregisterIoPortRange(adapter, port, port_count, port_offset));
	CHECK(NdisMRegisterIoPortRange(&other, adapter, port, 1) == NDIS_STATUS_FAILURE && !other);
}

static VOID run_ports(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	use_ports();
}

static VOID halt_ports(NDIS_HANDLE adapter)
{
	UCHAR byte = 0;

	REFUSED(NdisMDeregisterIoPortRange(adapter, port, port_count - 1, port_offset));
	REFUSED(NdisMDeregisterIoPortRange(adapter, port, port_count, NULL));
	NdisMDeregisterIoPortRange(adapter, port, port_count, port_offset);
	REFUSED(NdisMDeregisterIoPortRange(adapter, port, port_count, port_offset));
	NdisRawReadPortUchar(port, &byte);
	CHECK(byte == 0xff);
}

const struct selftest_scenario selftest_ports = {
	.name = "ports",
	.initialize = initialize_ports,
	.run = run_ports,
	.run_passive = run_ports_passive,
	.run_device = run_ports,
	.halt = halt_ports,
};
