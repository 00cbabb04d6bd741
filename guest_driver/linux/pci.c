// SPDX-License-Identifier: GPL-2.0-or-later
/* The PCI function: bind, unbind, shut down, and the module itself. */
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "../ndis/recorder.h"
#include "edge.h"

#define EDGE_VECTORS_MAX 2

static uint rx_ring_size;
module_param(rx_ring_size, uint, 0444);
MODULE_PARM_DESC(rx_ring_size, "Receive descriptors, a power of two from 8 to 4096; 0: the miniport's default");

static uint tx_ring_size;
module_param(tx_ring_size, uint, 0444);
MODULE_PARM_DESC(tx_ring_size, "Transmit descriptors, a power of two from 8 to 4096; 0: the miniport's default");

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
MODULE_PARM_DESC(recorder, "Flight recorder: 0 off, 1 all but what happens for each frame (default), 2 everything, "
		 "3 also the bytes of frames");

static struct ndis_wrapper *edge_wrapper;

/*
 * MSI-X with a vector for the frames and one for events, or MSI with one for both; never INTx (datasheet 1). Both are
 * memory writes, so even a card without DMA has to be a master. Ports are the NDIS layer's to claim.
 */
static int edge_enable(struct pci_dev *pdev)
{
	int error;

	error = pci_enable_device(pdev);
	if (error)
		return error;
	error = pci_request_mem_regions(pdev, EDGE_NAME);
	if (error)
		goto enabled;
	error = pci_alloc_irq_vectors(pdev, 1, EDGE_VECTORS_MAX, PCI_IRQ_MSIX | PCI_IRQ_MSI);
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

static void edge_disable(struct pci_dev *pdev)
{
	ndis_recorder_close(pdev);
	pci_clear_master(pdev);
	pci_free_irq_vectors(pdev);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
}

static int edge_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct net_device *netdev;
	int vectors, error;

	vectors = edge_enable(pdev);
	if (vectors < 0)
		return dev_err_probe(&pdev->dev, vectors, "cannot enable the function\n");
	netdev = edge_create(pdev, rx_ring_size, tx_ring_size);
	if (!netdev) {
		error = -ENOMEM;
		goto enabled;
	}
	error = edge_start(netdev_priv(netdev), edge_wrapper, vectors);
	if (error)
		goto have_netdev;
	pci_set_drvdata(pdev, netdev_priv(netdev));
	return 0;

have_netdev:
	free_netdev(netdev);
enabled:
	edge_disable(pdev);
	return error;
}

static void edge_remove(struct pci_dev *pdev)
{
	struct edge *edge = pci_get_drvdata(pdev);
	struct net_device *netdev = edge->netdev;

	edge_stop(edge);
	free_netdev(netdev);
	edge_disable(pdev);
}

static void edge_shutdown(struct pci_dev *pdev)
{
	struct edge *edge = pci_get_drvdata(pdev);

	rtnl_lock();
	netif_device_detach(edge->netdev);
	if (netif_running(edge->netdev))
		dev_close(edge->netdev);
	rtnl_unlock();
	ndis_adapter_shutdown(edge->adapter);
}

static const struct pci_device_id edge_ids[] = {
	{ PCI_DEVICE(NICRIG_VENDOR_ID, NICRIG_DEVICE_ID_BUS_MASTER) },
	{ PCI_DEVICE(NICRIG_VENDOR_ID, NICRIG_DEVICE_ID_SUBORDINATE) },
	{ PCI_DEVICE(NICRIG_VENDOR_ID, NICRIG_DEVICE_ID_NON_DMA) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edge_ids);

static struct pci_driver edge_pci_driver = {
	.name = EDGE_NAME,
	.id_table = edge_ids,
	.probe = edge_probe,
	.remove = edge_remove,
	.shutdown = edge_shutdown,
};

static int __init edge_init(void)
{
	int error;

	edge_wrapper = ndis_wrapper_load();
	if (!edge_wrapper)
		return -ENODEV;
	error = pci_register_driver(&edge_pci_driver);
	if (error)
		ndis_wrapper_unload(edge_wrapper);
	return error;
}

static void __exit edge_exit(void)
{
	pci_unregister_driver(&edge_pci_driver);
	ndis_wrapper_unload(edge_wrapper);
}

module_init(edge_init);
module_exit(edge_exit);

MODULE_DESCRIPTION("nicrig network card of three kinds: an NDIS 5.1 miniport on Linux");
MODULE_LICENSE("GPL");
MODULE_VERSION(EDGE_VERSION);
