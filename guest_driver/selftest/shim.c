// SPDX-License-Identifier: GPL-2.0-or-later
/* The Linux shim of the self-test: it plays system, protocol and card, and counts checks and failures. */
#include <linux/completion.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "../ndis/layer.h"
#include "selftest.h"

/* Uses types of <ndis.h>, so it comes after it. */
#include "../miniport/hardware.h"

#define TESTDEV_VENDOR_ID 0x1b36
#define TESTDEV_DEVICE_ID 0x0005

const struct selftest_scenario *selftest_now;
UCHAR selftest_card_memory[256];
NDIS_STATUS selftest_completed;
UINT selftest_received;
BOOLEAN selftest_frees;

/* The lives of seeds.c instead of the checks. */
static bool seeds;
module_param(seeds, bool, 0444);
MODULE_PARM_DESC(seeds, "Make the calls of the seed documents, and nothing else");

static struct ndis_wrapper *wrapper;
static atomic_t checks, failures;

VOID selftest_check(BOOLEAN good, const CHAR *where, const CHAR *what)
{
	atomic_inc(&checks);
	if (!good)
		atomic_inc(&failures);
	printk("%s%s: %s %s: %s: %s\n", good ? KERN_INFO : KERN_ERR, KBUILD_MODNAME, good ? "ok" : "FAILED",
	       selftest_now ? selftest_now->name : "registration", where, what);
}

ULONG selftest_alive(VOID)
{
	return ndis_objects_alive();
}

ULONG selftest_line(VOID)
{
	return ndis_cache_line();
}

VOID selftest_say(const CHAR *what, ULONGLONG value)
{
	pr_info("%s: %s %016llx\n", KBUILD_MODNAME, what, value);
}

ULONGLONG selftest_physical(PVOID va)
{
	if (is_vmalloc_addr(va))
		return page_to_phys(vmalloc_to_page(va)) + offset_in_page(va);
	return virt_to_phys(va);
}

/* Whether plain memory of more than a page has its pages apart (scattered=1). */
BOOLEAN selftest_scatters(VOID)
{
	return ndis_scatters(2 * PAGE_SIZE);
}

/* -- the card's DMA channel --------------------------------------------------------------------------- */

static struct {
	dma_addr_t address;
	u32 length;
	u32 left;
	bool write;
} transfer;

static void program_channel(void *context, dma_addr_t address, u32 length, bool write_to_device)
{
	transfer.address = address;
	transfer.length = length;
	transfer.left = length;
	transfer.write = write_to_device;
}

static u32 stop_channel(void *context)
{
	return transfer.left;
}

static u32 count_channel(void *context)
{
	return transfer.left;
}

/* Without an IOMMU a device address is a physical one. */
VOID selftest_card_moves(ULONG bytes)
{
	u32 at = transfer.length - transfer.left;
	u8 *memory = phys_to_virt(transfer.address + at);

	if (transfer.write)
		memcpy(selftest_card_memory + at, memory, bytes);
	else
		memcpy(memory, selftest_card_memory + at, bytes);
	transfer.left -= bytes;
}

VOID selftest_card_reads(PVOID to, ULONGLONG address, ULONG bytes)
{
	memcpy(to, phys_to_virt(address), bytes);
}

VOID selftest_card_writes(ULONGLONG address, PVOID from, ULONG bytes)
{
	memcpy(phys_to_virt(address), from, bytes);
}

static const struct ndis_dma_controller controller = {
	.program = program_channel,
	.stop = stop_channel,
	.counter = count_channel,
};

/* -- the protocol ------------------------------------------------------------------------------------- */

static void receive(void *context, PPNDIS_PACKET packets, UINT count)
{
	selftest_received += count;
	if (NDIS_GET_PACKET_STATUS(packets[0]) != NDIS_STATUS_RESOURCES)
		NDIS_SET_PACKET_STATUS(packets[0], NDIS_STATUS_PENDING);
}

static void send_complete(void *context, PNDIS_PACKET packet, NDIS_STATUS status)
{
	selftest_completed = status;
	if (selftest_frees)
		NdisFreePacket(packet);
}

static void take_status(void *context, NDIS_STATUS status)
{
}

static void take_interrupt(void *context)
{
}

static const struct ndis_protocol protocol = {
	.receive = receive,
	.send_complete = send_complete,
	.status = take_status,
	.interrupt = take_interrupt,
};

static const u8 network_address[] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };

static const struct ndis_setting settings[] = {
	{ .keyword = "SelftestNumber", .value = 42 },
	{ .keyword = "NetworkAddress", .address = network_address },
	{ }
};

/* -- the system --------------------------------------------------------------------------------------- */

struct device_level {
	struct irq_work work;
	struct ndis_adapter *adapter;
	struct completion done;
};

static void run_device_level(struct irq_work *work)
{
	struct device_level *device = container_of(work, struct device_level, work);
	struct ndis_caller before = ndis_enter_phase(NDIS_PHASE_RUN);

	selftest_now->run_device(device->adapter);
	ndis_leave_phase(before);
	complete(&device->done);
}

static void at_device_level(struct ndis_adapter *adapter)
{
	struct device_level device = { .work = IRQ_WORK_INIT_HARD(run_device_level), .adapter = adapter };

	init_completion(&device.done);
	irq_work_queue(&device.work);
	wait_for_completion(&device.done);
	irq_work_sync(&device.work);
}

