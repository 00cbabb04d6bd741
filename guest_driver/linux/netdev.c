// SPDX-License-Identifier: GPL-2.0-or-later
/* The network device: its life, its link, its resets. */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>

#include "../miniport/nicrig_oid.h"
#include "shim.h"

#define SHIM_WATCHDOG           (5 * HZ)
#define SHIM_IDLE_TRIES         50      /* waits for sends under way when the device is taken down */
#define SHIM_IDLE_MILLISECONDS  4
#define SHIM_COUNTED            (HZ / 10)       /* the card's counters are not read again so soon */

#define SHIM_GROUPS             32      /* more groups than these: all of them */

int shim_query(struct shim *shim, NDIS_OID oid, void *buffer, ULONG length)
{
	return ndis_query(shim->adapter, oid, buffer, length) == NDIS_STATUS_SUCCESS ? 0 : -EIO;
}

/* 0 if the miniport does not answer. */
ULONG shim_query_ulong(struct shim *shim, NDIS_OID oid)
{
	ULONG value = 0;

	return shim_query(shim, oid, &value, sizeof(value)) ? 0 : value;
}

/* Any context but an interrupt. */
void shim_read_counters(struct shim *shim)
{
	ULONG64 counters[NICRIG_COUNTERS];
	unsigned int i;

	if (shim_query(shim, OID_NICRIG_CARD_COUNTERS, counters, sizeof(counters)))
		return;
	WRITE_ONCE(shim->counted, jiffies);
	for (i = 0; i < NICRIG_COUNTERS; i++)
		WRITE_ONCE(shim->counters[i], counters[i]);
}

/* NDIS reports a ring as bytes of all buffers and of one; 0 if the miniport does not answer. */
ULONG shim_ring_size(struct shim *shim, NDIS_OID space, NDIS_OID block)
{
	ULONG bytes = shim_query_ulong(shim, block);

	return bytes ? shim_query_ulong(shim, space) / bytes : 0;
}

static void shim_set_filter(struct shim *shim, ULONG filter)
{
	if (ndis_set(shim->adapter, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)) != NDIS_STATUS_SUCCESS)
		netdev_warn(shim->netdev, "packet filter %#x not set\n", filter);
}

/* The groups' addresses, as NDIS takes them. False if the miniport takes fewer. */
static bool shim_set_groups(struct shim *shim)
{
	u8 addresses[SHIM_GROUPS][ETH_ALEN];
	struct netdev_hw_addr *group;
	unsigned int count = 0;

	if (netdev_mc_count(shim->netdev) > SHIM_GROUPS)
		return false;
	netdev_for_each_mc_addr(group, shim->netdev)
		ether_addr_copy(addresses[count++], group->addr);
	return ndis_set(shim->adapter, OID_802_3_MULTICAST_LIST, addresses, count * ETH_ALEN) == NDIS_STATUS_SUCCESS;
}

/*
 * What the stack wants to receive, in NDIS's words. The card has no filter, so more may come, and the stack drops
 * it. The caller holds the lock of the interface's addresses.
 */
static void shim_set_rx_mode(struct net_device *netdev)
{
	struct shim *shim = netdev_priv(netdev);
	ULONG filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST;

	/* A closed receiver stays closed, and a card that is absent gets it in shim_unpause(). */
	if (!netif_running(netdev) || !netif_device_present(netdev))
		return;
	if (netdev->flags & IFF_PROMISC)
		filter |= NDIS_PACKET_TYPE_PROMISCUOUS;
	if ((netdev->flags & IFF_ALLMULTI) || !shim_set_groups(shim))
		filter |= NDIS_PACKET_TYPE_ALL_MULTICAST;
	else if (!netdev_mc_empty(netdev))
		filter |= NDIS_PACKET_TYPE_MULTICAST;
	shim_set_filter(shim, filter);
}

static void shim_set_carrier(struct shim *shim, bool on)
{
	if (on == netif_carrier_ok(shim->netdev))
		return;
	if (on)
		netif_carrier_on(shim->netdev);
	else
		netif_carrier_off(shim->netdev);
}

