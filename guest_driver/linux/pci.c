// SPDX-License-Identifier: GPL-2.0-or-later
/* The PCI function: bind, unbind, shut down, and the module itself. */
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "../ndis/recorder/recorder.h"
#include "shim.h"

#define SHIM_VECTORS_MAX 2

/* The miniport's settings, each a parameter of the module. An empty keyword ends them. */
enum { RX_RING_SIZE, TX_RING_SIZE, MAP_REGISTERS, POOL_MEMORY, ASYNC_MEMORY, UPDATE_MEMORY, CACHED_MEMORY, SETTINGS };

static struct ndis_setting settings[SETTINGS + 1] = {
	[RX_RING_SIZE] = { "RxRingSize" },
	[TX_RING_SIZE] = { "TxRingSize" },
	[MAP_REGISTERS] = { "MapRegisters" },
	[POOL_MEMORY] = { "PoolMemory" },
	[ASYNC_MEMORY] = { "AsyncMemory" },
	[UPDATE_MEMORY] = { "UpdateMemory" },
	[CACHED_MEMORY] = { "CachedMemory" },
};

module_param_named(rx_ring_size, settings[RX_RING_SIZE].value, uint, 0444);
MODULE_PARM_DESC(rx_ring_size, "Receive descriptors, a power of two from 8 to 4096; 0: the miniport's default");

module_param_named(tx_ring_size, settings[TX_RING_SIZE].value, uint, 0444);
MODULE_PARM_DESC(tx_ring_size, "Transmit descriptors, a power of two from 8 to 4096; 0: the miniport's default");

module_param_named(map_registers, settings[MAP_REGISTERS].value, uint, 0444);
MODULE_PARM_DESC(map_registers, "1: the bus master uses map registers instead of scatter-gather lists");

module_param_named(pool_memory, settings[POOL_MEMORY].value, uint, 0444);
MODULE_PARM_DESC(pool_memory, "1: the bus master has its software state in ExAllocatePool's memory");

module_param_named(async_memory, settings[ASYNC_MEMORY].value, uint, 0444);
MODULE_PARM_DESC(async_memory, "1: the bus master gets half of its receive buffers while it runs");

module_param_named(update_memory, settings[UPDATE_MEMORY].value, uint, 0444);
MODULE_PARM_DESC(update_memory, "1: the bus master uses NdisMUpdateSharedMemory for receives, not NdisFlushBuffer");

module_param_named(cached_memory, settings[CACHED_MEMORY].value, uint, 0444);
MODULE_PARM_DESC(cached_memory, "1: the subordinate kind's buffers are plain, cached memory, which NDIS flushes");

static int set_recorder(const char *value, const struct kernel_param *param)
{
	unsigned int detail;
	int error = kstrtouint(value, 0, &detail);

	if (error || detail > NDIS_DETAIL_BYTES)
		return -EINVAL;
	ndis_recorder_set_detail(detail);
	return 0;
}

static const struct kernel_param_ops recorder_ops = { .set = set_recorder, .get = param_get_uint };
module_param_cb(recorder, &recorder_ops, &ndis_recorder_detail, 0644);
MODULE_PARM_DESC(recorder, "Flight recorder: 0 off, 1 all except what happens for each frame (default), 2 everything, "
		 "3 also the bytes of frames");

static struct ndis_wrapper *shim_wrapper;

/*
 * MSI-X with a vector for the frames and one for events, or MSI with one for both; never INTx (datasheet 1). Both are
 * memory writes, so even a card without DMA has to be a master. Ports are the NDIS layer's to claim.
 */
static int shim_enable(struct pci_dev *pdev)
{
	int error;

	error = pci_enable_device(pdev);
	if (error)
		return error;
	error = pci_request_mem_regions(pdev, SHIM_NAME);
	if (error)
		goto enabled;
	error = pci_alloc_irq_vectors(pdev, 1, SHIM_VECTORS_MAX, PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (error < 0)
		goto have_regions;
	pci_set_master(pdev);
	ndis_recorder_open(pdev, NICRIG_BAR_RECORDER);
	return error;

have_regions:
	pci_release_mem_regions(pdev);
enabled:
	pci_disable_device(pdev);
	return error;
}

static void shim_disable(struct pci_dev *pdev)
{
	ndis_recorder_close(pdev);
	pci_clear_master(pdev);
	pci_free_irq_vectors(pdev);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
}

static int shim_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct net_device *netdev;
	int vectors, error;

	vectors = shim_enable(pdev);
	if (vectors < 0)
		return dev_err_probe(&pdev->dev, vectors, "cannot enable the function\n");
	netdev = shim_create(pdev, (const struct shim_kind *)id->driver_data);
	if (!netdev) {
		error = -ENOMEM;
		goto enabled;
	}
	error = shim_start(netdev_priv(netdev), shim_wrapper, vectors, settings);
	if (error)
		goto have_netdev;
	pci_set_drvdata(pdev, netdev_priv(netdev));
	return 0;

have_netdev:
	free_netdev(netdev);
enabled:
	shim_disable(pdev);
	return error;
}

