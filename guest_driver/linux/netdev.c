// SPDX-License-Identifier: GPL-2.0-or-later
/* The network device: its life, its link, its resets. */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>

#include "edge.h"

#define EDGE_WATCHDOG           (5 * HZ)
#define EDGE_IDLE_TRIES         50      /* waits for sends under way when the device is taken down */
#define EDGE_IDLE_MILLISECONDS  4

/* Every frame that arrives: the card has no filter, and the stack drops what is not for it. */
#define EDGE_PACKET_FILTER \
	(NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST | \
	 NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_PROMISCUOUS)

int edge_query(struct edge *edge, NDIS_OID oid, void *buffer, ULONG length)
{
	return ndis_query(edge->adapter, oid, buffer, length) == NDIS_STATUS_SUCCESS ? 0 : -EIO;
}

/* 0 if the miniport does not answer. */
ULONG edge_query_ulong(struct edge *edge, NDIS_OID oid)
{
	ULONG value = 0;

	return edge_query(edge, oid, &value, sizeof(value)) ? 0 : value;
}

/* NDIS tells a ring as bytes of buffers and bytes a buffer; 0 if the miniport does not answer. */
ULONG edge_ring_size(struct edge *edge, NDIS_OID space, NDIS_OID block)
{
	ULONG bytes = edge_query_ulong(edge, block);

	return bytes ? edge_query_ulong(edge, space) / bytes : 0;
}

static void edge_set_filter(struct edge *edge, ULONG filter)
{
	if (ndis_set(edge->adapter, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)) != NDIS_STATUS_SUCCESS)
		netdev_warn(edge->netdev, "packet filter %#x not set\n", filter);
}

static void edge_set_carrier(struct edge *edge, bool on)
{
	if (on == netif_carrier_ok(edge->netdev))
		return;
	if (on)
		netif_carrier_on(edge->netdev);
	else
		netif_carrier_off(edge->netdev);
}

static void edge_read_link(struct edge *edge)
{
	ULONG state = NdisMediaStateDisconnected;

	edge_query(edge, OID_GEN_MEDIA_CONNECT_STATUS, &state, sizeof(state));
	edge_set_carrier(edge, state == NdisMediaStateConnected);
}

static void edge_status(void *context, NDIS_STATUS status)
{
	struct edge *edge = context;

	if (status == NDIS_STATUS_MEDIA_CONNECT)
		edge_set_carrier(edge, true);
	else if (status == NDIS_STATUS_MEDIA_DISCONNECT)
		edge_set_carrier(edge, false);
}

static const struct ndis_protocol edge_protocol = {
	.receive = edge_receive,
	.send_complete = edge_send_complete,
	.status = edge_status,
	.interrupt = edge_interrupt,
};

/*
 * Lets the poll run once although no interrupt asked for it: it takes what lies there, and arms the card. An arm
 * word may have been spent on an interrupt that found the poll disabled.
 */
static void edge_kick_poll(struct edge *edge)
{
	local_bh_disable();
	napi_schedule(&edge->napi);
	local_bh_enable();
}

static int edge_open(struct net_device *netdev)
{
	struct edge *edge = netdev_priv(netdev);

	netdev_reset_queue(netdev);
	napi_enable(&edge->napi);
	edge_set_filter(edge, EDGE_PACKET_FILTER);
	edge_read_link(edge);
	netif_start_queue(netdev);
	edge_kick_poll(edge);
	return 0;
}

/* Sends that the card has are completed by the poll; one that is not done in time is taken back by a reset. */
static void edge_finish_sends(struct edge *edge)
{
	unsigned int tries;

	for (tries = 0; tries < EDGE_IDLE_TRIES && !edge_transmit_idle(edge); tries++) {
		edge_kick_poll(edge);
		msleep(EDGE_IDLE_MILLISECONDS);
	}
}

/*
 * 1. no new sends; 2. no new receives; 3. sends under way end; 4. no poll; 5. the card is reset, so that no old frame
 * meets the next open, and no send is left.
 */
static int edge_close(struct net_device *netdev)
{
	struct edge *edge = netdev_priv(netdev);

	netif_tx_disable(netdev);
	edge_set_filter(edge, 0);
	if (!edge->removing)
		edge_finish_sends(edge);
	napi_disable(&edge->napi);
	ndis_reset(edge->adapter);
	edge_report_completions(edge);
	netif_carrier_off(netdev);
	return 0;
}

/* RTNL held. Nothing sends, receives or polls while the miniport starts over. */
int edge_reset(struct edge *edge)
{
	bool running = netif_running(edge->netdev);
	NDIS_STATUS status;

	ASSERT_RTNL();
	edge->statistics.resets++;
	if (running) {
		netif_tx_disable(edge->netdev);
		napi_disable(&edge->napi);
	}
	status = ndis_reset(edge->adapter);
	if (running) {
		edge_read_link(edge);
		napi_enable(&edge->napi);
		netif_trans_update(edge->netdev);
		netif_wake_queue(edge->netdev);
		edge_kick_poll(edge);
	}
	return status == NDIS_STATUS_SUCCESS ? 0 : -EIO;
}

static void edge_reset_work(struct work_struct *work)
{
	struct edge *edge = container_of(work, struct edge, reset_work);

	rtnl_lock();
	if (netif_running(edge->netdev) && !edge->removing)
		edge_reset(edge);
	rtnl_unlock();
}

