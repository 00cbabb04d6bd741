/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the Linux shims (PCI function, netdev) use of the NDIS layer to play the operating system and the protocol
 * driver. A miniport never includes this header.
 */
#ifndef NICRIG_NDIS_BINDING_H
#define NICRIG_NDIS_BINDING_H

#include <linux/pci.h>

#include <ndis.h>

struct ndis_wrapper;
struct ndis_adapter;

/* The handlers of the protocol, which NDIS calls. All but `interrupt` run at <= DISPATCH_LEVEL. */
struct ndis_protocol {
	/* Marks each packet that it keeps PENDING, to call NdisReturnPackets later. It copies the others. */
	void (*receive)(void *context, PPNDIS_PACKET packets, UINT count);
	/* The protocol owns the packet again. Its memory is no longer mapped for the card. */
	void (*send_complete)(void *context, PNDIS_PACKET packet, NDIS_STATUS status);
	void (*status)(void *context, NDIS_STATUS status);
	/* DIRQL: schedules ndis_handle_interrupt() at DISPATCH_LEVEL. */
	void (*interrupt)(void *context);
};

/*
 * The settings of NdisReadConfiguration. The list ends with a NULL keyword. Value 0 means "not set".
 * NdisReadNetworkAddress looks for the keyword NetworkAddress, whose six bytes are in `address`.
 */
struct ndis_setting {
	const char *keyword;
	ULONG value;
	const u8 *address;
};

/*
 * The DMA channel of a subordinate card, as the shim drives it. The layer maps and flushes the memory, and has one
 * transfer under way at a time. The context is the protocol's. <= DISPATCH_LEVEL, never two calls at once.
 */
struct ndis_dma_controller {
	/* Programs the channel to move `length` bytes between card and device address. The card starts the transfer. */
	void (*program)(void *context, dma_addr_t address, u32 length, bool write_to_device);
	/* Stops the channel: no DMA happens after it returns. Returns how many bytes were not moved. */
	u32 (*stop)(void *context);
	/* Returns how many bytes are left to move. */
	u32 (*counter)(void *context);
};

/* The only symbol of the miniport that the linker sees. */
NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);

/* wrapper.c: loads and unloads the miniport. */
struct ndis_wrapper *ndis_wrapper_load(void);
void ndis_wrapper_unload(struct ndis_wrapper *wrapper);

/* adapter.c: the life of one adapter, PASSIVE_LEVEL. `controller` is NULL for a card without a DMA channel. */
struct ndis_adapter *ndis_adapter_create(struct ndis_wrapper *wrapper, struct pci_dev *pdev, unsigned int vectors,
					 const struct ndis_setting *settings,
					 const struct ndis_dma_controller *controller,
					 const struct ndis_protocol *protocol, void *protocol_context);
void ndis_adapter_free(struct ndis_adapter *adapter);
NDIS_STATUS ndis_adapter_initialize(struct ndis_adapter *adapter);
void ndis_adapter_halt(struct ndis_adapter *adapter);
void ndis_adapter_shutdown(struct ndis_adapter *adapter);
void ndis_adapter_removed(struct ndis_adapter *adapter);
unsigned int ndis_adapter_hang_seconds(const struct ndis_adapter *adapter);

/* interrupt.c: the deferred half. DISPATCH_LEVEL, one call at a time for an adapter. */
void ndis_handle_interrupt(struct ndis_adapter *adapter);
void ndis_enable_interrupt(struct ndis_adapter *adapter);
void ndis_disable_interrupt(struct ndis_adapter *adapter);

/* request.c: one call at a time for an adapter. */
NDIS_STATUS ndis_query(struct ndis_adapter *adapter, NDIS_OID oid, void *buffer, ULONG length);
NDIS_STATUS ndis_set(struct ndis_adapter *adapter, NDIS_OID oid, void *buffer, ULONG length);
NDIS_STATUS ndis_reset(struct ndis_adapter *adapter);
bool ndis_check_for_hang(struct ndis_adapter *adapter);

#endif /* NICRIG_NDIS_BINDING_H */