static void shim_remove(struct pci_dev *pdev)
{
	struct shim *shim = pci_get_drvdata(pdev);
	struct net_device *netdev = shim->netdev;

	shim_stop(shim);
	free_netdev(netdev);
	shim_disable(pdev);
}

static void shim_shutdown(struct pci_dev *pdev)
{
	struct shim *shim = pci_get_drvdata(pdev);

	rtnl_lock();
	dev_close(shim->netdev);
	netif_device_detach(shim->netdev);
	rtnl_unlock();
	ndis_adapter_shutdown(shim->adapter);
}

/* The function will be reset, by request of user space for one. */
static void shim_reset_prepare(struct pci_dev *pdev)
{
	rtnl_lock();
	shim_pause(pci_get_drvdata(pdev));
	rtnl_unlock();
}

static void shim_reset_done(struct pci_dev *pdev)
{
	struct shim *shim = pci_get_drvdata(pdev);

	rtnl_lock();
	if (shim_start_over(shim))
		pci_err(pdev, "the card does not work after the reset\n");
	shim_unpause(shim);
	rtnl_unlock();
}

static const struct pci_error_handlers shim_error_handlers = {
	.reset_prepare = shim_reset_prepare,
	.reset_done = shim_reset_done,
};

/* The system sleeps. The miniport makes the card quiet; the PCI core keeps the configuration space. */
static int shim_suspend(struct device *device)
{
	struct shim *shim = dev_get_drvdata(device);
	int error;

	rtnl_lock();
	shim_pause(shim);
	error = shim_set_power(shim, NdisDeviceStateD3);
	if (error)
		shim_unpause(shim);
	rtnl_unlock();
	return error;
}

static int shim_resume(struct device *device)
{
	struct shim *shim = dev_get_drvdata(device);
	int error;

	rtnl_lock();
	error = shim_set_power(shim, NdisDeviceStateD0);
	shim_unpause(shim);
	rtnl_unlock();
	return error;
}

static DEFINE_SIMPLE_DEV_PM_OPS(shim_pm, shim_suspend, shim_resume);

static const struct shim_kind bus_master = { .ring_max = NICRIG_RING_MAX };
static const struct shim_kind subordinate = { .channel = true };
static const struct shim_kind non_dma = {};

static const struct pci_device_id shim_ids[] = {
	{ PCI_DEVICE(NICRIG_VENDOR_ID, NICRIG_DEVICE_ID_BUS_MASTER), .driver_data = (kernel_ulong_t)&bus_master },
	{ PCI_DEVICE(NICRIG_VENDOR_ID, NICRIG_DEVICE_ID_SUBORDINATE), .driver_data = (kernel_ulong_t)&subordinate },
	{ PCI_DEVICE(NICRIG_VENDOR_ID, NICRIG_DEVICE_ID_NON_DMA), .driver_data = (kernel_ulong_t)&non_dma },
	{ }
};
MODULE_DEVICE_TABLE(pci, shim_ids);

static struct pci_driver shim_pci_driver = {
	.name = SHIM_NAME,
	.id_table = shim_ids,
	.probe = shim_probe,
	.remove = shim_remove,
	.shutdown = shim_shutdown,
	.err_handler = &shim_error_handlers,
	.driver.pm = pm_sleep_ptr(&shim_pm),
};

static int __init shim_init(void)
{
	int error;

	shim_wrapper = ndis_wrapper_load();
	if (!shim_wrapper)
		return -ENODEV;
	error = pci_register_driver(&shim_pci_driver);
	if (error)
		ndis_wrapper_unload(shim_wrapper);
	return error;
}

static void __exit shim_exit(void)
{
	pci_unregister_driver(&shim_pci_driver);
	ndis_wrapper_unload(shim_wrapper);
}

module_init(shim_init);
module_exit(shim_exit);

MODULE_DESCRIPTION("nicrig network card of three kinds: an NDIS 5.1 miniport on Linux");
MODULE_LICENSE("GPL");
MODULE_VERSION(SHIM_VERSION);