/* MiniportCheckForHang at its interval; a miniport that says yes is reset (docs/ndis51.md section 4.2). */
static void edge_hang_work(struct work_struct *work)
{
	struct edge *edge = container_of(to_delayed_work(work), struct edge, hang_work);

	rtnl_lock();
	if (netif_running(edge->netdev) && !edge->removing && ndis_check_for_hang(edge->adapter)) {
		netdev_warn(edge->netdev, "the card hangs: reset\n");
		edge_reset(edge);
	}
	rtnl_unlock();
	schedule_delayed_work(&edge->hang_work, ndis_adapter_hang_seconds(edge->adapter) * HZ);
}

static void edge_tx_timeout(struct net_device *netdev, unsigned int queue)
{
	struct edge *edge = netdev_priv(netdev);

	netdev_warn(netdev, "no send completed on queue %u: reset\n", queue);
	schedule_work(&edge->reset_work);
}

static void edge_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *stats)
{
	struct edge *edge = netdev_priv(netdev);

	dev_fetch_sw_netstats(stats, netdev->tstats);
	stats->tx_errors = READ_ONCE(edge->statistics.tx_failed);
}

static const struct net_device_ops edge_netdev_ops = {
	.ndo_open = edge_open,
	.ndo_stop = edge_close,
	.ndo_start_xmit = edge_xmit,
	.ndo_tx_timeout = edge_tx_timeout,
	.ndo_get_stats64 = edge_get_stats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

/* A network device that does nothing yet; free_netdev() undoes it. */
struct net_device *edge_create(struct pci_dev *pdev, ULONG rx_ring_size, ULONG tx_ring_size)
{
	struct net_device *netdev = alloc_etherdev(sizeof(struct edge));
	struct edge *edge;

	if (!netdev)
		return NULL;
	SET_NETDEV_DEV(netdev, &pdev->dev);
	edge = netdev_priv(netdev);
	edge->netdev = netdev;
	edge->pdev = pdev;
	edge->settings[0] = (struct ndis_setting){ "RxRingSize", rx_ring_size };
	edge->settings[1] = (struct ndis_setting){ "TxRingSize", tx_ring_size };
	spin_lock_init(&edge->done_lock);
	INIT_WORK(&edge->reset_work, edge_reset_work);
	INIT_DELAYED_WORK(&edge->hang_work, edge_hang_work);

	netdev->netdev_ops = &edge_netdev_ops;
	netdev->ethtool_ops = &edge_ethtool_ops;
	netdev->watchdog_timeo = EDGE_WATCHDOG;
	netdev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = NICRIG_FRAME_MAX - VLAN_ETH_HLEN;
	/* Disabled until the device is opened, but there for the interrupt that MiniportInitialize registers. */
	netif_napi_add(netdev, &edge->napi, edge_poll);
	return netdev;
}

static int edge_bind(struct edge *edge)
{
	u8 address[ETH_ALEN];
	int error;

	error = edge_query(edge, OID_802_3_CURRENT_ADDRESS, address, sizeof(address));
	if (error)
		return error;
	if (is_valid_ether_addr(address))
		eth_hw_addr_set(edge->netdev, address);
	else
		eth_hw_addr_random(edge->netdev);
	return edge_transmit_create(edge, edge_ring_size(edge, OID_GEN_TRANSMIT_BUFFER_SPACE,
							 OID_GEN_TRANSMIT_BLOCK_SIZE));
}

int edge_start(struct edge *edge, struct ndis_wrapper *wrapper, unsigned int vectors)
{
	NDIS_STATUS status;
	int error;

	error = edge_channel_open(edge);
	if (error)
		return error;
	edge->adapter = ndis_adapter_create(wrapper, edge->pdev, vectors, edge->settings,
					    edge->controller, &edge_protocol, edge);
	if (!edge->adapter) {
		error = -ENOMEM;
		goto have_channel;
	}
	status = ndis_adapter_initialize(edge->adapter);
	if (status != NDIS_STATUS_SUCCESS) {
		error = status == NDIS_STATUS_RESOURCES ? -ENOMEM : -ENODEV;
		dev_err(&edge->pdev->dev, "MiniportInitialize failed with %#010x\n", status);
		goto have_adapter;
	}
	error = edge_bind(edge);
	if (error)
		goto initialized;
	netif_carrier_off(edge->netdev);
	error = register_netdev(edge->netdev);
	if (error)
		goto bound;
	schedule_delayed_work(&edge->hang_work, ndis_adapter_hang_seconds(edge->adapter) * HZ);
	return 0;

bound:
	edge_transmit_free(edge);
initialized:
	ndis_adapter_halt(edge->adapter);
have_adapter:
	ndis_adapter_free(edge->adapter);
have_channel:
	edge_channel_close(edge);
	return error;
}

/* The inverse. A function that does not answer is told to the miniport first, so that nobody waits for it. */
void edge_stop(struct edge *edge)
{
	rtnl_lock();
	edge->removing = !pci_device_is_present(edge->pdev);
	rtnl_unlock();
	cancel_delayed_work_sync(&edge->hang_work);
	if (edge->removing)
		ndis_adapter_removed(edge->adapter);
	unregister_netdev(edge->netdev);
	cancel_work_sync(&edge->reset_work);
	edge_transmit_free(edge);
	ndis_adapter_halt(edge->adapter);
	ndis_adapter_free(edge->adapter);
	edge_channel_close(edge);
}