static void live(struct ndis_adapter *adapter)
{
	ULONG value = 0;

	ndis_query(adapter, OID_GEN_HARDWARE_STATUS, &value, sizeof(value));
	CHECK(ndis_set(adapter, OID_GEN_HARDWARE_STATUS, &value, sizeof(value)) == NDIS_STATUS_NOT_SUPPORTED);
	CHECK(ndis_reset(adapter) == NDIS_STATUS_SUCCESS);
	if (selftest_now->run_device)
		at_device_level(adapter);
	/* The one call that NDIS makes at PASSIVE_LEVEL while the adapter runs. */
	ndis_adapter_removed(adapter);
	ndis_adapter_shutdown(adapter);
}

/* From create to free; nothing may be left of it. */
static void play(struct pci_dev *pdev, unsigned int vectors, const struct selftest_scenario *scenario,
		 const struct ndis_dma_controller *its_controller)
{
	unsigned int alive = ndis_objects_alive();
	struct ndis_adapter *adapter;

	selftest_now = scenario;
	adapter = ndis_adapter_create(wrapper, pdev, vectors, settings, its_controller, &protocol, NULL);
	if (!adapter)
		return;
	CHECK(ndis_adapter_initialize(adapter) == NDIS_STATUS_SUCCESS);
	live(adapter);
	ndis_adapter_halt(adapter);
	ndis_adapter_free(adapter);
	CHECK(ndis_objects_alive() == alive);
}

static void report(void)
{
	pr_info("%s: %d checks, %d failed\n", KBUILD_MODNAME, atomic_read(&checks), atomic_read(&failures));
}

static void play_checks(struct pci_dev *pdev, unsigned int vectors)
{
	play(pdev, vectors, &selftest_memory, NULL);
	play(pdev, vectors, &selftest_pool, NULL);
	play(pdev, vectors, &selftest_packets, NULL);
	play(pdev, vectors, &selftest_buffers, NULL);
	play(pdev, vectors, &selftest_busmaster, NULL);
	play(pdev, vectors, &selftest_mapregisters, NULL);
	play(pdev, vectors, &selftest_subordinate, &controller);
	play(pdev, vectors, &selftest_card, NULL);
	play(pdev, vectors, &selftest_timing, NULL);
	play(pdev, vectors, &selftest_transfers, NULL);
	if (ndis_noncoherent()) {
		play(pdev, vectors, &selftest_coherency, NULL);
		play(pdev, vectors, &selftest_coherency_channel, &controller);
	}
}

static void play_seeds(struct pci_dev *pdev, unsigned int vectors)
{
	const struct selftest_scenario *seed;

	for (seed = selftest_seeds; seed->name; seed++)
		play(pdev, vectors, seed, NULL);
}

static int card_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int error, vectors;

	error = pci_enable_device_mem(pdev);
	if (error)
		return error;
	vectors = pci_alloc_irq_vectors(pdev, 1, 2, PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (vectors < 0) {
		pci_disable_device(pdev);
		return vectors;
	}
	pci_set_master(pdev);
	ndis_recorder_open(pdev, NICRIG_BAR_RECORDER);
	if (seeds)
		play_seeds(pdev, vectors);
	else
		play_checks(pdev, vectors);
	report();
	return 0;
}

static void card_remove(struct pci_dev *pdev)
{
	ndis_recorder_close(pdev);
	pci_clear_master(pdev);
	pci_free_irq_vectors(pdev);
	pci_disable_device(pdev);
}

static int testdev_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int error = pci_enable_device(pdev);

	if (error)
		return error;
	play(pdev, 0, &selftest_ports, NULL);
	report();
	return 0;
}

static void testdev_remove(struct pci_dev *pdev)
{
	pci_disable_device(pdev);
}

/* No device table in the module: it loads only by hand. */
static const struct pci_device_id card_ids[] = {
	{ PCI_DEVICE(NICRIG_VENDOR_ID, NICRIG_DEVICE_ID_BUS_MASTER) },
	{ }
};

static const struct pci_device_id testdev_ids[] = {
	{ PCI_DEVICE(TESTDEV_VENDOR_ID, TESTDEV_DEVICE_ID) },
	{ }
};

/* The card first: it has the recorder. */
static struct pci_driver drivers[] = {
	{ .name = KBUILD_MODNAME, .id_table = card_ids, .probe = card_probe, .remove = card_remove },
	{ .name = KBUILD_MODNAME "_ports", .id_table = testdev_ids, .probe = testdev_probe, .remove = testdev_remove },
};

static void unregister(unsigned int count)
{
	while (count--)
		pci_unregister_driver(&drivers[count]);
	ndis_wrapper_unload(wrapper);
}

static int __init selftest_init(void)
{
	unsigned int i;
	int error;

	ndis_recorder_set_detail(NDIS_DETAIL_FRAMES);
	wrapper = ndis_wrapper_load();
	if (!wrapper)
		return -ENODEV;
	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		error = pci_register_driver(&drivers[i]);
		if (error) {
			unregister(i);
			return error;
		}
	}
	return 0;
}

static void __exit selftest_exit(void)
{
	unregister(ARRAY_SIZE(drivers));
}

module_init(selftest_init);
module_exit(selftest_exit);

MODULE_DESCRIPTION("Self-test of nicrig's NDIS layer");
MODULE_LICENSE("GPL");