static void shim_read_link(struct shim *shim)
{
	ULONG state = NdisMediaStateDisconnected;

	shim_query(shim, OID_GEN_MEDIA_CONNECT_STATUS, &state, sizeof(state));
	shim_set_carrier(shim, state == NdisMediaStateConnected);
}

static void shim_status(void *context, NDIS_STATUS status)
{
	struct shim *shim = context;

	if (status == NDIS_STATUS_MEDIA_CONNECT)
		shim_set_carrier(shim, true);
	else if (status == NDIS_STATUS_MEDIA_DISCONNECT)
		shim_set_carrier(shim, false);
}

static const struct ndis_protocol shim_protocol = {
	.receive = shim_receive,
	.send_complete = shim_send_complete,
	.status = shim_status,
	.interrupt = shim_interrupt,
};

/*
 * Lets the poll run once although no interrupt asked for it: it takes what lies there, and arms the card. An arm
 * word may have been spent on an interrupt that found the poll disabled.
 */
static void shim_kick_poll(struct shim *shim)
{
	local_bh_disable();
	napi_schedule(&shim->napi);
	local_bh_enable();
}

static int shim_open(struct net_device *netdev)
{
	struct shim *shim = netdev_priv(netdev);

	netdev_reset_queue(netdev);
	napi_enable(&shim->napi);
	/* The receiver opens when the stack sets the mode, which it does next. */
	shim_read_link(shim);
	netif_start_queue(netdev);
	shim_kick_poll(shim);
	return 0;
}

/* The poll completes the sends that the card has. A reset takes back those that are not done in time. */
static void shim_finish_sends(struct shim *shim)
{
	unsigned int tries;

	for (tries = 0; tries < SHIM_IDLE_TRIES && !shim_transmit_idle(shim); tries++) {
		shim_kick_poll(shim);
		msleep(SHIM_IDLE_MILLISECONDS);
	}
}

/*
 * 1. no new sends; 2. no new receives; 3. sends under way end; 4. no poll; 5. the card is reset, so that no old frame
 * meets the next open, and no send is left. While the shim is paused, all of it but the filter is so already.
 */
static int shim_close(struct net_device *netdev)
{
	struct shim *shim = netdev_priv(netdev);

	if (!netif_device_present(netdev))
		return 0;
	netif_tx_disable(netdev);
	shim_set_filter(shim, 0);
	if (!shim->removing)
		shim_finish_sends(shim);
	napi_disable(&shim->napi);
	__skb_queue_purge(&shim->late);
	ndis_reset(shim->adapter);
	shim_report_completions(shim);
	netif_carrier_off(netdev);
	return 0;
}

/* RTNL held. Until shim_unpause() nothing sends, receives or polls, and the device is absent for the stack. */
void shim_pause(struct shim *shim)
{
	ASSERT_RTNL();
	netif_device_detach(shim->netdev);
	if (netif_running(shim->netdev)) {
		netif_tx_disable(shim->netdev);
		napi_disable(&shim->napi);
	}
}

/* RTNL held. The miniport has started over. */
void shim_unpause(struct shim *shim)
{
	bool running = netif_running(shim->netdev);

	ASSERT_RTNL();
	if (running) {
		shim_read_link(shim);
		napi_enable(&shim->napi);
	} else {
		/* It was closed while it was absent. */
		shim_set_filter(shim, 0);
	}
	netif_device_attach(shim->netdev);
	if (running) {
		netif_addr_lock_bh(shim->netdev);
		shim_set_rx_mode(shim->netdev);
		netif_addr_unlock_bh(shim->netdev);
		netif_trans_update(shim->netdev);
		shim_kick_poll(shim);
	}
}

/* RTNL held, paused. The card may have lost all that it knew. */
int shim_start_over(struct shim *shim)
{
	shim->statistics.resets++;
	return ndis_reset(shim->adapter) == NDIS_STATUS_SUCCESS ? 0 : -EIO;
}

