// SPDX-License-Identifier: GPL-2.0-or-later
/* I/O ports: claimed in whole ranges, read and written only inside them (docs/ndis51.md section 4.7). */
#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "../faults/inject.h"
#include "../layer.h"

#define NDIS_PORTS_END 0x10000U

struct ndis_port_range {
	struct list_head list;
	UINT first;
	UINT count;
};

/* The ports that a miniport may access now. Every access looks here, at any level. */
static DECLARE_BITMAP(claimed_ports, NDIS_PORTS_END);
static DEFINE_MUTEX(claims_lock);

/* On x86 the translated port is the port itself. */
static void *port_offset(UINT first)
{
	return (void *)(unsigned long)first;
}

static bool inside_a_port_bar(struct pci_dev *pdev, UINT first, UINT count)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		resource_size_t start = pci_resource_start(pdev, bar), size = pci_resource_len(pdev, bar);

		if (size && (pci_resource_flags(pdev, bar) & IORESOURCE_IO) && first >= start &&
		    first + count <= start + size)
			return true;
	}
	return false;
}

static NDIS_STATUS claim(struct ndis_adapter *adapter, UINT first, UINT count)
{
	struct ndis_port_range *range = kzalloc(sizeof(*range), GFP_KERNEL);

	if (!range)
		return NDIS_STATUS_RESOURCES;
	if (!inside_a_port_bar(adapter->pdev, first, count) ||
	    !request_region(first, count, pci_name(adapter->pdev))) {
		dev_err(&adapter->pdev->dev, "ports %#x-%#x are taken, or not this card's\n", first,
			first + count - 1);
		kfree(range);
		return NDIS_STATUS_RESOURCE_CONFLICT;
	}
	range->first = first;
	range->count = count;
	mutex_lock(&claims_lock);
	list_add(&range->list, &adapter->ports);
	bitmap_set(claimed_ports, first, count);
	mutex_unlock(&claims_lock);
	ndis_object_count(NDIS_OBJECT_PORTS, 1);
	return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS register_range(struct ndis_adapter *adapter, UINT first, UINT count)
{
	if (!ndis_may_claim(adapter) || !count || first >= NDIS_PORTS_END || count > NDIS_PORTS_END - first)
		return NDIS_STATUS_FAILURE;
	if (ndis_fail(NdisMRegisterIoPortRange, 0))
		return NDIS_STATUS_RESOURCES;
	return claim(adapter, first, count);
}

/*
 * Section 4.7: SUCCESS; RESOURCE_CONFLICT, logged, for ports that are claimed already or not this card's; RESOURCES;
 * FAILURE for a range that no machine has, before the attributes, outside MiniportInitialize or above PASSIVE_LEVEL.
 * On failure the offset is NULL.
 */
NDIS_STATUS NdisMRegisterIoPortRange(PVOID *PortOffset, NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort,
				     UINT NumberOfPorts)
{
	NDIS_STATUS status = register_range(MiniportAdapterHandle, InitialPort, NumberOfPorts);

	*PortOffset = status == NDIS_STATUS_SUCCESS ? port_offset(InitialPort) : NULL;
	ndis_record(NdisMRegisterIoPortRange, InitialPort, NumberOfPorts, *PortOffset, 0, status);
	return status;
}

static struct ndis_port_range *find_range(struct ndis_adapter *adapter, UINT first, UINT count)
{
	struct ndis_port_range *range;

	list_for_each_entry(range, &adapter->ports, list)
		if (range->first == first && range->count == count)
			return range;
	return NULL;
}

static void release(struct ndis_port_range *range)
{
	mutex_lock(&claims_lock);
	bitmap_clear(claimed_ports, range->first, range->count);
	list_del(&range->list);
	mutex_unlock(&claims_lock);
	release_region(range->first, range->count);
	kfree(range);
	ndis_object_count(NDIS_OBJECT_PORTS, -1);
}

/*
 * Section 4.7: takes a whole range as registered, inside Initialize or Halt, PASSIVE_LEVEL. Refuses anything else
 * (R38).
 */
VOID NdisMDeregisterIoPortRange(NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort, UINT NumberOfPorts,
				PVOID PortOffset)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_port_range *range = find_range(adapter, InitialPort, NumberOfPorts);

	ndis_record(NdisMDeregisterIoPortRange, InitialPort, NumberOfPorts, PortOffset, 0, 0);
	if (!WARN_ON_ONCE(!range || !ndis_may_release(adapter) || PortOffset != port_offset(InitialPort)))
		release(range);
}

void ndis_ports_check_released(struct ndis_adapter *adapter)
{
	struct ndis_port_range *range, *next;

	list_for_each_entry_safe(range, next, &adapter->ports, list) {
		WARN_ON_ONCE(true);
		release(range);
	}
}

/* R109: whether an access stays inside claimed ports. Any other access never reaches the bus. */
static bool may_access(const void *port, UINT bytes)
{
	unsigned long first = (unsigned long)port;

	return !WARN_ON_ONCE(first > NDIS_PORTS_END - bytes ||
			     find_next_zero_bit(claimed_ports, first + bytes, first) < first + bytes);
}

static unsigned long number(const void *port)
{
	return (unsigned long)port;
}

static __always_inline bool reads(const void *port, UINT bytes, ULONG count)
{
	ndis_record(NdisRawReadPort, port, (u64)count * bytes, 0, 0, 0);
	return may_access(port, bytes);
}

static __always_inline bool writes(const void *port, UINT bytes, ULONG count)
{
	ndis_record(NdisRawWritePort, port, (u64)count * bytes, 0, 0, 0);
	return may_access(port, bytes);
}

/* NdisRawReadPort*, section 4.7: any level. Reads all ones outside the registered ranges. */
UCHAR READ_PORT_UCHAR(PUCHAR Port)
{
	return reads(Port, sizeof(UCHAR), 1) ? inb(number(Port)) : (UCHAR)~0;
}

USHORT READ_PORT_USHORT(PUSHORT Port)
{
	return reads(Port, sizeof(USHORT), 1) ? inw(number(Port)) : (USHORT)~0;
}

ULONG READ_PORT_ULONG(PULONG Port)
{
	return reads(Port, sizeof(ULONG), 1) ? inl(number(Port)) : (ULONG)~0;
}

/* NdisRawWritePort*, section 4.7: any level. Writes nothing outside the registered ranges. */
VOID WRITE_PORT_UCHAR(PUCHAR Port, UCHAR Value)
{
	if (writes(Port, sizeof(UCHAR), 1))
		outb(Value, number(Port));
}

VOID WRITE_PORT_USHORT(PUSHORT Port, USHORT Value)
{
	if (writes(Port, sizeof(USHORT), 1))
		outw(Value, number(Port));
}

VOID WRITE_PORT_ULONG(PULONG Port, ULONG Value)
{
	if (writes(Port, sizeof(ULONG), 1))
		outl(Value, number(Port));
}

/*
 * NdisRawReadPortBuffer*, section 4.7: reads one port `Count` times, any level. All ones outside the registered
 * ranges.
 */
VOID READ_PORT_BUFFER_UCHAR(PUCHAR Port, PUCHAR Buffer, ULONG Count)
{
	if (reads(Port, sizeof(UCHAR), Count))
		insb(number(Port), Buffer, Count);
	else
		memset(Buffer, 0xff, (size_t)Count * sizeof(UCHAR));
}

VOID READ_PORT_BUFFER_USHORT(PUSHORT Port, PUSHORT Buffer, ULONG Count)
{
	if (reads(Port, sizeof(USHORT), Count))
		insw(number(Port), Buffer, Count);
	else
		memset(Buffer, 0xff, (size_t)Count * sizeof(USHORT));
}

VOID READ_PORT_BUFFER_ULONG(PULONG Port, PULONG Buffer, ULONG Count)
{
	if (reads(Port, sizeof(ULONG), Count))
		insl(number(Port), Buffer, Count);
	else
		memset(Buffer, 0xff, (size_t)Count * sizeof(ULONG));
}

/*
 * NdisRawWritePortBuffer*, section 4.7: writes one port `Count` times, any level. Nothing outside the registered
 * ranges.
 */
VOID WRITE_PORT_BUFFER_UCHAR(PUCHAR Port, PUCHAR Buffer, ULONG Count)
{
	if (writes(Port, sizeof(UCHAR), Count))
		outsb(number(Port), Buffer, Count);
}

VOID WRITE_PORT_BUFFER_USHORT(PUSHORT Port, PUSHORT Buffer, ULONG Count)
{
	if (writes(Port, sizeof(USHORT), Count))
		outsw(number(Port), Buffer, Count);
}

VOID WRITE_PORT_BUFFER_ULONG(PULONG Port, PULONG Buffer, ULONG Count)
{
	if (writes(Port, sizeof(ULONG), Count))
		outsl(number(Port), Buffer, Count);
}