/* RTNL held, paused. */
int shim_set_power(struct shim *shim, NDIS_DEVICE_POWER_STATE state)
{
	return ndis_set(shim->adapter, OID_PNP_SET_POWER, &state, sizeof(state)) == NDIS_STATUS_SUCCESS ? 0 : -EIO;
}

/* RTNL held. */
int shim_reset(struct shim *shim)
{
	int error;

	shim_pause(shim);
	error = shim_start_over(shim);
	shim_unpause(shim);
	return error;
}

/* RTNL held. Whether the device is up and not paused. */
static bool shim_runs(struct shim *shim)
{
	return netif_running(shim->netdev) && netif_device_present(shim->netdev) && !shim->removing;
}

static void shim_reset_work(struct work_struct *work)
{
	struct shim *shim = container_of(work, struct shim, reset_work);

	rtnl_lock();
	if (shim_runs(shim))
		shim_reset(shim);
	rtnl_unlock();
}

/* MiniportCheckForHang at its interval; a miniport that says yes is reset (docs/ndis51.md section 4.2). */
static void shim_hang_work(struct work_struct *work)
{
	struct shim *shim = container_of(to_delayed_work(work), struct shim, hang_work);

	rtnl_lock();
	if (shim_runs(shim) && ndis_check_for_hang(shim->adapter)) {
		netdev_warn(shim->netdev, "the card hangs: reset\n");
		shim_reset(shim);
	}
	rtnl_unlock();
	schedule_delayed_work(&shim->hang_work, ndis_adapter_hang_seconds(shim->adapter) * HZ);
}

static void shim_tx_timeout(struct net_device *netdev, unsigned int queue)
{
	struct shim *shim = netdev_priv(netdev);

	netdev_warn(netdev, "no send completed on queue %u: reset\n", queue);
	schedule_work(&shim->reset_work);
}

/* Since the driver was loaded. */
static u64 shim_counted(const struct shim *shim, unsigned int counter)
{
	return READ_ONCE(shim->counters[counter]) - shim->before[counter];
}

static void shim_get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *stats)
{
	struct shim *shim = netdev_priv(netdev);

	/* Each counter costs two trapped reads. */
	if (time_after_eq(jiffies, READ_ONCE(shim->counted) + SHIM_COUNTED))
		shim_read_counters(shim);
	dev_fetch_sw_netstats(stats, netdev->tstats);
	stats->rx_missed_errors = shim_counted(shim, NICRIG_COUNTER_RX_NO_BUFFER);
	stats->rx_length_errors = shim_counted(shim, NICRIG_COUNTER_RX_TOO_LONG) +
				  shim_counted(shim, NICRIG_COUNTER_RX_TOO_SHORT);
	stats->rx_errors = stats->rx_length_errors + shim_counted(shim, NICRIG_COUNTER_RX_REFUSED);
	stats->tx_carrier_errors = shim_counted(shim, NICRIG_COUNTER_TX_LINK_DOWN);
	stats->tx_errors = READ_ONCE(shim->statistics.tx_failed) + stats->tx_carrier_errors;
	stats->tx_dropped = shim_counted(shim, NICRIG_COUNTER_TX_NO_PEER) +
			    shim_counted(shim, NICRIG_COUNTER_TX_STALLED);
}

static const struct net_device_ops shim_netdev_ops = {
	.ndo_open = shim_open,
	.ndo_stop = shim_close,
	.ndo_start_xmit = shim_xmit,
	.ndo_tx_timeout = shim_tx_timeout,
	.ndo_get_stats64 = shim_get_stats64,
	.ndo_set_rx_mode = shim_set_rx_mode,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

/* A network device that does nothing yet; free_netdev() undoes it. */
struct net_device *shim_create(struct pci_dev *pdev, const struct shim_kind *kind)
{
	struct net_device *netdev = alloc_etherdev(sizeof(struct shim));
	struct shim *shim;

	if (!netdev)
		return NULL;
	SET_NETDEV_DEV(netdev, &pdev->dev);
	shim = netdev_priv(netdev);
	shim->kind = kind;
	shim->netdev = netdev;
	shim->pdev = pdev;
	spin_lock_init(&shim->done_lock);
	__skb_queue_head_init(&shim->late);
	INIT_WORK(&shim->reset_work, shim_reset_work);
	INIT_DELAYED_WORK(&shim->hang_work, shim_hang_work);

	netdev->netdev_ops = &shim_netdev_ops;
	netdev->ethtool_ops = &shim_ethtool_ops;
	netdev->watchdog_timeo = SHIM_WATCHDOG;
	netdev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	/* The card takes every frame, so the address may change at any time. */
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	netdev->min_mtu = ETH_MIN_MTU;
	/* Leaves room for two VLAN tags: a VLAN in a VLAN offers the same MTU. */
	netdev->max_mtu = NICRIG_FRAME_MAX - ETH_HLEN - 2 * VLAN_HLEN;
	/* Disabled until the device is opened, but there for the interrupt that MiniportInitialize registers. */
	netif_napi_add(netdev, &shim->napi, shim_poll);
	return netdev;
}

static int shim_bind(struct shim *shim)
{
	u8 address[ETH_ALEN];
	int error;

	error = shim_query(shim, OID_802_3_CURRENT_ADDRESS, address, sizeof(address));
	if (error)
		return error;
	if (is_valid_ether_addr(address))
		eth_hw_addr_set(shim->netdev, address);
	else
		eth_hw_addr_random(shim->netdev);
	return shim_transmit_create(shim, shim_ring_size(shim, OID_GEN_TRANSMIT_BUFFER_SPACE,
							 OID_GEN_TRANSMIT_BLOCK_SIZE));
}

int shim_start(struct shim *shim, struct ndis_wrapper *wrapper, unsigned int vectors,
	       const struct ndis_setting *settings)
{
	NDIS_STATUS status;
	int error;

	error = shim_channel_open(shim);
	if (error)
		return error;
	shim->adapter = ndis_adapter_create(wrapper, shim->pdev, vectors, settings,
					    shim->controller, &shim_protocol, shim);
	if (!shim->adapter) {
		error = -ENOMEM;
		goto have_channel;
	}
	status = ndis_adapter_initialize(shim->adapter);
	if (status != NDIS_STATUS_SUCCESS) {
		error = status == NDIS_STATUS_RESOURCES ? -ENOMEM : -ENODEV;
		dev_err(&shim->pdev->dev, "MiniportInitialize failed with %#010x\n", status);
		goto have_adapter;
	}
	error = shim_bind(shim);
	if (error)
		goto initialized;
	shim_read_counters(shim);
	memcpy(shim->before, shim->counters, sizeof(shim->before));
	netif_carrier_off(shim->netdev);
	error = register_netdev(shim->netdev);
	if (error)
		goto bound;
	schedule_delayed_work(&shim->hang_work, ndis_adapter_hang_seconds(shim->adapter) * HZ);
	return 0;

bound:
	shim_transmit_free(shim);
initialized:
	ndis_adapter_halt(shim->adapter);
have_adapter:
	ndis_adapter_free(shim->adapter);
have_channel:
	shim_channel_close(shim);
	return error;
}

/* The inverse. If the function does not answer, the miniport hears it first and waits for nothing. */
void shim_stop(struct shim *shim)
{
	rtnl_lock();
	shim->removing = !pci_device_is_present(shim->pdev);
	rtnl_unlock();
	cancel_delayed_work_sync(&shim->hang_work);
	if (shim->removing)
		ndis_adapter_removed(shim->adapter);
	unregister_netdev(shim->netdev);
	cancel_work_sync(&shim->reset_work);
	shim_transmit_free(shim);
	ndis_adapter_halt(shim->adapter);
	ndis_adapter_free(shim->adapter);
	shim_channel_close(shim);
}
